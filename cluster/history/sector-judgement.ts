/**
 * Judges one sector's history: each era by a linearizability checker, and what may stand at its begin by what the era
 * before it left possible.
 */
import { type ForcedLoss, type SectorPart, splitByLoss } from './forced-loss.ts';
import { alienValue, type Era, isCertain, type WriteOperation } from './operations.ts';
import { explainViolation, type RegisterHistory, type RegisterRead } from './register.ts';
import { type SearchResult, searchOrder } from './search.ts';

/** One sector's part of an era. */
export interface SectorEra extends SectorPart {
  /** Those that the sector lies in; none when left out. */
  readonly losses?: readonly ForcedLoss[];
}

/** What is judged by itself: up to a power cut, or up to a loss. */
interface Stretch extends SectorPart {
  /** The loss that it follows was decided; null when it follows none. */
  readonly lostAt: number | null;
  /** That it ends with. */
  readonly loss: ForcedLoss | null;
}

/** A stretch that has been judged, and what may have stood at its begin. */
interface Judged extends Stretch {
  readonly before: ReadonlySet<number>;
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

/** Of an era: those that a sector lies in. */
export function lossesOf(era: Era | undefined, sector: number): readonly ForcedLoss[] {
  return (era?.losses ?? []).filter(({ covers }) => covers(sector));
}

export function judgeSector(eras: readonly SectorEra[]): SearchResult {
  let possible: ReadonlySet<number> = new Set([0]);
  let isUnclear = false;
  const judged: Judged[] = [];
  for (const stretch of eras.flatMap(stretchesOf)) {
    const { writes, reads, loss } = stretch;
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
    judged.push({ ...stretch, before: possible });
    possible =
      loss === null ? possibleAfter(writes, initialValues) : possibleAfterLoss(judged, loss);
  }
  return isUnclear ? { outcome: 'unclear' } : explained;
}

function stretchesOf({ writes, reads, losses = [] }: SectorEra): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let rest: SectorPart = { writes, reads };
  let lostAt: number | null = null;
  for (const loss of losses) {
    const [before, after] = splitByLoss(rest, loss);
    stretches.push({ ...before, lostAt, loss });
    rest = after;
    lostAt = loss.decidedAt;
  }
  return [...stretches, { ...rest, lostAt, loss: null }];
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

/**
 * What the mirror holds that is taken for right: what was durable when it left, or anything that it may have got since.
 * Who flushed what was lost must have been told, so that what a flush vouches for all the same must be there (DESIGN I11).
 */
function possibleAfterLoss(stretches: readonly Judged[], loss: ForcedLoss): ReadonlySet<number> {
  const { leftAt, heldUntil, decidedAt, servedAt } = loss;
  const beganBefore = (at: number) => (stretch: Judged) => beganAt(stretch) < at;
  const last = Math.max(0, stretches.findLastIndex(beganBefore(leftAt)));
  const since = stretches.slice(last);
  const writes = since.flatMap((stretch) => stretch.writes);
  const held = possibleAfter(writes, since[0]?.before ?? new Set([0]), {
    isDurable: ({ durableAt, endedAt, vouchedAt }) =>
      durableAt < leftAt || (endedAt < decidedAt && vouchedAt >= servedAt && vouchedAt !== never),
    isHeld: ({ startedAt }) => startedAt < heldUntil,
  });
  // What others went on with meanwhile may have been copied to it.
  const copied = since.slice(1).filter(beganBefore(heldUntil));
  return new Set([...held, ...copied.flatMap(({ before }) => [...before])]);
}

function beganAt({ writes, reads, lostAt }: Stretch): number {
  return lostAt ?? Math.min(...[...writes, ...reads].map(({ startedAt }) => startedAt));
}

const never = Number.POSITIVE_INFINITY;

interface Keeping {
  readonly isDurable: (write: WriteOperation) => boolean;
  readonly isHeld: (write: WriteOperation) => boolean;
}

/** Every mirror in sync. */
const inSync: Keeping = { isDurable: ({ durableAt }) => durableAt !== never, isHeld: () => true };

/** The last durable value, or any that was written since (DESIGN I2). */
function possibleAfter(
  writes: readonly WriteOperation[],
  before: ReadonlySet<number>,
  { isDurable, isHeld } = inSync,
): ReadonlySet<number> {
  const durable = writes.filter(isDurable);
  const lastDurableStart = Math.max(-never, ...durable.map(({ startedAt }) => startedAt));
  const values = new Set<number>(durable.length === 0 ? before : []);
  for (const write of writes)
    if (write.endedAt >= lastDurableStart && isHeld(write)) values.add(write.value);
  return values;
}

function listOf(values: ReadonlySet<number>): string {
  return [...values].slice(0, 8).join(', ');
}
