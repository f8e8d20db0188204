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
import { Packr } from 'msgpackr';
import { checksumOf, firstBadPiece, pieceCount, writeChecksums } from '../checksums.ts';
import { type Reply, replyFrom, replyValues } from './reply.ts';
import { type Request, requestFrom, requestValues } from './request.ts';

export const wireVersion = 1;
export const FrameKind = { request: 1, reply: 2 } as const;

/** The default limit of the data in one frame (DESIGN H1). */
export const frameBytesMaxDefault = 256 * 1024;
const prefixBytes = 6;
const headerBytesMax = 4096;

/** Plain arrays and maps only: shared structures would make frames that another process cannot read. */
const packr = new Packr({ useRecords: false, mapsAsObjects: true });

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

/** Encodes a request; `pieces` are its data, copied, one behind the other. */
export function encodeRequest(
  request: Request,
  pieces: readonly Uint8Array[] = nothing,
): Uint8Array {
  const header = packr.pack([wireVersion, FrameKind.request, ...requestValues(request)]);
  return assemble(header, pieces, request.offset, null);
}

/**
 * Encodes a request with data that came in another frame: its checksums travel on unchanged, so that what the
 * consumer's edge computed is what the disk verifies (DESIGN I10).
 */
export function encodeForwarded(request: Request, data: FrameData): Uint8Array {
  const header = packr.pack([wireVersion, FrameKind.request, ...requestValues(request)]);
  return assemble(header, [data.bytes], request.offset, data.checksums);
}

/**
 * Encodes a reply.
 *
 * @param dataOffset where the data begins in the volume: decides how its pieces are cut
 * @param checksums when known already; else they are computed
 */
export function encodeReply(
  reply: Reply,
  pieces: readonly Uint8Array[] = nothing,
  checksums: DataView | null = null,
): Uint8Array {
  const header = packr.pack([wireVersion, FrameKind.reply, ...replyValues(reply)]);
  return assemble(header, pieces, reply.offset, checksums);
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
  const dataStart = prefixBytes + header.length + checksumBytes;
  const frame = Buffer.allocUnsafe(dataStart + dataBytes);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  view.setUint16(0, header.length, true);
  view.setUint32(2, checksumOf(header), true);
  frame.set(header, prefixBytes);
  let at = dataStart;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  const checksumStart = prefixBytes + header.length;
  if (checksums === null) writeChecksums(frame.subarray(dataStart), offset, view, checksumStart);
  else
    frame.set(new Uint8Array(checksums.buffer, checksums.byteOffset, checksumBytes), checksumStart);
  return frame;
}

/**
 * Reads a frame. The data's checksums are not verified here: who keeps or hands out the data does that
 * (`isDataIntact`), once, at each end.
 *
 * @returns null when the bytes are not a frame of this version, whatever they are
 */
export function decodeFrame(bytes: Uint8Array): Frame | null {
  if (bytes.length < prefixBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint16(0, true);
  const headerEnd = prefixBytes + headerBytes;
  if (headerBytes > headerBytesMax || headerEnd > bytes.length) return null;
  const header = bytes.subarray(prefixBytes, headerEnd);
  if (checksumOf(header) !== view.getUint32(2, true)) return null;
  const values = unpack(header);
  if (values === null || values[0] !== wireVersion) return null;
  switch (values[1]) {
    case FrameKind.request: {
      const request = requestFrom(values, 2);
      const data = request && dataBehind(bytes, headerEnd, request.offset);
      return data && request ? { kind: FrameKind.request, request, data } : null;
    }
    case FrameKind.reply: {
      const reply = replyFrom(values, 2);
      const data = reply && dataBehind(bytes, headerEnd, reply.offset);
      return data && reply ? { kind: FrameKind.reply, reply, data } : null;
    }
    default:
      return null;
  }
}

function unpack(header: Uint8Array): unknown[] | null {
  try {
    const values: unknown = packr.unpack(header);
    return Array.isArray(values) ? values : null;
  } catch {
    return null;
  }
}

/**
 * Splits what follows the header into checksums and data. Their lengths follow from the sum of both: each piece adds
 * 4 bytes, and `offset` tells how long the first piece is.
 */
function dataBehind(bytes: Uint8Array, start: number, offset: number): FrameData | null {
  const total = bytes.length - start;
  const pieces = piecesIn(total, offset);
  if (pieces < 0) return null;
  return {
    checksums: new DataView(bytes.buffer, bytes.byteOffset + start, pieces * 4),
    bytes: bytes.subarray(start + pieces * 4),
  };
}

function piecesIn(totalBytes: number, offset: number): number {
  if (totalBytes === 0) return 0;
  const firstPieceBytesMax = 4096 - (offset % 4096);
  const pieces =
    totalBytes <= firstPieceBytesMax + 4
      ? 1
      : 1 + Math.ceil((totalBytes - firstPieceBytesMax - 4) / 4100);
  const dataBytes = totalBytes - pieces * 4;
  return dataBytes > 0 && pieceCount(offset, dataBytes) === pieces ? pieces : -1;
}

/** True when every piece of `data`, which begins at `offset`, matches its checksum. */
export function isDataIntact(data: FrameData, offset: number): boolean {
  return firstBadPiece(data.bytes, offset, data.checksums) === -1;
}
