/**
 * A volume in memory for tests. An I/O takes effect when it ends, not when it begins: so a test sees what an NBD
 * server does with writes that land late. It ends in the next turn of the event loop, or when the test says so.
 */
import type {
  AllocationStretch,
  AttachedVolume,
  ConsumerDone,
} from '../../../protocols/attached-volume.ts';
import { type OperationName, Status } from '../../../protocols/codes.ts';
import {
  blockBytes,
  mebibyte,
  roundDown,
  roundUp,
  type VolumeOffset,
} from '../../../protocols/units.ts';

export interface MemoryVolumeOptions {
  readonly name?: string;
  readonly sizeBytes?: number;
  readonly logicalBlockBytes?: number;
  readonly readOnly?: boolean;
  readonly ioBytesMax?: number;
  /** `held`: every I/O waits for `end`. */
  readonly ending?: 'soon' | 'held';
}

/** An I/O that has begun. */
export interface PendingIo {
  readonly operation: OperationName;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly fua: boolean;
  readonly finish: (status: Status) => void;
}

export class MemoryVolume implements AttachedVolume {
  readonly name: string;
  readonly sizeBytes: number;
  readonly logicalBlockBytes: number;
  readonly readOnly: boolean;
  readonly ioBytesMax: number;
  /** What the volume holds. */
  readonly bytes: Uint8Array;
  /** I/Os that have begun and not ended, in order. */
  readonly pending: PendingIo[] = [];
  /** I/Os ever begun. */
  begun = 0;
  /** What the next I/Os to end, end with. */
  readonly nextStatuses: Status[] = [];
  readonly #allocated: Uint8Array;
  readonly #held: boolean;
  #endingSoon = false;

  constructor(options: MemoryVolumeOptions = {}) {
    this.name = options.name ?? 'memory';
    this.sizeBytes = options.sizeBytes ?? mebibyte;
    this.logicalBlockBytes = options.logicalBlockBytes ?? 512;
    this.readOnly = options.readOnly ?? false;
    this.ioBytesMax = options.ioBytesMax ?? 32 * mebibyte;
    this.bytes = new Uint8Array(this.sizeBytes);
    this.#allocated = new Uint8Array(Math.ceil(this.sizeBytes / blockBytes));
    this.#held = options.ending === 'held';
  }

  read(offset: VolumeOffset, lengthBytes: number, done: ConsumerDone): void {
    this.#begin('read', offset, lengthBytes, false, (status) => {
      const piece = this.bytes.slice(offset, offset + lengthBytes);
      done(status, status === Status.ok ? [piece] : []);
    });
  }

  write(
    offset: VolumeOffset,
    pieces: readonly Uint8Array[],
    fua: boolean,
    done: ConsumerDone,
  ): void {
    const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#begin('write', offset, lengthBytes, fua, (status) => {
      let at: number = offset;
      for (const piece of status === Status.ok ? pieces : []) {
        this.bytes.set(piece, at);
        at += piece.length;
      }
      if (status === Status.ok) this.#mark(offset, lengthBytes, 1);
      done(status, []);
    });
  }

  writeZeroes(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: ConsumerDone): void {
    this.#begin('writeZeroes', offset, lengthBytes, fua, (status) => {
      if (status === Status.ok) this.bytes.fill(0, offset, offset + lengthBytes);
      if (status === Status.ok) this.#mark(offset, lengthBytes, 1);
      done(status, []);
    });
  }

  trim(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: ConsumerDone): void {
    this.#begin('trim', offset, lengthBytes, fua, (status) => {
      const from = roundUp(offset, blockBytes);
      const to = roundDown(offset + lengthBytes, blockBytes);
      if (status === Status.ok && from < to) {
        this.bytes.fill(0, from, to);
        this.#mark(from, to - from, 0);
      }
      done(status, []);
    });
  }

  flush(done: ConsumerDone): void {
    this.#begin('flush', 0, 0, false, (status) => done(status, []));
  }

  allocation(
    offset: VolumeOffset,
    lengthBytes: number,
    done: (status: Status, stretches: readonly AllocationStretch[]) => void,
  ): void {
    this.#begin('allocation', offset, lengthBytes, false, (status) => {
      done(status, status === Status.ok ? this.#stretches(offset, lengthBytes) : []);
    });
  }

  /** Ends the I/O at `index` of `pending`, by default the oldest. */
  end(index = 0, status: Status = this.nextStatuses.shift() ?? Status.ok): void {
    const [io] = this.pending.splice(index, 1);
    if (io === undefined) throw new RangeError(`no I/O ${index} is pending`);
    io.finish(status);
  }

  /** Ends everything that is pending, and what begins by that. */
  endAll(): void {
    while (this.pending.length > 0) this.end();
  }

  #begin(
    operation: OperationName,
    offset: number,
    lengthBytes: number,
    fua: boolean,
    finish: (status: Status) => void,
  ): void {
    this.begun++;
    this.pending.push({ operation, offset, lengthBytes, fua, finish });
    if (this.#held || this.#endingSoon) return;
    this.#endingSoon = true;
    setImmediate(() => {
      this.#endingSoon = false;
      const batch = this.pending.splice(0);
      for (const io of batch) io.finish(this.nextStatuses.shift() ?? Status.ok);
    });
  }

  #mark(offset: number, lengthBytes: number, allocated: 0 | 1): void {
    const end = Math.ceil((offset + lengthBytes) / blockBytes);
    this.#allocated.fill(allocated, Math.floor(offset / blockBytes), end);
  }

  #stretches(offset: number, lengthBytes: number): AllocationStretch[] {
    const stretches: AllocationStretch[] = [];
    const end = offset + lengthBytes;
    for (let at = offset; at < end; ) {
      const next = Math.min(end, roundDown(at, blockBytes) + blockBytes);
      const allocated = this.#allocated[Math.floor(at / blockBytes)] === 1;
      stretches.push({ lengthBytes: next - at, allocated });
      at = next;
    }
    return stretches;
  }
}
