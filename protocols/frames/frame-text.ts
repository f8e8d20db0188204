/**
 * Frames as people read them, and as JSON. Every field of a frame has its text here: one that is added to the wire and
 * forgotten here does not compile.
 */
import { firstBadPiece } from '../checksums.ts';
import { assertNever, operationName, Status, statusName } from '../codes.ts';
import { type Frame, type FrameData, FrameKind } from './frame.ts';
import { type Outcome, type Reply, replyFields } from './reply.ts';
import { type Request, RequestFlag, requestFields } from './request.ts';

/** Texts by field, in reading order; '' where a field says nothing. */
type Texts<Field extends string, Header> = Readonly<Record<Field, (header: Header) => string>>;

const requestTexts: Texts<(typeof requestFields)[number], Request> = {
  operation: (r) => operationName(r.operation),
  volume: (r) => r.volume,
  offset: (r) => `at ${r.offset}`,
  lengthBytes: (r) => `length ${r.lengthBytes}`,
  flags: (r) => flagNames(r.flags).join(' '),
  host: (r) => labelled('host', r.host),
  ioNumber: (r) => `I/O ${r.ioNumber}`,
  attempt: (r) => `attempt ${r.attempt}`,
  disk: (r) => labelled('disk', r.disk),
  diskOffset: (r) => (r.extentGeneration === 0 ? '' : `disk offset ${r.diskOffset}`),
  mirrorSet: (r) => labelled('mirror set', r.mirrorSet),
  partition: (r) => `partition ${r.partition}`,
  partitionEpoch: (r) => labelled('epoch', r.partitionEpoch),
  writeNumber: (r) => labelled('write number', r.writeNumber),
  lowestUnsettled: (r) => labelled('lowest unsettled', r.lowestUnsettled),
  generation: (r) => labelled('generation', r.generation),
  eventCount: (r) => labelled('event count', r.eventCount),
  attachEpoch: (r) => labelled('attach epoch', r.attachEpoch),
  controlEpoch: (r) => labelled('control epoch', r.controlEpoch),
  extentGeneration: (r) => labelled('extent generation', r.extentGeneration),
  watermark: (r) => labelled('watermark', r.watermark),
  regionWrites: (r) => labelled('region writes', r.regionWrites),
  route: (r) => labelled('route', r.route.join(' ')),
  replyKind: (r) => `answer to ${r.replyKind}`,
  replyId: (r) => r.replyId,
  replySlot: (r) => `slot ${r.replySlot}`,
  hostIncarnation: (r) => labelled('host incarnation', r.hostIncarnation),
  ownerIncarnation: (r) => labelled('owner incarnation', r.ownerIncarnation),
};

const replyTexts: Texts<(typeof replyFields)[number], Reply> = {
  operation: (r) => operationName(r.operation),
  volume: (r) => r.volume,
  offset: (r) => `at ${r.offset}`,
  lengthBytes: (r) => `length ${r.lengthBytes}`,
  status: (r) => statusName(r.outcome.status),
  detail: (r) => detailText(r.outcome),
  host: (r) => labelled('host', r.host),
  ioNumber: (r) => `I/O ${r.ioNumber}`,
  attempt: (r) => `attempt ${r.attempt}`,
  disk: (r) => labelled('disk', r.disk),
  partitionEpoch: (r) => labelled('epoch', r.partitionEpoch),
  writeNumber: (r) => labelled('write number', r.writeNumber),
  generation: (r) => labelled('generation', r.generation),
  eventCount: (r) => labelled('event count', r.eventCount),
  diskInstance: (r) => labelled('disk instance', r.diskInstance),
  hostIncarnation: (r) => labelled('host incarnation', r.hostIncarnation),
};

/** A frame as one line. */
export function frameText(frame: Frame): string {
  const isRequest = frame.kind === FrameKind.request;
  const header = isRequest
    ? Object.values(requestTexts).map((text) => text(frame.request))
    : Object.values(replyTexts).map((text) => text(frame.reply));
  const words = [isRequest ? 'request' : 'reply', ...header, dataText(frame)];
  return words.filter((word) => word !== '').join('  ');
}

/** A frame as JSON: its fields by their names on the wire, codes by name, and how its data is. */
export function frameJson(frame: Frame): Readonly<Record<string, unknown>> {
  const data = { lengthBytes: frame.data.bytes.length, badPiece: badPieceOf(frame) };
  if (frame.kind === FrameKind.request) {
    const { request } = frame;
    const named = {
      operation: operationName(request.operation),
      flags: flagNames(request.flags),
    };
    const fields = requestFields.map((field) => [field, request[field]]);
    return { frame: 'request', ...Object.fromEntries(fields), ...named, data };
  }
  const { outcome, ...rest } = frame.reply;
  const named = {
    ...rest,
    operation: operationName(rest.operation),
    status: statusName(outcome.status),
    detail: outcome.detail,
  };
  const fields = replyFields.map((field) => [field, named[field]]);
  return { frame: 'reply', ...Object.fromEntries(fields), data };
}

function labelled(label: string, value: string | number): string {
  return value === '' || value === 0 ? '' : `${label} ${value}`;
}

function flagNames(flags: number): readonly string[] {
  const known = Object.entries(RequestFlag);
  const names = known.filter(([, flag]) => (flags & flag) !== 0).map(([name]) => name);
  const unknown = known.reduce((left, [, flag]) => left - (flags & flag), flags);
  return unknown === 0 ? names : [...names, `flags ${unknown}`];
}

function detailText({ status, detail }: Outcome): string {
  switch (status) {
    case Status.ok:
      return '';
    case Status.mirrorRead:
      return `of disk ${detail.disk}, alternates ${listText(detail.alternates)}`;
    case Status.path:
      return `links ${listText(detail.links)}, alternates ${listText(detail.alternates)}`;
    case Status.staleGeneration:
      return `generation is ${detail.generation} now`;
    case Status.notCoordinator:
      return `partition ${detail.partition} is of ${detail.coordinator || 'nobody known'}, epoch ${detail.epoch}`;
    case Status.fenced:
      return `${detail.number} is ${detail.current} now`;
    case Status.notLoaded:
      return `volume ${detail.volume}`;
    case Status.busy:
      return `retry after ${detail.retryAfterMs} ms`;
    case Status.masked:
    case Status.media:
    case Status.noSpace:
    case Status.range:
    case Status.invalid:
      return detail.what;
    default:
      return assertNever(status, 'status');
  }
}

function listText(ids: readonly string[]): string {
  return ids.length === 0 ? 'unknown' : ids.join(' ');
}

function dataText(frame: Frame): string {
  const lengthBytes = frame.data.bytes.length;
  if (lengthBytes === 0) return 'no data';
  const bad = badPieceOf(frame);
  const verdict = bad === null ? 'checksums good' : `CHECKSUM WRONG of piece ${bad}`;
  return `data ${lengthBytes} bytes, ${verdict}`;
}

/** The first piece of the data that does not match its checksum; null when all do. */
function badPieceOf(frame: Frame): number | null {
  const offset = frame.kind === FrameKind.request ? frame.request.offset : frame.reply.offset;
  const { bytes, checksums }: FrameData = frame.data;
  const piece = firstBadPiece(bytes, offset, checksums);
  return piece === -1 ? null : piece;
}
