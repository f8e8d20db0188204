/**
 * The check of a running cluster (`sanctor fsck` without files): what its actors tell, against what the config database holds,
 * and then what its disks have stored. Looks only. Much is true for a moment only while something is decided: only what
 * is found each time, over some seconds, is told.
 */
import {
  databaseKeys,
  type RecordRead,
  RecordStore,
} from '../../../actors/virtualizer/record-store.ts';
import {
  type EndedVolume,
  isEnded,
  type VolumeRecord,
  volumeKeySchema,
} from '../../../protocols/control-data.ts';
import type { VolumeId } from '../../../protocols/ids.ts';
import { sizeOf } from '../../../protocols/layout/layout.ts';
import type { Clock, ConfigDatabase } from '../../../protocols/ports.ts';
import { sizeText } from '../../../protocols/topology/sizes.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { blockBytes } from '../../../protocols/units.ts';
import type { CheckReport } from '../check.ts';
import type { CheckProgress } from '../check-blocks.ts';
import { type Finding, FindingList } from '../finding.ts';
import { judgeTold } from './judgement.ts';
import { type Ask, type ToldCluster, tellOf } from './told-cluster.ts';
import { verifyVolume } from './verify-blocks.ts';

export interface RunningParts {
  readonly topology: Topology;
  readonly database: ConfigDatabase;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly progress: CheckProgress;
  /** For how long blocks are verified; what is left then is said. 0: none are. */
  readonly verifyMs: number;
}

const looks = 3;
const lookPauseMs = 1500;

/** Checks all that can be asked for. */
export async function checkRunning(parts: RunningParts): Promise<CheckReport> {
  const findings = new FindingList();
  const told = await lookAtAll(parts, findings);
  const { bytes, unverified } = await verifyAll(parts, told, findings);
  return {
    cluster: parts.topology.cluster,
    checked: {
      disks: [...told.disks.values()].filter(({ kind }) => kind === 'open').length,
      volumes: told.records.size,
      blocks: Math.ceil(bytes / blockBytes),
      bytes,
    },
    notChecked: ['copies of superblocks', 'journals', ...unverified],
    totals: {
      errors: findings.count('error'),
      warnings: findings.count('warning'),
      notes: findings.count('note'),
    },
    findings: findings.listed,
    unlisted: findings.unlisted,
  };
}

/** Several times, until nothing is found, or what is found stays. */
async function lookAtAll(
  { topology, database, ask, clock }: RunningParts,
  findings: FindingList,
): Promise<ToldCluster> {
  let before: readonly string[] | null = null;
  for (let look = 1; ; look++) {
    const told = await tellOf(topology, database, ask);
    const known: readonly string[] | null = before;
    const found: readonly Finding[] = judgeTold(told).filter(
      (each) => known?.includes(whatOf(each)) !== false,
    );
    if (found.every(({ severity }) => severity === 'note') || look === looks) {
      findings.add(...found);
      return told;
    }
    before = found.map(whatOf);
    await new Promise<void>((done) => clock.setTimeout(done, lookPauseMs));
  }
}

/** What is the same finding at another time, though its numbers may be others. */
function whatOf({ kind, disk, volume, set }: Finding): string {
  return [kind, disk, volume, set].join(' ');
}

/** One volume after the other. */
async function verifyAll(
  { topology, database, ask, clock, progress, verifyMs }: RunningParts,
  told: ToldCluster,
  findings: FindingList,
): Promise<{ readonly bytes: number; readonly unverified: readonly string[] }> {
  const startedAt = clock.now();
  const isOver = () => clock.now() - startedAt >= verifyMs;
  const records = [...told.records.values()];
  const totalBytes = records.reduce((sum, { layout }) => sum + sizeOf(layout), 0);
  const unverified: string[] = [];
  let [bytes, steppedBytes] = [0, 0];
  for (const before of records) {
    // The volumes before it took their time: meanwhile mirrors may have been lost, or the volume deleted.
    const now = await decidedNow(database, before.volume);
    if (now === 'ended') continue;
    const record = now ?? before;
    const { volume, layout, generation } = record;
    const verified = await verifyVolume(record, {
      ...{ ask, clock, findings, isOver, policy: topology.policies.scrub },
      isDecidedStill: async () => isOfGeneration(await decidedNow(database, volume), generation),
      stepped: (stepBytes) => {
        steppedBytes += stepBytes;
        progress.stepped(steppedBytes, totalBytes);
      },
    });
    bytes += verified.bytes;
    if (verified.doneBytes < sizeOf(layout))
      unverified.push(`blocks of volume ${volume} from ${sizeText(verified.doneBytes)} on`);
  }
  return { bytes, unverified };
}

/** What the config database has of a volume; null where it cannot be read. */
async function decidedNow(
  database: ConfigDatabase,
  volume: VolumeId,
): Promise<VolumeRecord | 'ended' | null> {
  const store = new RecordStore(database, databaseKeys.volume(volume), volumeKeySchema);
  const result = await new Promise<RecordRead<VolumeRecord | EndedVolume>>((done) =>
    store.read(done),
  );
  if (result.outcome !== 'found') return null;
  return isEnded(result.value) ? 'ended' : result.value;
}

function isOfGeneration(decided: VolumeRecord | 'ended' | null, generation: number): boolean {
  return decided !== null && decided !== 'ended' && decided.generation === generation;
}
