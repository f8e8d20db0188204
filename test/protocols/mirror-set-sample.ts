/** Mirror sets for tests. */
import type { MirrorSetRecord, MirrorState } from '../../protocols/control-data.ts';
import { idOf } from '../../protocols/ids.ts';
import { type EventCount, type PartitionEpoch, unitOf } from '../../protocols/units.ts';

/** One whose mirrors have been in these states since the volume's first decision. */
export function mirrorSetOf(
  set: string,
  eventCount: number,
  mirrors: readonly MirrorState[],
): MirrorSetRecord {
  return {
    set: idOf(set),
    eventCount: unitOf<EventCount>(eventCount),
    mirrors: [...mirrors],
    heldSince: unitOf<PartitionEpoch>(0),
    epochsSince: mirrors.map(() => unitOf<PartitionEpoch>(0)),
  };
}
