/** A request that the fences have admitted, and what it asks of the block device. */
import { Operation } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import { digestBytes, digestCount, tagRecordsBytes } from '../../protocols/frames/tag-records.ts';
import type { Sender } from './disk-answers.ts';
import type { OperationEra } from './operation-era.ts';
import type { WriteRequest } from './write-entries.ts';

/** What an admitted request is carried out with. */
export interface Admitted extends Sender {
  readonly request: Request;
  readonly data: FrameData;
  /** Of the extent, in block tags. */
  readonly reference: number;
  readonly isSettled: boolean;
  readonly era: OperationEra;
}

/** @param data null for zeros */
export function writeOf(
  { request, reference, isSettled }: Admitted,
  at: number,
  lengthBytes: number,
  data: Uint8Array | null,
  checksums: DataView | null,
): WriteRequest {
  const { partitionEpoch: epoch, writeNumber } = request;
  return {
    at,
    lengthBytes,
    data,
    checksums,
    tag: { reference, epoch, writeNumber },
    host: request.host,
    hostIncarnation: request.hostIncarnation,
    ioNumber: request.ioNumber,
    watermark: request.watermark,
    fua: (request.flags & RequestFlag.fua) !== 0,
    isSettled,
  };
}

/** How many stretches there are shows only once they are counted. */
export function answerBytesMin(operation: Operation, lengthBytes: number): number {
  if (operation === Operation.tags) return tagRecordsBytes(lengthBytes);
  if (operation === Operation.tagDigest) return digestCount(lengthBytes) * digestBytes;
  return 0;
}
