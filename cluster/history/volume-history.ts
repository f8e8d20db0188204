/**
 * What consumers of one volume did and saw, sector by sector, and the verdict on it: linearizable while nothing was
 * lost (DESIGN I2), and after a power cut every sector holds the last value that was made durable or one written
 * since (I1). Every write puts its own number into each sector that it touches; zeros are number 0.
 */
import {
  explainViolation,
  type RegisterHistory,
  type RegisterRead,
  type RegisterWrite,
} from './register.ts';
import { searchViolation } from './search.ts';

/** Moments are whole numbers that the caller counts up, so that no two are the same. */
const justBefore = 0.5;

/** A number that a read saw and that is no write's: bytes that do not belong there. */
export const alienValue = -1;

interface WriteOperation {
  readonly value: number;
  readonly firstSector: number;
  readonly sectorCount: number;
  readonly startedAt: number;
  /** Infinity while it is open, or when it ended in an error and may still have happened. */
  endedAt: number;
  /** When it was made durable by FUA or a flush; Infinity if never. */
  durableAt: number;
  failed: boolean;
}

interface ReadOperation {
  readonly firstSector: number;
  readonly values: readonly number[];
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface Violation {
  readonly sector: number;
  readonly what: string;
}

export type WriteToken = WriteOperation;

interface Era {
  readonly writes: WriteOperation[];
  readonly reads: ReadOperation[];
}

export class VolumeHistory {
  /** One per stretch between power cuts. */
  readonly #eras: Era[] = [{ writes: [], reads: [] }];
  /** Errored writes whose volume has not served anything since. */
  #unsettled: { readonly write: WriteOperation; readonly failedAt: number }[] = [];
  #operations = 0;

  /** How many operations ended. */
  get operations(): number {
    return this.#operations;
  }

  beginWrite(write: {
    value: number;
    firstSector: number;
    sectorCount: number;
    at: number;
  }): WriteToken {
    const operation: WriteOperation = {
      value: write.value,
      firstSector: write.firstSector,
      sectorCount: write.sectorCount,
      startedAt: write.at,
      endedAt: Number.POSITIVE_INFINITY,
      durableAt: Number.POSITIVE_INFINITY,
      failed: false,
    };
    this.#era().writes.push(operation);
    return operation;
  }

  /** `durable`: it was acknowledged with FUA. */
  writeSucceeded(operation: WriteToken, durable: boolean, at: number): void {
    this.#operations++;
    operation.endedAt = at;
    if (durable) operation.durableAt = at;
    this.#served(operation.startedAt);
  }

  /**
   * The consumer got an error: the write may have happened. It is dead, though, before the volume serves anything
   * that was asked for later (DESIGN I12).
   */
  writeFailed(operation: WriteToken, at: number): void {
    this.#operations++;
    operation.failed = true;
    this.#unsettled.push({ write: operation, failedAt: at });
  }

  readSucceeded(read: {
    firstSector: number;
    values: readonly number[];
    startedAt: number;
    at: number;
  }): void {
    this.#operations++;
    const { firstSector, values, startedAt, at } = read;
    this.#era().reads.push({ firstSector, values, startedAt, endedAt: at });
    this.#served(startedAt);
  }

  flushSucceeded(startedAt: number, at: number): void {
    this.#operations++;
    for (const write of this.#era().writes) {
      if (!write.failed && write.endedAt <= startedAt)
        write.durableAt = Math.min(write.durableAt, at);
    }
    this.#served(startedAt);
  }

  /** Every disk lost what it had not made durable; whatever was open ended with no answer that counts. */
  powerCut(): void {
    this.#eras.push({ writes: [], reads: [] });
    this.#unsettled = [];
  }

  /** Everything that cannot be explained. */
  violations(): readonly Violation[] {
    const found: Violation[] = [];
    const sectors = new Set<number>();
    for (const era of this.#eras) {
      for (const { firstSector, sectorCount } of era.writes)
        addRange(sectors, firstSector, sectorCount);
      for (const { firstSector, values } of era.reads)
        addRange(sectors, firstSector, values.length);
    }
    const eras = this.#eras.map(bySector);
    for (const sector of [...sectors].sort((a, b) => a - b)) {
      const what = judgeSector(eras.map((era) => era.get(sector) ?? { writes: [], reads: [] }));
      if (what !== null) found.push({ sector, what });
    }
    return found;
  }

  #era(): Era {
    const era = this.#eras.at(-1);
    if (era === undefined) throw new Error('a history has at least one era');
    return era;
  }

  /** An operation that began after a write's error and succeeded: when it began, the errored write was dead. */
  #served(startedAt: number): void {
    if (this.#unsettled.length === 0) return;
    this.#unsettled = this.#unsettled.filter(({ write, failedAt }) => {
      if (failedAt > startedAt) return true;
      write.endedAt = startedAt - justBefore;
      return false;
    });
  }
}

interface SectorEra {
  readonly writes: WriteOperation[];
  readonly reads: RegisterRead[];
}

function addRange(sectors: Set<number>, first: number, count: number): void {
  for (let sector = first; sector < first + count; sector++) sectors.add(sector);
}

function bySector(era: Era): Map<number, SectorEra> {
  const sectors = new Map<number, SectorEra>();
  const at = (sector: number) => {
    let entry = sectors.get(sector);
    if (entry === undefined) {
      entry = { writes: [], reads: [] };
      sectors.set(sector, entry);
    }
    return entry;
  };
  for (const write of era.writes) {
    for (let index = 0; index < write.sectorCount; index++)
      at(write.firstSector + index).writes.push(write);
  }
  for (const { firstSector, values, startedAt, endedAt } of era.reads) {
    for (const [index, value] of values.entries()) {
      at(firstSector + index).reads.push({ value, startedAt, endedAt });
    }
  }
  return sectors;
}

/** Judges one sector era by era; what may stand at an era's begin is what the one before left possible. */
function judgeSector(eras: readonly SectorEra[]): string | null {
  let possible: ReadonlySet<number> = new Set([0]);
  for (const { writes, reads } of eras) {
    const written = new Set(writes.map(({ value }) => value));
    const inherited = new Set(
      reads.map(({ value }) => value).filter((value) => !written.has(value)),
    );
    for (const value of inherited) {
      if (!possible.has(value))
        return `a read saw value ${value}; possible before were ${listOf(possible)}`;
    }
    const initialValues = inherited.size > 0 ? inherited : possible;
    const what = judgeEra(writes, reads, initialValues);
    if (what !== null) return what;
    possible = possibleAfter(writes, inherited.size > 0 ? inherited : possible);
  }
  return null;
}

/** An era fits if it does for one of the values that may have stood at its begin. */
function judgeEra(
  writes: readonly WriteOperation[],
  reads: readonly RegisterRead[],
  initialValues: ReadonlySet<number>,
): string | null {
  if (reads.length === 0) return null;
  let what: string | null = null;
  for (const initialValue of initialValues) {
    what = explain({ initialValue, writes: writes.map(registerWrite), reads });
    if (what === null) return null;
  }
  return what;
}

function explain(history: RegisterHistory): string | null {
  const values = new Set([history.initialValue, ...history.writes.map(({ value }) => value)]);
  const unique = values.size === history.writes.length + 1;
  return unique ? explainViolation(history) : searchViolation(history);
}

/** Only what was acknowledged has certainly happened. */
function registerWrite({ value, startedAt, endedAt, failed }: WriteOperation): RegisterWrite {
  return { value, startedAt, endedAt, certain: !failed && endedAt !== Number.POSITIVE_INFINITY };
}

/** The last durable value, or any that was written since (DESIGN I2). */
function possibleAfter(
  writes: readonly WriteOperation[],
  before: ReadonlySet<number>,
): ReadonlySet<number> {
  const durable = writes.filter(({ durableAt }) => durableAt !== Number.POSITIVE_INFINITY);
  const superseded = (endedAt: number) => durable.some(({ startedAt }) => startedAt > endedAt);
  const values = new Set<number>();
  if (durable.length === 0) for (const value of before) values.add(value);
  for (const { value, endedAt } of writes) if (!superseded(endedAt)) values.add(value);
  return values;
}

function listOf(values: ReadonlySet<number>): string {
  return [...values].slice(0, 8).join(', ');
}
