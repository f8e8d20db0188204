/**
 * Judges one sector's history: each era by a linearizability checker, and what may stand at its begin by what the era
 * before it left possible.
 */
import { alienValue, type Era, isCertain, type WriteOperation } from './operations.ts';
import { explainViolation, type RegisterHistory, type RegisterRead } from './register.ts';
import { type SearchResult, searchOrder } from './search.ts';

/** One sector's part of an era. */
export interface SectorEra {
  readonly writes: readonly WriteOperation[];
  readonly reads: readonly RegisterRead[];
}

const explained: SearchResult = { outcome: 'explained' };

/** Behind the last sector that an era touches. */
export function endOf({ writes, reads }: Era): number {
  let end = 0;
  for (const { firstSector, sectorCount } of writes) end = Math.max(end, firstSector + sectorCount);
  for (const { firstSector, values } of reads) end = Math.max(end, firstSector + values.length);
  return end;
}

/** What an era did to each of the sectors `first` up to `end`. */
export function eraBySector(era: Era, first: number, end: number): ReadonlyMap<number, SectorEra> {
  const sectors = new Map<number, { writes: WriteOperation[]; reads: RegisterRead[] }>();
  const at = (sector: number) => {
    let entry = sectors.get(sector);
    if (entry === undefined) {
      entry = { writes: [], reads: [] };
      sectors.set(sector, entry);
    }
    return entry;
  };
  for (const write of era.writes) {
    const last = Math.min(write.firstSector + write.sectorCount, end);
    for (let sector = Math.max(write.firstSector, first); sector < last; sector++)
      at(sector).writes.push(write);
  }
  for (const { firstSector, values, startedAt, endedAt } of era.reads) {
    const last = Math.min(firstSector + values.length, end);
    for (let sector = Math.max(firstSector, first); sector < last; sector++) {
      const value = values[sector - firstSector] ?? alienValue;
      at(sector).reads.push({ value, startedAt, endedAt });
    }
  }
  return sectors;
}

export function judgeSector(eras: readonly SectorEra[]): SearchResult {
  let possible: ReadonlySet<number> = new Set([0]);
  let isUnclear = false;
  for (const { writes, reads } of eras) {
    const written = new Set(writes.map(({ value }) => value));
    const inherited = new Set(
      reads.map(({ value }) => value).filter((value) => !written.has(value)),
    );
    for (const value of inherited) {
      if (possible.has(value)) continue;
      const what = `a read saw value ${value}; possible before were ${listOf(possible)}`;
      return { outcome: 'violation', what };
    }
    const initialValues = inherited.size > 0 ? inherited : possible;
    const verdict = judgeEra(writes, reads, initialValues);
    if (verdict.outcome === 'violation') return verdict;
    if (verdict.outcome === 'unclear') isUnclear = true;
    possible = possibleAfter(writes, initialValues);
  }
  return isUnclear ? { outcome: 'unclear' } : explained;
}

/** An era fits if it does for one of the values that may have stood at its begin. */
function judgeEra(
  writes: readonly WriteOperation[],
  reads: readonly RegisterRead[],
  initialValues: ReadonlySet<number>,
): SearchResult {
  if (reads.length === 0) return explained;
  const registerWrites = writes.map((write) => ({
    value: write.value,
    startedAt: write.startedAt,
    endedAt: write.endedAt,
    certain: isCertain(write),
  }));
  let last: SearchResult = explained;
  for (const initialValue of initialValues) {
    const verdict = judgeRegister({ initialValue, writes: registerWrites, reads });
    if (verdict.outcome === 'explained') return verdict;
    if (last.outcome !== 'unclear') last = verdict;
  }
  return last;
}

function judgeRegister(history: RegisterHistory): SearchResult {
  const values = new Set([history.initialValue, ...history.writes.map(({ value }) => value)]);
  if (values.size < history.writes.length + 1) return searchOrder(history);
  const what = explainViolation(history);
  return what === null ? explained : { outcome: 'violation', what };
}

/** The last durable value, or any that was written since (DESIGN I2). */
function possibleAfter(
  writes: readonly WriteOperation[],
  before: ReadonlySet<number>,
): ReadonlySet<number> {
  let lastDurableStart = Number.NEGATIVE_INFINITY;
  for (const { startedAt, durableAt } of writes) {
    if (durableAt !== Number.POSITIVE_INFINITY)
      lastDurableStart = Math.max(lastDurableStart, startedAt);
  }
  const values = new Set<number>();
  if (lastDurableStart === Number.NEGATIVE_INFINITY) for (const value of before) values.add(value);
  for (const { value, endedAt } of writes) if (endedAt >= lastDurableStart) values.add(value);
  return values;
}

function listOf(values: ReadonlySet<number>): string {
  return [...values].slice(0, 8).join(', ');
}
