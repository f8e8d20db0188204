/**
 * The consumer of a kill order. Steady writers go over their blocks again and again, so that a disk that is away misses
 * something everywhere; hasty ones begin right before a disk is struck, and leave alone for a while what they wrote then,
 * wherever it got to. Every other one asks for FUA. In between all blocks are read.
 */
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { Status } from '../../../protocols/codes.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import type { SimulatedSan } from '../../tools/simulated-san.ts';
import { blockOf, ExpectedData, valueIn } from './expected-data.ts';

const steadyCount = 4;
const hastyCount = 4;
const writersCount = steadyCount + hastyCount;
const blocksPerWriter = 4;
export const blocksCount = writersCount * blocksPerWriter;
/** Blocks lie so far apart that no two are copied in one step. */
const blocksApart = 5;
/** What a steady writer lets pass between two writes, and after one that failed. */
const restMs = 10;
const failedRestMs = 200;

export interface WritersParts {
  readonly san: SimulatedSan;
  readonly volume: () => OptimizationDriver;
  readonly acknowledged: (begunMs: number) => void;
}

interface Writer {
  readonly number: number;
  readonly isSteady: boolean;
  written: number;
  isOpen: boolean;
}

export class Writers {
  readonly #parts: WritersParts;
  readonly #data = new ExpectedData();
  readonly #writers: readonly Writer[];
  #isPaused = true;
  #reads = 0;
  #acknowledged = 0;
  #powerLosses = 0;

  constructor(parts: WritersParts) {
    this.#parts = parts;
    this.#writers = Array.from({ length: writersCount }, (_, number) => ({
      number,
      isSteady: number < steadyCount,
      written: 0,
      isOpen: false,
    }));
  }

  /** Writes that were acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Reads that ended so far. */
  get reads(): number {
    return this.#reads;
  }

  get isQuiet(): boolean {
    return this.#writers.every(({ isOpen }) => !isOpen);
  }

  resume(): void {
    this.#isPaused = false;
    for (const writer of this.#writers) if (writer.isSteady) this.#goOn(writer);
  }

  /** Begins nothing more; what is open ends by itself. */
  pause(): void {
    this.#isPaused = true;
  }

  /** The hasty writers write. */
  hurry(): void {
    for (const writer of this.#writers) if (!writer.isSteady) this.#goOn(writer);
  }

  /** A disk has lost its power. */
  powerLost(): void {
    this.#powerLosses += 1;
    this.#data.powerLost();
  }

  /** Reads every block. @param done told what is wrong, as sentences, and how many reads failed */
  readAll(done: (problems: readonly string[], failed: number) => void): void {
    const problems: string[] = [];
    let left = blocksCount;
    let failed = 0;
    const volume = this.#parts.volume();
    for (let block = 0; block < blocksCount; block++)
      volume.read(offsetOf(block), blockBytes, (status, pieces) => {
        this.#reads += 1;
        if (status === Status.ok) {
          const problem = this.#data.read(block, valueIn(Buffer.concat(pieces)));
          if (problem !== '') problems.push(problem);
        } else failed += 1;
        left -= 1;
        if (left === 0) done(problems, failed);
      });
  }

  #goOn(writer: Writer): void {
    if (!this.#isPaused && !writer.isOpen) this.#write(writer);
  }

  #write(writer: Writer): void {
    const { clock } = this.#parts.san.world;
    const block = writer.number * blocksPerWriter + (writer.written % blocksPerWriter);
    writer.written += 1;
    const value = writer.written * writersCount + writer.number;
    const begunMs = clock.now();
    const lossesBefore = this.#powerLosses;
    writer.isOpen = true;
    const fua = writer.number % 2 === 0;
    this.#parts.volume().write(offsetOf(block), [blockOf(value)], fua, (status) => {
      writer.isOpen = false;
      const isWell = status === Status.ok;
      if (writer.isSteady)
        clock.setTimeout(() => this.#goOn(writer), isWell ? restMs : failedRestMs);
      if (isWell) {
        this.#acknowledged += 1;
        // The power may have gone right behind the disk's answer.
        if (fua || this.#powerLosses === lossesBefore) this.#data.acknowledged(block, value, fua);
        else this.#data.mayHaveHappened(block, value);
        this.#parts.acknowledged(begunMs);
      } else this.#data.mayHaveHappened(block, value);
    });
  }
}

function offsetOf(block: number): VolumeOffset {
  return unitOf<VolumeOffset>(block * blocksApart * blockBytes);
}
