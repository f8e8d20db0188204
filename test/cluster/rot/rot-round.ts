/**
 * A round of rot: a cluster of its own, consumers that know what they must read, and damage to the files of its disks under
 * their I/O. At its end every block is good on all mirrors, in the files too.
 */
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { StepOutcome } from '../../proofs/proof.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { openPlace, RotSite, volumeBytes } from './rot-site.ts';
import {
  type AwayCounts,
  type BlockCounts,
  healByWriting,
  type Noticed,
  rotInSync,
  rotWhileAway,
} from './rot-steps.ts';
import { expectGoodFiles, type MetadataCounts, rotMetadata } from './stopped-rot.ts';

const problemsShown = 5;

export interface RotPlan {
  readonly inSync: BlockCounts;
  readonly away: AwayCounts;
  readonly metadata: MetadataCounts;
}

/** Of a round. */
export interface RotData {
  readonly corruptions: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly noticed: Noticed;
  readonly goodReads: number;
}

export interface RotRoundOptions {
  readonly name: string;
  readonly plan: RotPlan;
  /** Another one than this build's `sanctor`, which is to be found out while all mirrors are in sync. */
  readonly program?: string;
}

export async function rotRound(options: RotRoundOptions): Promise<StepOutcome> {
  const place = await openPlace();
  try {
    const random = new SeededRandom(`rot ${options.name}`);
    const site = await RotSite.start(place, random, options.program);
    const data = await carryOut(site, options).catch((error: unknown) => {
      site.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
      return null;
    });
    const problems = [...site.still.problems, ...site.problems].slice(0, problemsShown);
    if (data === null) return { said: 'broke off', problems };
    return { said: textOf(data), problems, data };
  } finally {
    await place.close();
  }
}

async function carryOut(site: RotSite, { plan, program }: RotRoundOptions): Promise<RotData> {
  const { still, load, cluster } = site;
  for (let version = 1; version <= 2; version++) {
    await still.fill();
    await site.bringHome();
  }
  load.start();
  still.start();
  const noticed = await rotInSync(site, plan.inSync);
  if (program === undefined) {
    await rotWhileAway(site, plan.away);
    await healByWriting(site);
  }
  await still.stop();
  await load.stop();
  if (program === undefined) {
    site.check(
      load.recorder.total('error') === 0,
      `consumers saw errors: ${[...load.recorder.errors.keys()].join('; ')}`,
    );
    await load.readBack();
    await expectEqualMirrors(cluster, volumeBytes);
  }
  await site.close();
  await cluster.stop();
  let metadata: Readonly<Record<string, number>> = {};
  if (program === undefined) {
    await expectGoodFiles(site);
    metadata = await rotMetadata(site, plan.metadata);
  }
  return dataOf(site, noticed, metadata);
}

function dataOf(
  { struck, still }: RotSite,
  noticed: Noticed,
  metadata: Readonly<Record<string, number>>,
): RotData {
  const byKind: Record<string, number> = { ...metadata };
  for (const { kind } of struck) byKind[kind] = (byKind[kind] ?? 0) + 1;
  const corruptions = Object.values(byKind).reduce((sum, count) => sum + count, 0);
  return { corruptions, byKind, noticed, goodReads: still.goodReads };
}

function textOf({ corruptions, byKind, noticed, goodReads }: RotData): string {
  const kinds = Object.entries(byKind).map(([kind, count]) => `${count} x ${kind}`);
  const { byRead, byScrub, overwritten, reported } = noticed;
  return (
    `${corruptions} corruptions (${kinds.join(', ')}); while in sync ${byRead} met by reads, ${byScrub} by scrub, ` +
    `${overwritten} where the disk had something newer, ${reported} reported as lost; ${goodReads} reads were right`
  );
}
