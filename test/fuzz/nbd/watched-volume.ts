/**
 * A volume in memory that several connections use, each through a view of its own, and that watches them: nobody may
 * ask what no request may ask, nor overtake an overlapping write of another connection (DESIGN I6).
 */
import { crc32 } from 'node:zlib';
import { VolumeShare, VolumeShares } from '../../../cluster/nbd/volume-shares.ts';
import type { AllocationStretch, AttachedVolume } from '../../../protocols/attached-volume.ts';
import { Status } from '../../../protocols/codes.ts';
import type { VolumeOffset } from '../../../protocols/units.ts';
import { MemoryVolume, type MemoryVolumeOptions } from '../../cluster/nbd/memory-volume.ts';

/** What a view was asked for, as text: equal for equal requests with equal payload. */
export type Deed = string;

export function deedOf(
  operation: string,
  offset: number,
  lengthBytes: number,
  fua = false,
  payload: readonly Uint8Array[] = [],
): Deed {
  let checksum = 0;
  for (const piece of payload) checksum = crc32(piece, checksum);
  return `${operation} ${offset}+${lengthBytes}${fua ? ' fua' : ''} ${checksum}`;
}

/** What a read gave, as text. */
export function readResult(offset: number, bytes: Uint8Array): string {
  return `${offset}+${bytes.length} ${crc32(bytes)}`;
}

/** Hears of what must not be. */
export type Complain = (what: string) => void;
/** What a connection may do with the volume, by its export. */
export type Use = 'read and write' | 'only read';

interface Running {
  readonly view: WatchedView;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly changesData: boolean;
  /** Bytes that the server has to hold for it. */
  readonly payloadBytes: number;
}

export class WatchedVolume {
  readonly memory: MemoryVolume;
  readonly share = new VolumeShare();
  readonly running = new Set<Running>();

  constructor(options: MemoryVolumeOptions) {
    this.memory = new MemoryVolume({ ...options, ending: 'held' });
  }

  /** The volume as one connection sees it. */
  view(complain: Complain, use: Use = 'read and write'): WatchedView {
    return new WatchedView(this, complain, use);
  }
}

/** Views are objects of their own, and still one volume: they share what connections to a volume share. */
export class WatchedShares extends VolumeShares {
  override of(volume: AttachedVolume): VolumeShare {
    return volume instanceof WatchedView ? volume.watched.share : super.of(volume);
  }
}

export class WatchedView implements AttachedVolume {
  readonly watched: WatchedVolume;
  readonly name: string;
  readonly sizeBytes: number;
  readonly logicalBlockBytes: number;
  readonly readOnly = false;
  readonly ioBytesMax: number;
  /** How often each deed was begun. */
  readonly deeds = new Map<Deed, number>();
  /** Those that the volume ended with success. */
  readonly successes = new Set<Deed>();
  /** What successful reads gave. */
  readonly readResults = new Set<string>();
  /** I/Os of this view that have not ended, and the payload that they hold. */
  open = 0;
  openPayloadBytes = 0;
  readonly #complain: Complain;
  readonly #use: Use;

  constructor(watched: WatchedVolume, complain: Complain, use: Use) {
    const { name, sizeBytes, logicalBlockBytes, ioBytesMax } = watched.memory;
    this.watched = watched;
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.logicalBlockBytes = logicalBlockBytes;
    this.ioBytesMax = ioBytesMax;
    this.#complain = complain;
    this.#use = use;
  }

  read(offset: VolumeOffset, lengthBytes: number, done: AnyDone): void {
    const ended = this.#begin(deedOf('read', offset, lengthBytes), {
      offset,
      lengthBytes,
      changesData: false,
      payloadBytes: lengthBytes,
    });
    this.watched.memory.read(offset, lengthBytes, (status, pieces) => {
      for (const piece of pieces) this.readResults.add(readResult(offset, piece));
      ended(status);
      done(status, pieces);
    });
  }

  write(offset: VolumeOffset, pieces: readonly Uint8Array[], fua: boolean, done: AnyDone): void {
    const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const deed = deedOf('write', offset, lengthBytes, fua, pieces);
    const range = { offset, lengthBytes, changesData: true, payloadBytes: lengthBytes };
    const ended = this.#begin(deed, range);
    this.watched.memory.write(offset, pieces, fua, (status) => {
      if (deedOf('write', offset, lengthBytes, fua, pieces) !== deed)
        this.#complain('the bytes of a write changed before it had ended');
      ended(status);
      done(status, []);
    });
  }

  writeZeroes(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: AnyDone): void {
    const ended = this.#change('writeZeroes', offset, lengthBytes, fua);
    this.watched.memory.writeZeroes(offset, lengthBytes, fua, (status) => {
      ended(status);
      done(status, []);
    });
  }

  trim(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: AnyDone): void {
    const ended = this.#change('trim', offset, lengthBytes, fua);
    this.watched.memory.trim(offset, lengthBytes, fua, (status) => {
      ended(status);
      done(status, []);
    });
  }

  flush(done: AnyDone): void {
    const range = { offset: 0, lengthBytes: 0, changesData: false, payloadBytes: 0 };
    const ended = this.#begin(deedOf('flush', 0, 0), range);
    this.watched.memory.flush((status) => {
      ended(status);
      done(status, []);
    });
  }

  allocation(
    offset: VolumeOffset,
    lengthBytes: number,
    done: (status: Status, stretches: readonly AllocationStretch[]) => void,
  ): void {
    const range = { offset, lengthBytes, changesData: false, payloadBytes: 0 };
    const ended = this.#begin(deedOf('allocation', offset, lengthBytes), range);
    this.watched.memory.allocation(offset, lengthBytes, (status, stretches) => {
      ended(status);
      done(status, status === Status.ok ? stretches : []);
    });
  }

  #change(
    operation: string,
    offset: number,
    lengthBytes: number,
    fua: boolean,
  ): (status: Status) => void {
    const range = { offset, lengthBytes, changesData: true, payloadBytes: 0 };
    return this.#begin(deedOf(operation, offset, lengthBytes, fua), range);
  }

  #begin(deed: Deed, range: Omit<Running, 'view'>): (status: Status) => void {
    const { offset, lengthBytes, payloadBytes, changesData } = range;
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
    if (changesData && this.#use === 'only read') this.#complain(`${deed} on a read-only export`);
    if (offset + lengthBytes > this.sizeBytes) this.#complain(`${deed} lies beyond the end`);
    if (payloadBytes > this.ioBytesMax) this.#complain(`${deed} is larger than an I/O may be`);
    if (lengthBytes === 0 && !deed.startsWith('flush')) this.#complain(`${deed} is no work`);
    // A read may meet a write that arrived behind it; of two writes the second waits for the first to end.
    for (const other of changesData ? this.watched.running : []) {
      const overlaps =
        other.offset < offset + lengthBytes && offset < other.offset + other.lengthBytes;
      if (other.view !== this && other.changesData && overlaps)
        this.#complain(`${deed} overtook a write of another connection`);
    }
    const running = { view: this, ...range };
    this.watched.running.add(running);
    this.open++;
    this.openPayloadBytes += payloadBytes;
    return (status) => {
      if (status === Status.ok) this.successes.add(deed);
      this.watched.running.delete(running);
      this.open--;
      this.openPayloadBytes -= payloadBytes;
    };
  }
}

type AnyDone = (status: Status, pieces: readonly Uint8Array[]) => void;
