/**
 * May this request be carried out here (DESIGN I3, I5, I14, I15)? Decided from the numbers that it carries and those
 * that the virtualizer made durable on this disk, in a table that is made anew with each assembly. A request that is
 * refused changes nothing; a write that is admitted tells which earlier ones are settled.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import type { AttachmentRecord, PartitionRecord } from '../../protocols/control-data.ts';
import { type FencingNumber, type Outcome, plainError } from '../../protocols/frames/reply.ts';
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import type { HostId, MirrorSetId, VolumeId } from '../../protocols/ids.ts';
import { blockBytes, type WriteNumber } from '../../protocols/units.ts';
import { tagWriteNumberMax } from './block-tags.ts';
import type { ExtentEntry, SuperblockContent, VolumeEntry } from './superblock.ts';

/** A partition as requests meet it. */
export interface PartitionFence {
  readonly record: PartitionRecord;
  /** The highest `lowestUnsettled` that a request of this epoch carried: writes below it are late copies. */
  lowestUnsettled: WriteNumber | 0;
}

export interface VolumeFence {
  readonly entry: VolumeEntry;
  /** False until the virtualizer has assembled the volume on this process of the disk. */
  readonly isAssembled: boolean;
  readonly partitions: ReadonlyMap<number, PartitionFence>;
  readonly attachments: ReadonlyMap<HostId, AttachmentRecord>;
  readonly eventCounts: ReadonlyMap<MirrorSetId, number>;
}

export type FenceTable = ReadonlyMap<VolumeId, VolumeFence>;

/** @param extent null for requests that speak of no range. */
export type Verdict =
  | { readonly ok: true; readonly extent: ExtentEntry | null; readonly isSettled: boolean }
  | { readonly ok: false; readonly outcome: Outcome };

/**
 * The table for a superblock.
 *
 * @param before the table until now: what it learned of epochs that are still the same is kept
 */
export function fenceTableOf(
  content: SuperblockContent,
  isAssembled: (volume: VolumeId) => boolean,
  before: FenceTable,
): FenceTable {
  return new Map(
    content.volumes.map((entry) => {
      const partitions = entry.partitions.map((record): [number, PartitionFence] => {
        const known = before.get(entry.volume)?.partitions.get(record.partition);
        const isSame = known?.record.epoch === record.epoch;
        const lowestUnsettled = isSame ? (known?.lowestUnsettled ?? 0) : 0;
        return [record.partition, { record, lowestUnsettled }];
      });
      const fence: VolumeFence = {
        entry,
        isAssembled: isAssembled(entry.volume),
        partitions: new Map(partitions),
        attachments: new Map(entry.attachments.map((record) => [record.host, record])),
        eventCounts: new Map(entry.mirrorSets.map(({ set, eventCount }) => [set, eventCount])),
      };
      return [entry.volume, fence];
    }),
  );
}

/**
 * Judges a request. Probes are not judged: they ask nothing of a volume.
 *
 * The control epoch that it was made under does not count: that one fences decisions (`assembly.ts`). A decision is
 * told to nobody before it is in the volume's key, so that all that are told come one after the other, whoever made
 * them, and a virtualizer that was replaced adds none. None gives again an epoch, event count or extent generation
 * that was given before. So what carries exactly the numbers that are in force here is what the decision in force
 * allows, and what an earlier decision alone allowed differs from it in one of them. When a virtualizer is replaced
 * and nothing else changes, I/O goes on as it was (DESIGN V7).
 */
export function judge(table: FenceTable, request: Request): Verdict {
  const fence = table.get(request.volume);
  if (fence === undefined) return fencedBy('extentGeneration', 0);
  if (!fence.isAssembled) return fencedBy('controlEpoch', fence.entry.controlEpoch);
  const sender = judgeSender(fence, request);
  if (sender !== null) return sender;
  const partition = judgePartition(fence, request);
  if (partition !== null) return partition;
  if (request.operation === Operation.flush) return { ok: true, extent: null, isSettled: false };
  return judgeRange(fence, request);
}

export function isWrite(operation: Operation): boolean {
  return (
    operation === Operation.write ||
    operation === Operation.writeZeroes ||
    operation === Operation.trim
  );
}

function changesMarks(operation: Operation): boolean {
  return operation === Operation.mark || operation === Operation.unmark;
}

/** A host must be attached, by the process that it is now; a coordinator's own copy says that it is one. */
function judgeSender(fence: VolumeFence, request: Request): Verdict | null {
  if (request.host === '') {
    if ((request.flags & RequestFlag.copy) !== 0) return null;
    return refused(Status.invalid, 'a request of no host must be a coordinator’s copy');
  }
  const attachment = fence.attachments.get(request.host);
  const isAttached =
    attachment?.attachEpoch === request.attachEpoch &&
    attachment.hostIncarnation === request.hostIncarnation;
  if (attachment === undefined || !isAttached)
    return fencedBy('attachEpoch', attachment?.attachEpoch ?? 0);
  if (attachment.readOnly && isWrite(request.operation))
    return refused(Status.masked, `host ${request.host} is attached for reading only`);
  return null;
}

/**
 * The partition's epoch and owner must be exactly those on record. Reads of an attached host may leave them out, for
 * they go to any in-sync mirror through anybody; a flush of a host speaks of no partition.
 */
function judgePartition(fence: VolumeFence, request: Request): Verdict | null {
  const { operation, host, partitionEpoch } = request;
  const ofHost = host !== '';
  const isOrdered = isWrite(operation) || changesMarks(operation);
  if (ofHost && (operation === Operation.flush || (!isOrdered && partitionEpoch === 0)))
    return null;
  const partition = fence.partitions.get(request.partition);
  if (partition === undefined || partition.record.epoch !== partitionEpoch)
    return fencedBy('partitionEpoch', partition?.record.epoch ?? 0);
  if (partition.record.ownerIncarnation !== request.ownerIncarnation)
    return fencedBy('ownerIncarnation', partition.record.ownerIncarnation);
  return null;
}

/** The range must lie in one extent of the volume, of the generation that is meant, in the present mirror set. */
function judgeRange(fence: VolumeFence, request: Request): Verdict {
  const { diskOffset, lengthBytes, operation, writeNumber } = request;
  const extent = fence.entry.extents.find(
    ({ start, lengthBytes: extentBytes }) =>
      diskOffset >= start && diskOffset < start + extentBytes,
  );
  if (extent === undefined || extent.generation !== request.extentGeneration)
    return fencedBy('extentGeneration', extent?.generation ?? 0);
  if (lengthBytes === 0 || diskOffset + lengthBytes > extent.start + extent.lengthBytes)
    return refused(
      Status.range,
      `${lengthBytes} bytes at ${diskOffset} are not in ${extent.extent}`,
    );
  if (request.offset % blockBytes !== diskOffset % blockBytes)
    return refused(Status.invalid, 'offsets in volume and disk must be equal modulo 4 KiB');
  // A higher event count than ours: we are no member of that set, or do not know it yet.
  const eventCount = extent.mirrorSet === '' ? null : fence.eventCounts.get(extent.mirrorSet);
  if (eventCount !== null && eventCount !== request.eventCount)
    return fencedBy('eventCount', eventCount ?? 0);
  if (!isWrite(operation)) return { ok: true, extent, isSettled: false };
  if (writeNumber < 1 || writeNumber > tagWriteNumberMax)
    return refused(Status.invalid, 'a write to a disk needs its coordinator’s write number');
  return { ok: true, extent, isSettled: isSettled(fence, request) };
}

/** True for a late copy: a request of the same epoch has said that this write is settled. */
function isSettled(fence: VolumeFence, { partition, lowestUnsettled, writeNumber }: Request) {
  const known = fence.partitions.get(partition);
  if (known === undefined) return false;
  if (lowestUnsettled > known.lowestUnsettled) known.lowestUnsettled = lowestUnsettled;
  return writeNumber < known.lowestUnsettled;
}

function fencedBy(number: FencingNumber, current: number): Verdict {
  return { ok: false, outcome: { status: Status.fenced, detail: { number, current } } };
}

function refused(
  status: typeof Status.invalid | typeof Status.range | typeof Status.masked,
  what: string,
): Verdict {
  return { ok: false, outcome: plainError(status, what) };
}
