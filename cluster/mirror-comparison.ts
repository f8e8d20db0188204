/**
 * Compares the mirrors of a volume byte by byte, by checksums that each disk computes over what it has stored. True
 * only while nobody writes. Mirrors that are not in sync may hold anything: they are named, and not compared.
 */
import { z } from 'zod';
import { checksumChunkBytes, checksumRangeBytesMax, verbs } from '../protocols/commands.ts';
import type { ControlData, MirrorState } from '../protocols/control-data.ts';
import type { DiskId, ExtentId, MirrorSetId, VolumeId } from '../protocols/ids.ts';
import { cutRange, type Leg } from '../protocols/layout/geometry.ts';
import { extentsOf, type Layout, mirrorSetsOf, sizeOf } from '../protocols/layout/layout.ts';
import { unitOf, type VolumeOffset } from '../protocols/units.ts';
import type { ClusterClient } from './cluster-client.ts';

/** A range that is contiguous on all its mirrors. */
interface MirroredRun {
  readonly legs: readonly Leg[];
  lengthBytes: number;
}

export interface Difference {
  readonly disks: readonly DiskId[];
  readonly extent: ExtentId;
  /** Within the extent of the first mirror. */
  readonly atBytes: number;
}

export interface UncomparedMirror {
  readonly set: MirrorSetId;
  /** Which of the set's mirrors, from 0. */
  readonly mirror: number;
  readonly state: MirrorState;
  readonly disks: readonly DiskId[];
}

export interface Comparison {
  /** Of what at least two mirrors in sync have. */
  readonly comparedBytes: number;
  readonly differences: readonly Difference[];
  /** Mirrors that are not in sync. */
  readonly notCompared: readonly UncomparedMirror[];
}

/** What is known of a volume's mirrors: where they lie, and whether they are in sync. */
export type Mirrors = Pick<ControlData, 'layout' | 'mirrorSets'>;

const checksumsSchema = z.array(z.number());
const answerTimeoutMs = 60_000;
const stepBytes = 16 * checksumChunkBytes;

/** @throws Error when a disk cannot be read, or does not answer. */
export async function compareMirrors(
  client: ClusterClient,
  volume: VolumeId,
  mirrors: Mirrors,
): Promise<Comparison> {
  const { layout } = mirrors;
  const notCompared = notInSync(mirrors);
  const differences: Difference[] = [];
  let comparedBytes = 0;
  for (const run of mirroredRuns(layout, notCompared)) {
    for (let at = 0; at < run.lengthBytes; at += stepBytes) {
      const lengthBytes = Math.min(stepBytes, checksumRangeBytesMax, run.lengthBytes - at);
      const sums = await Promise.all(
        run.legs.map((leg) => checksumsOf(client, volume, layout, leg, { at, lengthBytes })),
      );
      comparedBytes += lengthBytes;
      differences.push(...differencesOf(run, at, sums));
    }
  }
  return { comparedBytes, differences, notCompared };
}

function notInSync({ layout, mirrorSets }: Mirrors): readonly UncomparedMirror[] {
  const nodes = new Map(mirrorSetsOf(layout).map(({ set, node }) => [set, node]));
  return mirrorSets.flatMap(({ set, mirrors }) =>
    mirrors.flatMap((state, mirror) => {
      const node = nodes.get(set)?.children[mirror];
      if (state === 'in-sync' || node === undefined) return [];
      return [{ set, mirror, state, disks: extentsOf(node).map(({ disk }) => disk) }];
    }),
  );
}

function differencesOf(
  run: MirroredRun,
  at: number,
  sums: readonly (readonly number[])[],
): Difference[] {
  const [first = [], ...others] = sums;
  const [leg] = run.legs;
  if (leg === undefined) return [];
  return first.flatMap((sum, index) =>
    others.every((other) => other[index] === sum)
      ? []
      : [
          {
            disks: run.legs.map(({ disk }) => disk),
            extent: leg.extent,
            atBytes: at + index * checksumChunkBytes,
          },
        ],
  );
}

async function checksumsOf(
  client: ClusterClient,
  volume: VolumeId,
  layout: Layout,
  leg: Leg,
  { at, lengthBytes }: { at: number; lengthBytes: number },
): Promise<readonly number[]> {
  const atBytes = leg.offset - startOf(layout, leg.extent) + at;
  const query = { volume, extent: leg.extent, atBytes, lengthBytes };
  const receiver = { kind: 'disk', id: leg.disk } as const;
  const answer = await client.ask(receiver, verbs.checksums, query, answerTimeoutMs);
  const asked = Math.ceil(lengthBytes / checksumChunkBytes);
  const checksums = checksumsSchema.safeParse(answer.ok ? answer.checksums : null).data ?? [];
  if (checksums.length === asked) return checksums;
  const what = answer.ok ? `${checksums.length} checksums instead of ${asked}` : answer.message;
  throw new Error(`disk ${leg.disk} cannot be compared: ${what}`);
}

function startOf(layout: Layout, extent: ExtentId): number {
  if (layout.kind === 'extent') return layout.extent === extent ? layout.start : -1;
  return Math.max(...layout.children.map((child) => startOf(child, extent)));
}

/**
 * Joins the parts of a whole layout to the longest runs: strips that lie behind each other on all their disks. Only of
 * what lies on several mirrors that are compared.
 */
function mirroredRuns(
  layout: Layout,
  notCompared: readonly UncomparedMirror[],
): readonly MirroredRun[] {
  const isCompared = ({ steps }: Leg) =>
    steps.every(({ set, mirror }) =>
      notCompared.every((other) => other.set !== set || other.mirror !== mirror),
    );
  const runs: MirroredRun[] = [];
  const last = new Map<string, MirroredRun>();
  const whole = { start: unitOf<VolumeOffset>(0), lengthBytes: sizeOf(layout) };
  for (const { legs: all, lengthBytes } of cutRange(layout, whole)) {
    const legs = all.filter(isCompared);
    if (legs.length < 2) continue;
    const key = legs.map(({ extent }) => extent).join(' ');
    const run = last.get(key);
    const behind = run?.legs.every(
      (leg, index) => leg.offset + run.lengthBytes === legs[index]?.offset,
    );
    if (run !== undefined && behind) run.lengthBytes += lengthBytes;
    else {
      const begun = { legs: [...legs], lengthBytes };
      last.set(key, begun);
      runs.push(begun);
    }
  }
  return runs;
}
