/**
 * The block store of the simulation: a medium that outlives the processes which open it, with two images. The
 * durable image is what a power cut leaves; the volatile one, above it, is what reads see.
 *
 * Fault model: sectors of 512 bytes are written as a whole or not at all. Without a flush any subset of the
 * sectors written since may survive a power cut, in any version that they had; so one write may be torn inside.
 * Write-back in the background makes some of them durable before. A killed process (`crash`) loses only what it had
 * submitted and not yet been told; each such write is there as a whole, in part, or not at all. A sector may go bad:
 * then reads of it fail, until it is written anew.
 */
import type { BlockStore, Clock, Random, StoreDone, StoreError } from '../../protocols/ports.ts';
import { roundDown, roundUp, sectorBytes } from '../../protocols/units.ts';
import { SectorImage } from './sector-image.ts';

export interface StoreLatency {
  readonly readMs: number;
  readonly writeMs: number;
  readonly flushMs: number;
}

export interface MediumOptions {
  readonly sizeBytes: number;
  readonly random: Random;
  /** The longest that each takes; the real time is drawn. None: all end with the work at hand. */
  readonly latency?: StoreLatency;
  /** Of a million writes, how many are written back in the background at once. */
  readonly writeBackPerMillion?: number;
}

interface WriteInFlight {
  readonly atBytes: number;
  readonly lengthBytes: number;
  readonly pieces: readonly Uint8Array[];
  endMs: number;
}

const closedError: StoreError = { kind: 'media', detail: 'the store is closed' };

export class MemoryMedium {
  readonly sizeBytes: number;
  readonly #random: Random;
  readonly #latency: StoreLatency | null;
  readonly #writeBackPerMillion: number;
  readonly #durable = new SectorImage();
  /** What reads see where it differs from the durable image. */
  #volatile = new SectorImage();
  /** Written, reported to the writer, not yet flushed. */
  #written = new SectorImage();
  /** As `written`, taken by flushes that have not ended. */
  #flushing: SectorImage[] = [];
  #inFlight: WriteInFlight[] = [];
  /** By number. */
  readonly #badSectors = new Set<number>();
  /** Steps when the handles that are open must fall silent. */
  #life = 0;

  constructor(options: MediumOptions) {
    this.sizeBytes = options.sizeBytes;
    this.#random = options.random;
    this.#latency = options.latency ?? null;
    this.#writeBackPerMillion = options.writeBackPerMillion ?? 0;
  }

  /** Bytes of memory that the images take: for tests of sparseness. */
  get residentBytes(): number {
    return this.#durable.residentBytes + this.#volatile.residentBytes + this.#written.residentBytes;
  }

  /** Opens the medium for a process; `clock` is that process's. One handle is open at a time. */
  open(clock: Clock): BlockStore {
    this.#life += 1;
    return new MemoryStore(this, clock, this.#life);
  }

  /** Lays an image over what is durable. For a medium that nobody has opened yet. */
  restore(image: SectorImage): void {
    image.copyInto(this.#durable, null);
  }

  /** Nothing is left but the durable image and a random part of what was not flushed. Handles fall silent. */
  powerCut(): void {
    const keep = this.#drawnKeep();
    for (const image of [...this.#flushing, this.#written]) image.copyInto(this.#durable, keep);
    for (const write of this.#inFlight) this.#durable.write(write.atBytes, write.pieces, keep);
    this.#forgetVolatile();
  }

  /** The process that had it open was killed: what it wrote stays in the operating system's cache. */
  crash(): void {
    for (const write of this.#inFlight) {
      const whole = this.#random.integer(2) === 0;
      this.#written.write(write.atBytes, write.pieces, whole ? null : this.#drawnKeep());
    }
    const cached = new SectorImage();
    for (const image of [...this.#flushing, this.#written]) image.copyInto(cached, null);
    this.#forgetVolatile();
    this.#written = cached;
    cached.copyInto(this.#volatile, null);
  }

  /** Changes bytes behind everybody's back, durably: bit rot. */
  corrupt(atBytes: number, change: (bytes: Uint8Array) => void, lengthBytes: number): void {
    const start = roundDown(atBytes, sectorBytes);
    const bytes = this.peek(start, roundUp(atBytes + lengthBytes, sectorBytes) - start);
    change(bytes.subarray(atBytes - start, atBytes - start + lengthBytes));
    for (const image of [this.#durable, ...this.#flushing, this.#written, this.#volatile])
      image.write(start, [bytes], null);
  }

  /** The sector at this byte goes bad. */
  spoil(atBytes: number): void {
    this.#badSectors.add(Math.floor(atBytes / sectorBytes));
  }

  /** Where the first bad sector of a range begins; -1 when all are good. */
  badSectorIn(atBytes: number, lengthBytes: number): number {
    const end = Math.ceil((atBytes + lengthBytes) / sectorBytes);
    if (this.#badSectors.size > 0)
      for (let sector = Math.floor(atBytes / sectorBytes); sector < end; sector++)
        if (this.#badSectors.has(sector)) return sector * sectorBytes;
    return -1;
  }

  /** What reads see, at once. */
  peek(atBytes: number, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(lengthBytes);
    this.readInto(atBytes, bytes);
    return bytes;
  }

  /** @internal of the store */
  isCurrent(life: number): boolean {
    return life === this.#life;
  }

  /** @internal of the store */
  readInto(atBytes: number, into: Uint8Array): void {
    this.#volatile.read(atBytes, into, this.#durable);
  }

  /** @internal of the store: takes a write; `completeWrite` follows at its `endMs`. */
  submitWrite(atBytes: number, pieces: readonly Uint8Array[], endMs: number): WriteInFlight {
    const write = this.#inWholeSectors(atBytes, pieces, endMs);
    for (const other of this.#inFlight)
      if (
        other.atBytes < write.atBytes + write.lengthBytes &&
        write.atBytes < other.atBytes + other.lengthBytes
      )
        write.endMs = Math.max(write.endMs, other.endMs);
    this.#inFlight.push(write);
    for (const sector of this.#badSectors) {
      const at = sector * sectorBytes;
      if (at >= write.atBytes && at < write.atBytes + write.lengthBytes)
        this.#badSectors.delete(sector);
    }
    this.#volatile.write(write.atBytes, write.pieces, null);
    return write;
  }

  /** @internal of the store */
  completeWrite(write: WriteInFlight): void {
    this.#inFlight.splice(this.#inFlight.indexOf(write), 1);
    this.#written.write(write.atBytes, write.pieces, null);
    if (this.#random.integer(1_000_000) < this.#writeBackPerMillion)
      this.#durable.write(write.atBytes, write.pieces, this.#drawnKeep());
  }

  #inWholeSectors(atBytes: number, pieces: readonly Uint8Array[], endMs: number): WriteInFlight {
    const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const isWhole = (piece: Uint8Array) => piece.length % sectorBytes === 0;
    if (atBytes % sectorBytes === 0 && pieces.every(isWhole))
      return { atBytes, lengthBytes, pieces, endMs };
    const start = roundDown(atBytes, sectorBytes);
    const bytes = this.peek(start, roundUp(atBytes + lengthBytes, sectorBytes) - start);
    let at = atBytes - start;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return { atBytes: start, lengthBytes: bytes.length, pieces: [bytes], endMs };
  }

  /** @internal of the store: takes what has been written so far; `completeFlush` makes it durable. */
  submitFlush(): SectorImage {
    const taken = this.#written;
    this.#written = new SectorImage();
    this.#flushing.push(taken);
    return taken;
  }

  /** @internal of the store: also ends the flushes that began before. */
  completeFlush(taken: SectorImage): void {
    const last = this.#flushing.indexOf(taken);
    for (const image of this.#flushing.splice(0, last + 1)) image.moveInto(this.#durable);
    if (this.#flushing.length === 0 && this.#written.isEmpty && this.#inFlight.length === 0)
      this.#volatile = new SectorImage();
  }

  /** @internal of the store */
  drawnDelayMs(kind: keyof StoreLatency): number {
    const most = this.#latency?.[kind] ?? 0;
    return most === 0 ? 0 : (most * (1 + this.#random.integer(1000))) / 1000;
  }

  /** Decides per sector, with a chance that is itself drawn: from all lost to all kept. */
  #drawnKeep(): () => boolean {
    const keepOf = this.#random.integer(5);
    return () => this.#random.integer(4) < keepOf;
  }

  #forgetVolatile(): void {
    this.#volatile = new SectorImage();
    this.#written = new SectorImage();
    this.#flushing = [];
    this.#inFlight = [];
    this.#life += 1;
  }
}

class MemoryStore implements BlockStore {
  readonly sizeBytes: number;
  readonly #medium: MemoryMedium;
  readonly #clock: Clock;
  readonly #life: number;
  #closed = false;
  #underWay = 0;
  /** Who waits until nothing is under way any more. */
  #closing: (() => void)[] = [];

  constructor(medium: MemoryMedium, clock: Clock, life: number) {
    this.#medium = medium;
    this.sizeBytes = medium.sizeBytes;
    this.#clock = clock;
    this.#life = life;
  }

  read(atBytes: number, into: Uint8Array, done: StoreDone): void {
    if (!this.#admits(atBytes, into.length, done)) return;
    const badAt = this.#medium.badSectorIn(atBytes, into.length);
    const detail = `the sector at ${badAt} is bad`;
    const error: StoreError | null = badAt < 0 ? null : { kind: 'media', detail };
    if (error === null) this.#medium.readInto(atBytes, into);
    this.#later(this.#medium.drawnDelayMs('readMs'), () => done(error));
  }

  write(atBytes: number, pieces: readonly Uint8Array[], done: StoreDone): void {
    const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (!this.#admits(atBytes, lengthBytes, done)) return;
    const nowMs = this.#clock.now();
    const endMs = nowMs + this.#medium.drawnDelayMs('writeMs');
    const write = this.#medium.submitWrite(atBytes, pieces, endMs);
    this.#later(write.endMs - nowMs, () => {
      this.#medium.completeWrite(write);
      done(null);
    });
  }

  flush(done: StoreDone): void {
    if (!this.#admits(0, 0, done)) return;
    const taken = this.#medium.submitFlush();
    this.#later(this.#medium.drawnDelayMs('flushMs'), () => {
      this.#medium.completeFlush(taken);
      done(null);
    });
  }

  /** What is under way ends first. */
  close(done: () => void): void {
    this.#closed = true;
    this.#closing.push(done);
    this.#later(0, () => {});
  }

  #admits(atBytes: number, lengthBytes: number, done: StoreDone): boolean {
    if (atBytes < 0 || atBytes + lengthBytes > this.sizeBytes)
      throw new RangeError(`outside the store: ${lengthBytes} bytes at ${atBytes}`);
    // What a dead process would still do is not done.
    if (!this.#medium.isCurrent(this.#life)) return false;
    if (!this.#closed) return true;
    this.#later(0, () => done(closedError));
    return false;
  }

  #later(delayMs: number, run: () => void): void {
    const unlessGone = () => {
      if (!this.#medium.isCurrent(this.#life)) return;
      run();
      this.#underWay -= 1;
      if (this.#closed && this.#underWay === 0)
        for (const closed of this.#closing.splice(0)) closed();
    };
    this.#underWay += 1;
    if (delayMs > 0) this.#clock.setTimeout(unlessGone, delayMs);
    else this.#clock.soon(unlessGone);
  }
}
