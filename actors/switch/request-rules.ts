/**
 * Who may do I/O, by the numbers that a request carries (DESIGN §1): pure, in the order in which the rules are
 * checked. The first that is broken decides what the host does next (DESIGN §5).
 */
import { Status } from '../../protocols/codes.ts';
import type { PartitionRecord } from '../../protocols/control-data.ts';
import { type Outcome, plainError } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { IoNumber } from '../../protocols/units.ts';
import { holdsRange, type LoadedVolume } from './loaded-volume.ts';
import type { Partition } from './partition.ts';

/** How long a host waits before it asks again a coordinator that cannot serve yet. */
export const notServingRetryMs = 50;

/** The request must be made under the control data that is loaded. */
export function generationRefusal(volume: LoadedVolume, request: Request): Outcome | null {
  const { generation } = volume.load;
  if (request.generation === generation) return null;
  return { status: Status.staleGeneration, detail: { generation } };
}

/**
 * This switch must own the partition, under exactly the epoch and incarnation that the host believes in, and must
 * have settled it, and not be about to let it go.
 *
 * @param partition null when it is not this switch's
 */
export function partitionRefusal(
  record: PartitionRecord | undefined,
  partition: Partition | null,
  request: Request,
): Outcome | null {
  if (record === undefined)
    return plainError(Status.invalid, `there is no partition ${request.partition}`);
  if (partition === null) return notCoordinator(record);
  const { epoch, ownerIncarnation } = partition;
  if (request.partitionEpoch !== epoch)
    return { status: Status.fenced, detail: { number: 'partitionEpoch', current: epoch } };
  if (request.ownerIncarnation !== ownerIncarnation) {
    const detail = { number: 'ownerIncarnation', current: ownerIncarnation } as const;
    return { status: Status.fenced, detail };
  }
  if (partition.mode === 'yielding') return notCoordinator(record);
  if (partition.mode !== 'serving')
    return { status: Status.busy, detail: { retryAfterMs: notServingRetryMs } };
  return null;
}

/** Who it is, the host learns from control data. */
function notCoordinator({ partition, coordinator, epoch }: PartitionRecord): Outcome {
  return { status: Status.notCoordinator, detail: { partition, coordinator, epoch } };
}

/** The host process must be attached, under exactly this attach epoch, and to write when it writes. */
export function attachmentRefusal(
  volume: LoadedVolume,
  request: Request,
  writes: boolean,
): Outcome | null {
  const attachment = request.host === '' ? undefined : volume.attachments.get(request.host);
  const { volume: id } = request;
  if (attachment === undefined)
    return plainError(Status.masked, `host ${request.host} is not attached to volume ${id}`);
  const { attachEpoch, hostIncarnation, readOnly } = attachment;
  if (request.hostIncarnation !== hostIncarnation || request.attachEpoch !== attachEpoch)
    return { status: Status.fenced, detail: { number: 'attachEpoch', current: attachEpoch } };
  if (writes && readOnly)
    return plainError(Status.masked, `host ${request.host} may only read volume ${id}`);
  return null;
}

/** The volume must hold the range. */
export function rangeRefusal(volume: LoadedVolume, request: Request): Outcome | null {
  if (holdsRange(volume, request.offset, request.lengthBytes)) return null;
  return plainError(Status.range, `volume ${request.volume} ends at ${volume.load.sizeBytes}`);
}

/** Says that a request names a partition in which its range is not. */
export function otherPartition(actual: number, { partition }: Request): Outcome {
  return plainError(Status.invalid, `the range is in partition ${actual}, not in ${partition}`);
}

/** Says that an I/O has ended at its host, as the host itself has told. */
export function belowWatermark(current: IoNumber): Outcome {
  return { status: Status.fenced, detail: { number: 'watermark', current } };
}
