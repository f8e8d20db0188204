/** Data of frames that must outlive the message that it came in, or goes on in parts; checksums stay with their bytes. */
import { pieceCount } from '../../protocols/checksums.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { blockBytes } from '../../protocols/units.ts';

export const noData: FrameData = {
  bytes: new Uint8Array(0),
  checksums: new DataView(new ArrayBuffer(0)),
};

/** Received data shares memory with other messages: what is kept must be copied. */
export function copyOf({ bytes, checksums }: FrameData): FrameData {
  const { buffer, byteOffset, byteLength } = checksums;
  return {
    bytes: bytes.slice(),
    checksums: new DataView(buffer.slice(byteOffset, byteOffset + byteLength)),
  };
}

/** A stretch of data that begins at `dataStart`; cut on 4 KiB, where checksums are. Shares its memory. */
export function sliceOf(
  { bytes, checksums }: FrameData,
  dataStart: number,
  start: number,
  lengthBytes: number,
): FrameData {
  const firstPiece = Math.floor(start / blockBytes) - Math.floor(dataStart / blockBytes);
  const from = start - dataStart;
  return {
    bytes: bytes.subarray(from, from + lengthBytes),
    checksums: new DataView(
      checksums.buffer,
      checksums.byteOffset + 4 * firstPiece,
      4 * pieceCount(start, lengthBytes),
    ),
  };
}

/** The checksums of data that follow each other, cut on 4 KiB, as those of the whole. */
export function joinedChecksums(parts: readonly FrameData[]): DataView {
  const joined = Buffer.concat(
    parts.map(
      ({ checksums: { buffer, byteOffset, byteLength } }) =>
        new Uint8Array(buffer, byteOffset, byteLength),
    ),
  );
  return new DataView(joined.buffer, joined.byteOffset, joined.byteLength);
}
