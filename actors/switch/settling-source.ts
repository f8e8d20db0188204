/**
 * Where a block of mirrors that differ is copied from when its newest copy cannot be read (DESIGN I8, I13). Every copy
 * that is in sync has all that was acknowledged: one with an older tag lacks at most writes whose end no host has seen.
 * Those whose hosts are gone, or that no disk remembers, need not have happened. One that a disk has done, and whose
 * host goes on, may have happened already: it is owed. Its blocks are left as they are until its host sends it again.
 * The same goes for a copy whose tag is lost: it may have been the newest one, and by its record is. A copy that was
 * never written is as good as any: where it is in sync, nothing was acknowledged there. If blocks were left unequal for
 * its sake, a tag that can be read again later would bring something back that others do not have.
 */
import {
  recordChecksum,
  recordEpoch,
  recordWriteNumber,
} from '../../protocols/frames/tag-records.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { blockBytes, type VolumeOffset } from '../../protocols/units.ts';
import type { HostWrites, OwedTo } from './unfinished-writes.ts';

/** A block on its mirrors. */
export interface UnequalBlock {
  /** By mirror: its tag records, and the place of the block among them. */
  readonly records: readonly DataView[];
  readonly index: number;
  /** By mirror. */
  readonly disks: readonly DiskId[];
  readonly start: VolumeOffset;
}

export type NextSource =
  | { readonly kind: 'copy'; readonly source: number }
  | { readonly kind: 'owed'; readonly writes: readonly OwedTo[] }
  /** All copies were tried, or nobody knows which of several is right. */
  | { readonly kind: 'none' };

/** @param failed the mirrors that could not be read: at least the first one with the highest tag, and all lost ones */
export function nextSource(
  block: UnequalBlock,
  failed: ReadonlySet<number>,
  hosts: readonly HostWrites[],
): NextSource {
  const { records, index, disks } = block;
  const source = newestOf(block, failed);
  const record = records[source];
  const disk = disks[source];
  if (record === undefined || disk === undefined) return { kind: 'none' };
  const owed = writesLacking(disk, block, hosts);
  const isNewest = records.every((other) => !isNewer(other, record, index));
  if (!isNewest && owed.length > 0) return { kind: 'owed', writes: owed };
  const isDoubted = records.some(
    (other) =>
      isSameTag(other, record, index) &&
      recordChecksum(other, index) !== recordChecksum(record, index),
  );
  return isDoubted ? { kind: 'none' } : { kind: 'copy', source };
}

/** The first mirror with the highest tag among those that have not failed; -1 when all have. */
function newestOf({ records, index }: UnequalBlock, failed: ReadonlySet<number>): number {
  let source = -1;
  for (const [mirror, record] of records.entries()) {
    if (failed.has(mirror)) continue;
    const best = records[source];
    if (best === undefined || isNewer(record, best, index)) source = mirror;
  }
  return source;
}

/** What was done at another disk, and not at this one: nothing that overlaps it has begun after it. */
function writesLacking(
  disk: DiskId,
  { start }: UnequalBlock,
  hosts: readonly HostWrites[],
): readonly OwedTo[] {
  return hosts.flatMap(({ host, writes, done }) =>
    writes.flatMap((write) => {
      const overlaps =
        write.offset < start + blockBytes && start < write.offset + write.lengthBytes;
      const places = done.get(write.ioNumber);
      return overlaps && places?.has(disk) === false ? [{ host, write }] : [];
    }),
  );
}

function isNewer(one: DataView, other: DataView, index: number): boolean {
  const epoch = recordEpoch(one, index);
  const otherEpoch = recordEpoch(other, index);
  if (epoch !== otherEpoch) return epoch > otherEpoch;
  return recordWriteNumber(one, index) > recordWriteNumber(other, index);
}

function isSameTag(one: DataView, other: DataView, index: number): boolean {
  return !isNewer(one, other, index) && !isNewer(other, one, index);
}
