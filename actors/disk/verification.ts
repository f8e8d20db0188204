/**
 * Verifies a range where it lies (DESIGN D5): reads it piece by piece, and notes each block that cannot be read, or does
 * not match its checksum. Nothing of it leaves the disk but one bit per block. It takes its turn behind consumers' I/O,
 * one piece at a time, and nobody waits for it: when it is not wanted any more it ends with `busy`.
 */
import { Status } from '../../protocols/codes.ts';
import { blockBitsBytes, setBlockBit } from '../../protocols/frames/block-bits.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { BlockDevice } from './block-device.ts';
import type { Ended } from './read-operation.ts';

const pieceBytes = 64 * 1024;

/** Whole blocks of one extent. */
export interface VerifyRequest {
  /** Position in the home area. */
  readonly at: number;
  readonly lengthBytes: number;
  /** Of the extent that is verified. */
  readonly reference: number;
}

export class Verification {
  /** As in `protocols/frames/block-bits.ts`; complete once it ended well. */
  readonly verified: Uint8Array;
  readonly #device: BlockDevice;
  readonly #request: VerifyRequest;
  readonly #isWanted: () => boolean;
  readonly #ended: Ended;
  readonly #piece = new Uint8Array(pieceBytes);
  #atBytes = 0;
  /** Until there, one block at a time: somewhere before there is a bad one. */
  #singlyUntilBytes = 0;

  constructor(device: BlockDevice, request: VerifyRequest, isWanted: () => boolean, ended: Ended) {
    this.verified = new Uint8Array(blockBitsBytes(request.lengthBytes));
    this.#device = device;
    this.#request = request;
    this.#isWanted = isWanted;
    this.#ended = ended;
  }

  start(): void {
    this.#next();
  }

  #next(): void {
    const { at, lengthBytes, reference } = this.#request;
    const leftBytes = lengthBytes - this.#atBytes;
    if (!this.#isWanted()) {
      this.#ended(Status.busy, '');
      return;
    }
    if (leftBytes === 0) {
      this.#ended(Status.ok, '');
      return;
    }
    const isSingle = this.#atBytes < this.#singlyUntilBytes;
    const readBytes = isSingle ? blockBytes : Math.min(pieceBytes, leftBytes);
    const into = this.#piece.subarray(0, readBytes);
    const read = { at: at + this.#atBytes, lengthBytes: readBytes, reference, into };
    this.#device.read({ ...read, checksums: null }, (status, what) =>
      this.#read(readBytes, status, what),
    );
  }

  #read(readBytes: number, status: Status, what: string): void {
    const isBad = status === Status.media && this.#device.parts.failure === null;
    if (status !== Status.ok && !isBad) {
      this.#ended(status, what);
      return;
    }
    if (isBad && readBytes > blockBytes) this.#singlyUntilBytes = this.#atBytes + readBytes;
    else {
      if (isBad) setBlockBit(this.verified, this.#atBytes / blockBytes);
      this.#atBytes += readBytes;
    }
    this.#next();
  }
}
