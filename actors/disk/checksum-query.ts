/**
 * Sums up the stored bytes of a range, chunk by chunk, as they are read and verified: how an operator has mirrors
 * compared. One read at a time, so that I/O goes on beside it.
 */
import { crc32 } from 'node:zlib';
import { Status } from '../../protocols/codes.ts';
import {
  type Answer,
  type ChecksumQuery,
  checksumChunkBytes,
  checksumRangeBytesMax,
  refusal,
} from '../../protocols/commands.ts';
import type { BlockDevice } from './block-device.ts';
import type { OpenDisk } from './open-disk.ts';

const readBytesMax = 256 * 1024;
const busyRetryMs = 20;

/** Answers the command `checksums`. */
export function answerChecksums(
  { device, superblock }: OpenDisk,
  query: ChecksumQuery,
  answer: (result: Answer) => void,
): void {
  const volume = superblock.content.volumes.find((each) => each.volume === query.volume);
  const extent = volume?.extents.find((each) => each.extent === query.extent);
  if (extent === undefined) {
    answer(refusal('unknown', `volume ${query.volume} has no extent ${query.extent} on this disk`));
    return;
  }
  const end = query.atBytes + query.lengthBytes;
  if (end > extent.lengthBytes || query.lengthBytes > checksumRangeBytesMax) {
    answer(
      refusal(
        'invalid',
        `extent ${query.extent} has ${extent.lengthBytes} bytes, asked up to ${end}`,
      ),
    );
    return;
  }
  const { reference } = extent;
  const range = { at: extent.start + query.atBytes, lengthBytes: query.lengthBytes, reference };
  checksumsOf(device, range, (result) => {
    if ('problem' in result) answer(refusal('refused', result.problem));
    else answer({ ok: true, checksums: result.checksums });
  });
}

interface ChecksumRange {
  /** Position in the home area. */
  readonly at: number;
  readonly lengthBytes: number;
  /** Of the extent that is read. */
  readonly reference: number;
}

/** `done` gets one CRC-32 per `checksumChunkBytes`, or what is wrong */
function checksumsOf(
  device: BlockDevice,
  range: ChecksumRange,
  done: (result: { checksums: readonly number[] } | { problem: string }) => void,
): void {
  const checksums: number[] = [];
  let from = 0;
  let sum = 0;
  const next = (): void => {
    if (from >= range.lengthBytes) {
      done({ checksums });
      return;
    }
    const chunkEnd = Math.min(
      from - (from % checksumChunkBytes) + checksumChunkBytes,
      range.lengthBytes,
    );
    const into = new Uint8Array(Math.min(readBytesMax, chunkEnd - from));
    const request = { at: range.at + from, lengthBytes: into.length, reference: range.reference };
    device.read({ ...request, into, checksums: null }, (status, what) => {
      if (status === Status.busy) {
        device.parts.clock.setTimeout(next, busyRetryMs);
        return;
      }
      if (status !== Status.ok) {
        done({ problem: `at byte ${from} of the range: ${what}` });
        return;
      }
      sum = crc32(into, sum);
      from += into.length;
      if (from === chunkEnd) {
        checksums.push(sum);
        sum = 0;
      }
      next();
    });
  };
  next();
}
