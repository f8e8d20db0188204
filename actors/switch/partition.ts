/**
 * One partition that this switch coordinates: its numbers, the order of its I/Os, and its mode. The mode is published
 * by the partition's machine; everything else is changed by the data path.
 */
import type { Request } from '../../protocols/frames/request.ts';
import type { Incarnation, PartitionEpoch, WriteNumber } from '../../protocols/units.ts';
import { unitOf } from '../../protocols/units.ts';
import { Admission, type OrderedIo } from './admission.ts';
import type { OwedWrite } from './owed-write.ts';

/**
 * - `unassigned`: not this switch's, or its machine is not running.
 * - `settling`: mirrors are being compared and made equal; hosts must wait.
 * - `serving`: hosts may write.
 * - `yielding`: another switch is to take it over: what is open goes on to its end, and nothing new is taken.
 * - `troubled`: something happened that only a new assembly of the volume can mend; hosts must wait for it.
 */
export type PartitionMode = 'unassigned' | 'settling' | 'serving' | 'yielding' | 'troubled';

/** What has a write number. Its fields from `earlier` on belong to the partition. */
export interface NumberedIo {
  /** 0 until it is numbered. */
  writeNumber: WriteNumber;
  earlier: NumberedIo | null;
  later: NumberedIo | null;
}

/** An I/O of a partition. */
export interface PartitionIo extends OrderedIo, NumberedIo {
  /** Of a host. */
  readonly request?: Request;
  /** A mirror has it already, from another epoch, and the others lack it: it must not be given up. */
  isOwed?: boolean;
  /** Nothing is in its way any more. */
  granted(): void;
  /** The partition's epoch has ended, and with it every answer that could still come. */
  dropped(): void;
}

export class Partition {
  readonly number: number;
  mode: PartitionMode = 'unassigned';
  /** What the trouble is, for people; '' when there is none. */
  problem = '';
  epoch: PartitionEpoch;
  ownerIncarnation: Incarnation;
  readonly #order = new Admission<PartitionIo>();
  // Numbered and not yet ended, in the order of their numbers.
  #lowest: NumberedIo | null = null;
  #highest: NumberedIo | null = null;
  #nextNumber = 1;
  #owed: OwedWrite[] = [];
  #settledListeners: { readonly number: WriteNumber; readonly run: () => void }[] = [];
  #emptyListeners: (() => void)[] = [];

  constructor(number: number, epoch: PartitionEpoch, ownerIncarnation: Incarnation) {
    this.number = number;
    this.epoch = epoch;
    this.ownerIncarnation = ownerIncarnation;
  }

  /** The I/Os that have not ended, in no order. */
  get open(): readonly PartitionIo[] {
    return this.#order.open;
  }

  /** All writes numbered below this have ended. */
  get lowestUnsettled(): WriteNumber {
    return this.#lowest?.writeNumber ?? unitOf<WriteNumber>(this.#nextNumber);
  }

  /** Begins anew under another epoch: what was open under the old one was forgotten (DESIGN I12). */
  assign(epoch: PartitionEpoch, ownerIncarnation: Incarnation): void {
    this.epoch = epoch;
    this.ownerIncarnation = ownerIncarnation;
    this.clear();
    this.#nextNumber = 1;
  }

  /** Forgets what is open. */
  clear(): void {
    this.#order.clear();
    this.#owed = [];
    this.#lowest = null;
    this.#highest = null;
    this.#settledListeners = [];
    this.#emptyListeners = [];
  }

  /** Calls once nothing is open any more, at once if nothing is; not when the epoch ends before. */
  whenEmpty(run: () => void): void {
    if (this.open.length === 0) run();
    else this.#emptyListeners.push(run);
  }

  /** Calls once this number and all below have ended, at once if they have; not when the epoch ends before. */
  whenSettled(number: WriteNumber, run: () => void): void {
    if (this.lowestUnsettled > number) run();
    else this.#settledListeners.push({ number, run });
  }

  /** Holds the blocks of a write that its host is going to send again. */
  owe(write: OwedWrite): void {
    this.#owed.push(write);
    this.#order.enter(write);
  }

  /** Takes an I/O in. True when it may begin at once; else `granted` is called when it may. */
  enter(io: PartitionIo): boolean {
    if (this.#owed.length > 0) {
      const owed = this.#owed.find((write) => write.isPaidBy(io));
      if (owed !== undefined) {
        this.#owed.splice(this.#owed.indexOf(owed), 1);
        io.isOwed = true;
        return this.#order.replace(owed, io);
      }
    }
    return this.#order.enter(io);
  }

  /** Gives a write that may begin its number. */
  giveNumber(io: NumberedIo): void {
    io.writeNumber = unitOf<WriteNumber>(this.#nextNumber++);
    io.earlier = this.#highest;
    io.later = null;
    if (this.#highest === null) this.#lowest = io;
    else this.#highest.later = io;
    this.#highest = io;
  }

  /** Ends what was numbered, and is no I/O of its own: it was done in the name of one that holds the blocks. */
  endNumber(io: NumberedIo): void {
    this.#unlink(io);
  }

  /** Ends an I/O, and grants what it was in the way of. In trouble nothing new begins. */
  leave(io: PartitionIo): void {
    if (io.writeNumber > 0) this.#unlink(io);
    const freed: PartitionIo[] = [];
    this.#order.leave(io, freed);
    if (this.mode !== 'troubled' && this.mode !== 'unassigned')
      for (const waiting of freed) waiting.granted();
    if (this.open.length === 0) this.#tellEmpty();
  }

  #unlink(io: NumberedIo): void {
    if (io.earlier === null) this.#lowest = io.later;
    else io.earlier.later = io.later;
    if (io.later === null) this.#highest = io.earlier;
    else io.later.earlier = io.earlier;
    io.earlier = null;
    io.later = null;
    if (this.#settledListeners.length > 0) this.#tellSettled();
  }

  #tellEmpty(): void {
    const told = this.#emptyListeners;
    if (told.length === 0) return;
    this.#emptyListeners = [];
    for (const run of told) run();
  }

  #tellSettled(): void {
    const { lowestUnsettled } = this;
    const told = this.#settledListeners.filter(({ number }) => number < lowestUnsettled);
    this.#settledListeners = this.#settledListeners.filter((each) => !told.includes(each));
    for (const { run } of told) run();
  }
}
