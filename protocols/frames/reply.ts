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

/** The values of a reply in wire order. */
export function replyValues(r: Reply): unknown[] {
  return [
    r.operation,
    r.outcome.status,
    r.outcome.detail,
    r.volume,
    r.offset,
    r.lengthBytes,
    r.host,
    r.hostIncarnation,
    r.ioNumber,
    r.attempt,
    r.generation,
    r.partitionEpoch,
    r.eventCount,
    r.disk,
    r.diskInstance,
    r.writeNumber,
  ];
}

const numericPlaces = [4, 5, 7, 8, 9, 10, 11, 12, 14, 15];

/** Reads a reply from its wire values, which begin at `first`; null when any of them is not valid. */
export function replyFrom(values: readonly unknown[], first: number): Reply | null {
  if (values.length !== first + replyFields.length) return null;
  for (const place of numericPlaces) if (!isCount(values[first + place])) return null;
  const v = values.slice(first) as never[];
  const outcome = outcomeFrom(v[1], v[2]);
  if (outcome === null) return null;
  const reply = {
    operation: v[0],
    outcome,
    volume: v[3],
    offset: v[4],
    lengthBytes: v[5],
    host: v[6],
    hostIncarnation: v[7],
    ioNumber: v[8],
    attempt: v[9],
    generation: v[10],
    partitionEpoch: v[11],
    eventCount: v[12],
    disk: v[13],
    diskInstance: v[14],
    writeNumber: v[15],
  } as unknown as Reply;
  const valid =
    isOperation(reply.operation) &&
    reply.lengthBytes <= rangeBytesMax &&
    isId(reply.volume) &&
    (reply.host === '' || isId(reply.host)) &&
    (reply.disk === '' || isId(reply.disk));
  return valid ? reply : null;
}

const listLengthMax = 64;
const textLengthMax = 512;

function isIdList(value: unknown): boolean {
  return Array.isArray(value) && value.length <= listLengthMax && value.every(isId);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= textLengthMax;
}

/** Checks that a detail is what its status carries. */
function outcomeFrom(status: unknown, detail: unknown): Outcome | null {
  if (!isStatus(status)) return null;
  if (status === Status.ok) return detail === null ? success : null;
  if (typeof detail !== 'object' || detail === null) return null;
  return detailFits(status, detail as Record<string, unknown>)
    ? ({ status, detail } as Outcome)
    : null;
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
