/**
 * The data plane's envelope (DESIGN §4). Bytes, little-endian:
 *
 *     0  u16  length of the header
 *     2  u32  CRC-32 of the header
 *     6  header: a msgpack array [version, frame kind, ...fields in wire order]
 *     …  one CRC-32 (u32) per 4 KiB-aligned piece of the data
 *     …  the data itself, raw
 *
 * Decoding never throws: what is not a valid frame is null. It copies nothing: the data it hands out shares memory
 * with the bytes it was given.
 */
import { checksumOf, firstBadPiece, pieceCount, writeChecksums } from '../checksums.ts';
import { Operation } from '../codes.ts';
import { blockBytes } from '../units.ts';
import { allocateFrame } from './frame-memory.ts';
import { HeaderReader } from './header-reader.ts';
import { HeaderWriter, headerBytesMax } from './header-writer.ts';
import { isValidReply, type Reply, readReply, replyFields, writeReply } from './reply.ts';
import {
  isValidRequest,
  type Request,
  readRequest,
  requestFields,
  writeRequest,
} from './request.ts';

export const wireVersion = 1;
export const FrameKind = { request: 1, reply: 2 } as const;

/** The default limit of the data in one frame (DESIGN H1). */
export const frameBytesMaxDefault = 256 * 1024;
/** Length and checksum of the header, in front of it. */
export const prefixBytes = 6;

/** Data of a frame, still with the checksums that travelled with it. */
export interface FrameData {
  readonly bytes: Uint8Array;
  /** CRC-32 per piece, 4 bytes little-endian each. */
  readonly checksums: DataView;
}

export type Frame =
  | { readonly kind: typeof FrameKind.request; readonly request: Request; readonly data: FrameData }
  | { readonly kind: typeof FrameKind.reply; readonly reply: Reply; readonly data: FrameData };

const nothing: readonly Uint8Array[] = [];
const noData: FrameData = { bytes: new Uint8Array(0), checksums: new DataView(new ArrayBuffer(0)) };
const writer = new HeaderWriter();
const reader = new HeaderReader();
const requestLength = 2 + requestFields.length;
const replyLength = 2 + replyFields.length;

/** Encodes a request; `pieces` are its data, copied, one behind the other. */
export function encodeRequest(
  request: Request,
  pieces: readonly Uint8Array[] = nothing,
): Uint8Array {
  return assemble(requestHeader(request), pieces, request.offset, null);
}

/**
 * Encodes a request with data that came in another frame: its checksums travel on unchanged, so that what the
 * consumer's edge computed is what the disk verifies (DESIGN I10).
 */
export function encodeForwarded(request: Request, data: FrameData): Uint8Array {
  const pieces = data.bytes.length === 0 ? nothing : [data.bytes];
  return assemble(requestHeader(request), pieces, request.offset, data.checksums);
}

/**
 * Encodes a reply. Long texts and lists of its detail are cut.
 *
 * @param checksums when known already; else they are computed
 */
export function encodeReply(
  reply: Reply,
  pieces: readonly Uint8Array[] = nothing,
  checksums: DataView | null = null,
): Uint8Array {
  return assemble(replyHeader(reply), pieces, reply.offset, checksums);
}

/** A reply frame whose data and checksums are still to be filled in, in place: saves a copy of what is read. */
export interface ReplySpace {
  readonly frame: Uint8Array;
  readonly data: Uint8Array;
  /** One CRC-32 per piece, 4 bytes little-endian each. */
  readonly checksums: DataView;
}

/** Encodes a reply that will carry `dataBytes`; whoever asks fills in both before the frame is sent. */
export function encodeReplySpace(reply: Reply, dataBytes: number): ReplySpace {
  const header = replyHeader(reply);
  const checksumBytes = 4 * pieceCount(reply.offset, dataBytes);
  const frame = frameWith(header, checksumBytes + dataBytes);
  const checksumStart = prefixBytes + header.length;
  return {
    frame,
    data: frame.subarray(checksumStart + checksumBytes),
    checksums: new DataView(frame.buffer, frame.byteOffset + checksumStart, checksumBytes),
  };
}

function replyHeader(reply: Reply): Uint8Array {
  writer.begin(replyLength);
  writer.count(wireVersion);
  writer.count(FrameKind.reply);
  writeReply(reply, writer);
  return writer.written();
}

function requestHeader(request: Request): Uint8Array {
  writer.begin(requestLength);
  writer.count(wireVersion);
  writer.count(FrameKind.request);
  writeRequest(request, writer);
  return writer.written();
}

function assemble(
  header: Uint8Array,
  pieces: readonly Uint8Array[],
  offset: number,
  checksums: DataView | null,
): Uint8Array {
  let dataBytes = 0;
  for (const piece of pieces) dataBytes += piece.length;
  const checksumBytes = 4 * pieceCount(offset, dataBytes);
  const checksumStart = prefixBytes + header.length;
  const dataStart = checksumStart + checksumBytes;
  const frame = frameWith(header, checksumBytes + dataBytes);
  if (dataBytes === 0) return frame;
  let at = dataStart;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  if (checksums === null) {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    writeChecksums(frame.subarray(dataStart), offset, view, checksumStart);
  } else
    frame.set(new Uint8Array(checksums.buffer, checksums.byteOffset, checksumBytes), checksumStart);
  return frame;
}

/** Memory for a frame, with prefix and header in it. */
function frameWith(header: Uint8Array, behindHeaderBytes: number): Uint8Array {
  const frame = allocateFrame(prefixBytes + header.length + behindHeaderBytes);
  frame[0] = header.length & 0xff;
  frame[1] = header.length >>> 8;
  writeUint32(frame, 2, checksumOf(header));
  frame.set(header, prefixBytes);
  return frame;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 0xff;
  bytes[at + 1] = (value >>> 8) & 0xff;
  bytes[at + 2] = (value >>> 16) & 0xff;
  bytes[at + 3] = value >>> 24;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/**
 * Reads a frame. The data's checksums are not verified here: who keeps or hands out the data does that
 * (`isDataIntact`), once, at each end. A request carries as many bytes as it speaks of when it is a write, else none.
 *
 * @returns null when the bytes are not a frame of this version, whatever they are
 */
export function decodeFrame(bytes: Uint8Array): Frame | null {
  if (bytes.length < prefixBytes) return null;
  const headerEnd = prefixBytes + byteAt(bytes, 0) + 0x100 * byteAt(bytes, 1);
  if (headerEnd > bytes.length || headerEnd > prefixBytes + headerBytesMax) return null;
  const checksum =
    byteAt(bytes, 2) +
    0x100 * byteAt(bytes, 3) +
    0x10000 * byteAt(bytes, 4) +
    0x1000000 * byteAt(bytes, 5);
  if (checksumOf(bytes.subarray(prefixBytes, headerEnd)) !== checksum) return null;
  reader.begin(bytes, prefixBytes, headerEnd);
  const length = reader.listLength();
  if (reader.count() !== wireVersion) return null;
  const kind = reader.count();
  if (kind === FrameKind.request && length === requestLength)
    return decodeRequest(bytes, headerEnd);
  if (kind === FrameKind.reply && length === replyLength) return decodeReply(bytes, headerEnd);
  return null;
}

function decodeRequest(bytes: Uint8Array, headerEnd: number): Frame | null {
  const request = readRequest(reader);
  if (!reader.finish() || !isValidRequest(request)) return null;
  const data = dataBehind(bytes, headerEnd, request.offset);
  const carriedBytes = request.operation === Operation.write ? request.lengthBytes : 0;
  if (data === null || data.bytes.length !== carriedBytes) return null;
  return { kind: FrameKind.request, request, data };
}

function decodeReply(bytes: Uint8Array, headerEnd: number): Frame | null {
  const reply = readReply(reader);
  if (!reader.finish() || !isValidReply(reply)) return null;
  const data = dataBehind(bytes, headerEnd, reply.offset);
  return data === null ? null : { kind: FrameKind.reply, reply, data };
}

/**
 * Splits what follows the header into checksums and data. Their lengths follow from the sum of both: each piece adds
 * 4 bytes, and `offset` tells how long the first piece is.
 */
function dataBehind(bytes: Uint8Array, start: number, offset: number): FrameData | null {
  const total = bytes.length - start;
  if (total === 0) return noData;
  const pieces = piecesIn(total, offset);
  if (pieces < 0) return null;
  return {
    checksums: new DataView(bytes.buffer, bytes.byteOffset + start, pieces * 4),
    bytes: bytes.subarray(start + pieces * 4),
  };
}

function piecesIn(totalBytes: number, offset: number): number {
  const firstPieceBytesMax = blockBytes - (offset % blockBytes);
  const pieces =
    totalBytes <= firstPieceBytesMax + 4
      ? 1
      : 1 + Math.ceil((totalBytes - firstPieceBytesMax - 4) / (blockBytes + 4));
  const dataBytes = totalBytes - pieces * 4;
  return dataBytes > 0 && pieceCount(offset, dataBytes) === pieces ? pieces : -1;
}

/** True when every piece of `data`, which begins at `offset`, matches its checksum. */
export function isDataIntact(data: FrameData, offset: number): boolean {
  return firstBadPiece(data.bytes, offset, data.checksums) === -1;
}
