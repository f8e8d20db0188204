/**
 * One I/O of a consumer on its way through the driver: its range, how far it has been cut into parts, and what the
 * parts brought. Records are reused; whoever ends one must not touch it afterwards.
 */
import type { AllocationStretch, ConsumerDone } from '../../protocols/attached-volume.ts';
import { Operation, Status } from '../../protocols/codes.ts';
import { mebibyte } from '../../protocols/units.ts';
import { changesMarks } from './mark-part.ts';
import type { OptimizationDriver } from './optimization-driver.ts';

export type AllocationDone = (status: Status, stretches: readonly AllocationStretch[]) => void;

/** Where an I/O that is not fully sent waits. */
export const IoPlace = { nowhere: 0, held: 1, queued: 2 } as const;
export type IoPlace = (typeof IoPlace)[keyof typeof IoPlace];

/** How far an I/O got in its turn. */
export const Turn = {
  /** All of it is sent. */
  sent: 0,
  /** It has sent what it may before others that wait. */
  over: 1,
  /** Its volume has as many parts of ranges under way as it may. */
  full: 2,
  /** There is no slot or no credit for more: nobody sends any. */
  blocked: 3,
} as const;
export type Turn = (typeof Turn)[keyof typeof Turn];

/** Marks of no more than this are a few parts, and others may wait for them. */
const markBytesFew = 16 * mebibyte;
const noPieces: readonly Uint8Array[] = [];
const noResults: Uint8Array[] = [];
const noStretches: (readonly AllocationStretch[])[] = [];

export class ConsumerIo {
  driver: OptimizationDriver;
  operation: Operation = Operation.read;
  fua = false;
  /** Bytes of the volume; for a flush: indices into the driver's flush ledger. */
  start = 0;
  end = 0;
  /** Where the next part begins. */
  cursor = 0;
  /** Order of arrival at the volume. */
  arrival = 0;
  /** Of a range it counts from the last part that was sent: a long one may take its time as long as it gets on. */
  deadlineMs = 0;
  /** What was handed in, of a write. Not changed by the consumer until the end (I10). */
  pieces: readonly Uint8Array[] = noPieces;
  done: ConsumerDone | null = null;
  allocationDone: AllocationDone | null = null;
  /** The first error, or ok. */
  status: Status = Status.ok;
  place: IoPlace = IoPlace.nowhere;
  /** Of a read: all that it asked for has come. */
  isAnswered = false;
  partsOpen = 0;
  partsMade = 0;
  /** By part: the bytes read. */
  results: Uint8Array[] = noResults;
  /** By part: the answer to `allocation`. */
  stretches: (readonly AllocationStretch[])[] = noStretches;
  /** Place among the unsettled writes. */
  unsettledIndex = -1;

  constructor(driver: OptimizationDriver) {
    this.driver = driver;
  }

  /** True when it changes bytes of the volume. */
  get isWrite(): boolean {
    return (
      this.operation === Operation.write ||
      this.operation === Operation.writeZeroes ||
      this.operation === Operation.trim
    );
  }

  /** True when it changes a range without carrying its bytes: a short request that may mean very many parts. */
  get isRange(): boolean {
    return (
      this.operation === Operation.writeZeroes ||
      this.operation === Operation.trim ||
      (changesMarks(this.operation) && this.end - this.start > markBytesFew)
    );
  }

  /** True when it asks for bytes of the volume, or for what is known of them. */
  get isRead(): boolean {
    return this.operation === Operation.read || this.operation === Operation.allocation;
  }

  /** True when nothing is lost if it has no result: it changes no byte, or nobody was promised anything. */
  get endsAlone(): boolean {
    const isOwnFlush = this.operation === Operation.flush && this.done === null;
    const isOrder = this.operation === Operation.repair || changesMarks(this.operation);
    return this.isRead || isOrder || isOwnFlush;
  }

  /** True when nothing more will be sent for it, and nothing is under way. */
  get isOver(): boolean {
    return (
      this.partsOpen === 0 &&
      this.place === IoPlace.nowhere &&
      (this.cursor >= this.end || this.status !== Status.ok)
    );
  }

  /** True when it asks for a range that a volume of this size has. */
  isWithin(sizeBytes: number): boolean {
    const { start, end } = this;
    return Number.isSafeInteger(start) && start >= 0 && end > start && end <= sizeBytes;
  }

  /** What was handed in for a part of a write; shares its memory. */
  piecesOf(offset: number, lengthBytes: number): readonly Uint8Array[] {
    if (lengthBytes === this.end - this.start) return this.pieces;
    const wanted: Uint8Array[] = [];
    const end = offset + lengthBytes;
    let pieceStart = this.start;
    for (const piece of this.pieces) {
      const pieceEnd = pieceStart + piece.length;
      if (pieceEnd > offset && pieceStart < end)
        wanted.push(piece.subarray(Math.max(0, offset - pieceStart), end - pieceStart));
      pieceStart = pieceEnd;
      if (pieceStart >= end) break;
    }
    return wanted;
  }

  /** Keeps the first error. */
  fail(status: Status): void {
    if (this.status === Status.ok) this.status = status;
  }

  /** Makes the record ready for another I/O. What was handed out is let go, not emptied. */
  reset(): void {
    this.fua = false;
    this.pieces = noPieces;
    this.done = null;
    this.allocationDone = null;
    this.results = noResults;
    this.stretches = noStretches;
    this.status = Status.ok;
    this.place = IoPlace.nowhere;
    this.isAnswered = false;
    this.partsOpen = 0;
    this.partsMade = 0;
    this.unsettledIndex = -1;
  }
}
