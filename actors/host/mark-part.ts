/** Parts of marks: they need no cut where the disks or frames end, for their coordinator carries them out run by run. Pure. */
import { Operation } from '../../protocols/codes.ts';
import { rangeBytesMax } from '../../protocols/frames/request.ts';
import type { CutPart } from '../../protocols/layout/compiled-layout.ts';
import { type CoordinatorMap, partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';

/** True for what changes marks, and no byte. */
export function changesMarks(operation: Operation): boolean {
  return operation === Operation.mark || operation === Operation.unmark;
}

/** What of a range is one partition's, from its begin on. */
export function markPartOf(map: CoordinatorMap, from: number, to: number): CutPart {
  const start = unitOf<VolumeOffset>(from);
  const end = Math.min(to, partitionEnd(map, start), from + rangeBytesMax);
  return {
    start,
    lengthBytes: end - from,
    set: null,
    legs: [],
    partition: partitionOf(map, start),
  };
}
