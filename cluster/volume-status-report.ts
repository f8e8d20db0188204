/** A volume in the state of a cluster: what the virtualizer says of it, with its mirrors and their progress one by one. */
import type { z } from 'zod';
import type { volumeFactsSchema } from './status-facts.ts';

export type VolumeFacts = z.infer<typeof volumeFactsSchema>;

export interface MirrorStatus {
  readonly set: string;
  /** Which of the set's mirrors, from 0. */
  readonly mirror: number;
  readonly state: string;
  readonly eventCount: number;
  /** That it lies on; empty where that is not told. */
  readonly disks: readonly string[];
}

export interface ResyncStatus {
  /** Bytes that are equal now, and those that are to become so. */
  readonly done: number;
  readonly total: number;
  /** Null: that cannot be said yet. */
  readonly etaSeconds: number | null;
  /** Why it does not go on, for people; '' when it does. */
  readonly problem: string;
}

export interface VolumeStatus {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly mirrors: readonly MirrorStatus[];
  /** Of all mirrors that are being made equal; null: none is. */
  readonly resync: ResyncStatus | null;
  readonly removalsProposed: VolumeFacts['removalsProposed'];
  readonly scrub: VolumeFacts['scrub'];
  readonly [more: string]: unknown;
}

/** As `status --json` shows it. */
export function volumeStatusOf(facts: VolumeFacts): VolumeStatus {
  const { volume, sizeBytes, mirrorSets, resync, ...rest } = facts;
  const mirrors = mirrorSets.flatMap(({ set, eventCount, mirrors, disks }) =>
    mirrors.map((state, mirror) => ({
      ...{ set, mirror, state, eventCount },
      disks: disks[mirror] ?? [],
    })),
  );
  return { name: volume, size: sizeBytes, ...rest, mirrors, resync: resyncStatusOf(resync) };
}

function resyncStatusOf(resync: VolumeFacts['resync']): ResyncStatus | null {
  if (resync === null) return null;
  const { totalBytes, remainingBytes, etaSeconds, problem } = resync;
  return { done: totalBytes - remainingBytes, total: totalBytes, etaSeconds, problem };
}
