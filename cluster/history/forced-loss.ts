/**
 * What may be missing from a volume that an operator had go on without the mirrors that had everything (DESIGN I4): what
 * was written since the mirror that it goes on with left those in sync, and nothing else. Whatever was lost must not come
 * back, and what is acknowledged from then on is kept like anything else. Moments are those of the volume's history.
 */
import type { WriteOperation } from './operations.ts';
import type { RegisterRead } from './register.ts';

export interface ForcedLoss {
  /** The mirror that is taken for right was not in sync any more: what was durable by then it has. */
  readonly leftAt: number;
  /** Nothing that was begun later is on it: neither was it written, nor copied to. */
  readonly heldUntil: number;
  readonly decidedAt: number;
  /** The first that hosts were told of it; Infinity until then. What is begun later sees what was decided. */
  servedAt: number;
  /** Whether a sector lies in what was decided about. */
  readonly covers: (sector: number) => boolean;
}

/** What was done to one sector for a while, and seen of it. */
export interface SectorPart {
  readonly writes: readonly WriteOperation[];
  readonly reads: readonly RegisterRead[];
}

/**
 * Before and after a loss. What was open meanwhile may have been answered by those who are gone, or be done by those who
 * go on: of such reads nothing is claimed, and such writes may have happened on either side.
 */
export function splitByLoss(
  { writes, reads }: SectorPart,
  { decidedAt, servedAt }: ForcedLoss,
): readonly [SectorPart, SectorPart] {
  const isBehind = ({ startedAt }: { readonly startedAt: number }) => startedAt >= servedAt;
  const isOver = ({ endedAt }: { readonly endedAt: number }) => endedAt < decidedAt;
  const never = Number.POSITIVE_INFINITY;
  return [
    {
      writes: writes
        .filter((write) => !isBehind(write))
        .map((write) => (isOver(write) ? write : { ...write, ...doubtful, endedAt: never })),
      reads: reads.filter(isOver),
    },
    {
      writes: writes
        .filter((write) => !isOver(write))
        .map((write) => (isBehind(write) ? write : { ...write, ...doubtful })),
      reads: reads.filter(isBehind),
    },
  ];
}

const doubtful = { failed: true, durableAt: Number.POSITIVE_INFINITY } as const;
