/** A sector's history as people read it: one line per operation, in the order of their beginnings. */
import { alienValue, type Era, type WriteOperation } from './operations.ts';
import { judgeSector, lossesOf, type SectorEra } from './sector-judgement.ts';

/** The story ends with what cannot be explained; of what went before, so many lines are enough. */
const linesMax = 40;

interface Told {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly by: string;
  readonly what: string;
}

/** Moments are shown as they are. Empty when nothing happened to the sector. */
export function storyOf(eras: readonly Era[], sector: number): readonly string[] {
  const parts = eras.map((era) => partOf(era, sector));
  const last = firstUnexplained(parts);
  const told = parts
    .flatMap(toldOf)
    .filter(({ startedAt }) => startedAt <= last)
    .sort((a, b) => a.startedAt - b.startedAt)
    .slice(-linesMax);
  const width = Math.max(0, ...told.map(({ startedAt }) => String(startedAt).length));
  const moment = (at: number) => (Number.isFinite(at) ? String(at) : 'open').padStart(width);
  return told.map(({ startedAt, endedAt, by, what }) =>
    [`${moment(startedAt)} to ${moment(endedAt)}`, by, what]
      .filter((word) => word !== '')
      .join('  '),
  );
}

/** Only what concerns the sector, as if it had concerned nothing else. */
function partOf(era: Era, sector: number): Era & SectorEra {
  const { writes, reads } = era;
  return {
    losses: [...lossesOf(era, sector)],
    writes: writes
      .filter((each) => each.firstSector <= sector && sector < each.firstSector + each.sectorCount)
      .map((each) => ({ ...each, firstSector: sector, sectorCount: 1 })),
    reads: reads
      .filter(
        (each) => each.firstSector <= sector && sector < each.firstSector + each.values.length,
      )
      .map((each) => {
        const value = each.values[sector - each.firstSector] ?? alienValue;
        return { ...each, firstSector: sector, values: [value], value };
      }),
  };
}

function toldOf({ writes, reads }: Era): readonly Told[] {
  return [
    ...writes.map((write) => ({ ...write, what: `write ${write.value}: ${outcomeOf(write)}` })),
    ...reads.map((read) => ({ ...read, what: `read: saw ${read.values.join()}` })),
  ];
}

function outcomeOf({ failed, endedAt, durableAt }: WriteOperation): string {
  if (failed) return Number.isFinite(endedAt) ? 'no success, and over by then' : 'an error';
  if (!Number.isFinite(endedAt)) return 'no answer';
  return Number.isFinite(durableAt) ? 'acknowledged, made durable' : 'acknowledged';
}

/** The end of the first read after which the history cannot be explained any more; Infinity when it can be. */
function firstUnexplained(eras: readonly SectorEra[]): number {
  const ends = eras.flatMap(({ reads }) => reads.map(({ endedAt }) => endedAt));
  ends.sort((a, b) => a - b);
  const isExplainedUntil = (end: number) =>
    judgeSector(
      eras.map(({ writes, reads, losses = [] }) => ({
        losses,
        writes: writes.filter(({ startedAt }) => startedAt < end),
        reads: reads.filter(({ endedAt }) => endedAt <= end),
      })),
    ).outcome !== 'violation';
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isExplainedUntil(ends[middle] ?? 0)) low = middle + 1;
    else high = middle;
  }
  return ends[low] ?? Number.POSITIVE_INFINITY;
}
