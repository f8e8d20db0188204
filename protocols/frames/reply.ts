/**
 * The reply frame: how one physical I/O ended. A reply counts only where host incarnation, I/O number and attempt
 * match the slot that it is addressed to (DESIGN I6). Field order is wire format, guarded by a golden file.
 */

import type { Operation } from '../codes.ts';
import { assertNever, isOperation, isStatus, Status } from '../codes.ts';
import type { DiskId, HostId, LinkId, SwitchId, VolumeId } from '../ids.ts';
import { isId } from '../ids.ts';
import type {
  DiskInstance,
  EventCount,
  Generation,
  Incarnation,
  IoNumber,
  PartitionEpoch,
  VolumeOffset,
  WriteNumber,
} from '../units.ts';
import type { HeaderReader } from './header-reader.ts';
import { type HeaderWriter, listLengthMax, textLengthMax } from './header-writer.ts';
import { isCount, rangeBytesMax } from './request.ts';

/** The numbers that can fence a request, by their names in the request frame. */
export const fencingNumbers = [
  'controlEpoch',
  'attachEpoch',
  'partitionEpoch',
  'ownerIncarnation',
  'eventCount',
  'extentGeneration',
  'watermark',
] as const;
export type FencingNumber = (typeof fencingNumbers)[number];

/** What a code carries (DESIGN §5). Empty alternates or links: the host must query the virtualizer. */
export interface PathDetail {
  readonly links: readonly LinkId[];
  readonly alternates: readonly LinkId[];
}
export interface MirrorReadDetail {
  readonly disk: DiskId;
  readonly alternates: readonly DiskId[];
}
export interface StaleGenerationDetail {
  readonly generation: Generation;
}
export interface NotCoordinatorDetail {
  readonly partition: number;
  /** '' when unknown. */
  readonly coordinator: SwitchId | '';
  readonly epoch: PartitionEpoch;
}
export interface FencedDetail {
  readonly number: FencingNumber;
  readonly current: number;
}
export interface NotLoadedDetail {
  readonly volume: VolumeId;
}
export interface BusyDetail {
  readonly retryAfterMs: number;
}
/** For plain errors: what is wrong, for people. */
export interface PlainDetail {
  readonly what: string;
}

export type PlainErrorStatus =
  | typeof Status.masked
  | typeof Status.media
  | typeof Status.noSpace
  | typeof Status.range
  | typeof Status.invalid;

export type Outcome =
  | { readonly status: typeof Status.ok; readonly detail: null }
  | { readonly status: typeof Status.path; readonly detail: PathDetail }
  | { readonly status: typeof Status.mirrorRead; readonly detail: MirrorReadDetail }
  | { readonly status: typeof Status.staleGeneration; readonly detail: StaleGenerationDetail }
  | { readonly status: typeof Status.notCoordinator; readonly detail: NotCoordinatorDetail }
  | { readonly status: typeof Status.fenced; readonly detail: FencedDetail }
  | { readonly status: typeof Status.notLoaded; readonly detail: NotLoadedDetail }
  | { readonly status: typeof Status.busy; readonly detail: BusyDetail }
  | { readonly status: PlainErrorStatus; readonly detail: PlainDetail };

/** The outcome of an I/O that went well. */
export const success: Outcome = { status: Status.ok, detail: null };

/** The outcome of an I/O that ended with a plain error. */
export function plainError(status: PlainErrorStatus, what: string): Outcome {
  return { status, detail: { what } };
}

export interface Reply {
  operation: Operation;
  outcome: Outcome;
  volume: VolumeId;
  offset: VolumeOffset;
  /** Of the range that the request spoke of. */
  lengthBytes: number;
  host: HostId | '';
  hostIncarnation: Incarnation;
  ioNumber: IoNumber;
  attempt: number;
  generation: Generation;
  partitionEpoch: PartitionEpoch;
  eventCount: EventCount;
  /** The disk that answered; '' when it was a coordinator. */
  disk: DiskId | '';
  /** 0 when no disk answered. */
  diskInstance: DiskInstance;
  writeNumber: WriteNumber;
}

/** The order of the fields on the wire, behind version and frame kind. */
export const replyFields = [
  'operation',
  'status',
  'detail',
  'volume',
  'offset',
  'lengthBytes',
  'host',
  'hostIncarnation',
  'ioNumber',
  'attempt',
  'generation',
  'partitionEpoch',
  'eventCount',
  'disk',
  'diskInstance',
  'writeNumber',
] as const;

/** Writes the fields of a reply in wire order. */
export function writeReply(r: Reply, writer: HeaderWriter): void {
  writer.count(r.operation);
  writer.count(r.outcome.status);
  writer.value(r.outcome.detail);
  writer.id(r.volume);
  writer.count(r.offset);
  writer.count(r.lengthBytes);
  writer.id(r.host);
  writer.count(r.hostIncarnation);
  writer.count(r.ioNumber);
  writer.count(r.attempt);
  writer.count(r.generation);
  writer.count(r.partitionEpoch);
  writer.count(r.eventCount);
  writer.id(r.disk);
  writer.count(r.diskInstance);
  writer.count(r.writeNumber);
}

/** Reads the fields of a reply in wire order; what it gives is valid when `isValidReply` and the reader agree. */
export function readReply(reader: HeaderReader): Reply {
  const reply = {
    operation: reader.count(),
    outcome: readOutcome(reader),
    volume: reader.id(),
    offset: reader.count(),
    lengthBytes: reader.count(),
    host: reader.idOrNone(),
    hostIncarnation: reader.count(),
    ioNumber: reader.count(),
    attempt: reader.count(),
    generation: reader.count(),
    partitionEpoch: reader.count(),
    eventCount: reader.count(),
    disk: reader.idOrNone(),
    diskInstance: reader.count(),
    writeNumber: reader.count(),
  };
  return reply as unknown as Reply;
}

/** Checks what the grammar of the fields does not say. */
export function isValidReply(r: Reply): boolean {
  return (
    isOperation(r.operation) &&
    r.lengthBytes <= rangeBytesMax &&
    Number.isSafeInteger(r.offset + r.lengthBytes)
  );
}

function isIdList(value: unknown): boolean {
  return Array.isArray(value) && value.length <= listLengthMax && value.every(isId);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= textLengthMax;
}

/** Reads a status and the detail that it carries. */
function readOutcome(reader: HeaderReader): Outcome {
  const status = reader.count();
  const detail = reader.value();
  if (status === Status.ok && detail === null) return success;
  if (isStatus(status) && status !== Status.ok && typeof detail === 'object' && detail !== null)
    if (detailFits(status, detail as Record<string, unknown>))
      return { status, detail } as unknown as Outcome;
  reader.fail();
  return success;
}

function detailFits(
  status: Exclude<Status, typeof Status.ok>,
  d: Record<string, unknown>,
): boolean {
  switch (status) {
    case Status.path:
      return isIdList(d.links) && isIdList(d.alternates);
    case Status.mirrorRead:
      return isId(d.disk) && isIdList(d.alternates);
    case Status.staleGeneration:
      return isCount(d.generation);
    case Status.notCoordinator:
      return (
        isCount(d.partition) && isCount(d.epoch) && (d.coordinator === '' || isId(d.coordinator))
      );
    case Status.fenced:
      return fencingNumbers.includes(d.number as FencingNumber) && isCount(d.current);
    case Status.notLoaded:
      return isId(d.volume);
    case Status.busy:
      return isCount(d.retryAfterMs);
    case Status.masked:
    case Status.media:
    case Status.noSpace:
    case Status.range:
    case Status.invalid:
      return isText(d.what);
    default:
      return assertNever(status, 'status');
  }
}
