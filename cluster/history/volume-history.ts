/**
 * What consumers of one volume did and saw, sector by sector, and the verdict on it: linearizable while nothing was
 * lost (DESIGN I2), and after a power cut every sector holds the last value that was made durable or one written
 * since (I1). Every write puts its own number into each sector that it touches; zeros are number 0.
 */
import type { ForcedLoss } from './forced-loss.ts';
import type { Era, WriteOperation } from './operations.ts';
import { endOf, eraBySector, judgeSector, lossesOf } from './sector-judgement.ts';
import { storyOf } from './sector-story.ts';

/** Moments are whole numbers of which the caller gives each a larger one than the last. */
const justBefore = 0.5;

export interface Violation {
  readonly sector: number;
  readonly what: string;
}

/** What the checkers say of a whole history. */
export interface Judgement {
  readonly violations: readonly Violation[];
  /** That anybody wrote or read. */
  readonly judgedSectors: number;
  /** Of these: sectors of which nothing is claimed, because too much went on at once. */
  readonly unclearSectors: number;
}

export type WriteToken = WriteOperation;

/** Sectors that are judged at once: what each of them saw has to be spread out, which takes memory. */
const sectorsAtOnce = 4096;
const nothing = { writes: [], reads: [] };

function newEra(): Era {
  return { writes: [], reads: [], losses: [] };
}

export class VolumeHistory {
  /** One per stretch between power cuts. */
  readonly #eras: Era[] = [newEra()];
  /** Errored writes whose volume has not served anything since. */
  #unsettled: { readonly write: WriteOperation; readonly failedAt: number }[] = [];
  /** Writes of this era that were acknowledged and are not known to be durable. */
  #volatile: WriteOperation[] = [];
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
    by?: string;
  }): WriteToken {
    const operation: WriteOperation = {
      by: write.by ?? '',
      value: write.value,
      firstSector: write.firstSector,
      sectorCount: write.sectorCount,
      startedAt: write.at,
      endedAt: Number.POSITIVE_INFINITY,
      durableAt: Number.POSITIVE_INFINITY,
      vouchedAt: Number.POSITIVE_INFINITY,
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
    else this.#volatile.push(operation);
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

  /**
   * It was never answered, and its consumer has asked again for the same place over a new connection and been answered:
   * by now it has happened, or never will (DESIGN I6).
   */
  writeOvertaken(operation: WriteToken, at: number): void {
    operation.failed = true;
    operation.endedAt = at;
  }

  /**
   * The host of its consumer died before it answered: it may happen as long as that host's former attachment is not
   * fenced, while other hosts go on.
   */
  writeLost(operation: WriteToken): void {
    this.#operations++;
    operation.failed = true;
  }

  /** The host whose process died serves again, something that was asked for at `startedAt`: what was lost is dead. */
  lostIsDead(operation: WriteToken, startedAt: number): void {
    operation.endedAt = startedAt - justBefore;
  }

  readSucceeded(read: {
    firstSector: number;
    values: readonly number[];
    startedAt: number;
    at: number;
    by?: string;
  }): void {
    this.#operations++;
    const { firstSector, values, startedAt, at, by = '' } = read;
    this.#era().reads.push({ by, firstSector, values, startedAt, endedAt: at });
    this.#served(startedAt);
  }

  flushSucceeded(startedAt: number, at: number): void {
    this.#operations++;
    this.#volatile = this.#volatile.filter((write) => {
      if (write.endedAt > startedAt) return true;
      write.durableAt = at;
      return false;
    });
    this.#served(startedAt);
  }

  /** Every disk lost what it had not made durable; whatever was open ended with no answer that counts. */
  powerCut(): void {
    this.#eras.push(newEra());
    this.#unsettled = [];
    this.#volatile = [];
  }

  /** An operator's word was decided by: the volume goes on without the mirrors that had everything. */
  lossForced(loss: Omit<ForcedLoss, 'servedAt'>): void {
    this.#era().losses.push({ ...loss, servedAt: Number.POSITIVE_INFINITY });
  }

  /** Hosts are told to go on with what is left. */
  servedAfterLoss(at: number): void {
    for (const loss of this.#era().losses) loss.servedAt = Math.min(loss.servedAt, at);
  }

  /** Everything that cannot be explained. */
  violations(): readonly Violation[] {
    return this.judge().violations;
  }

  judge(): Judgement {
    const violations: Violation[] = [];
    let judgedSectors = 0;
    let unclearSectors = 0;
    const end = Math.max(0, ...this.#eras.map(endOf));
    for (let first = 0; first < end; first += sectorsAtOnce) {
      const eras = this.#eras.map((era) => eraBySector(era, first, first + sectorsAtOnce));
      const sectors = new Set(eras.flatMap((era) => [...era.keys()]));
      for (const sector of [...sectors].sort((a, b) => a - b)) {
        judgedSectors++;
        const verdict = judgeSector(
          eras.map((era, index) => ({
            ...(era.get(sector) ?? nothing),
            losses: lossesOf(this.#eras[index], sector),
          })),
        );
        if (verdict.outcome === 'violation') violations.push({ sector, what: verdict.what });
        if (verdict.outcome === 'unclear') unclearSectors++;
      }
    }
    return { violations, judgedSectors, unclearSectors };
  }

  /** What was done to a sector and seen of it, line by line, up to where it cannot be explained any more. */
  story(sector: number): readonly string[] {
    return storyOf(this.#eras, sector);
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
