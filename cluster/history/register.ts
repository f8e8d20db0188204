/**
 * Judges whether what clients saw of one register (a sector of a volume) can be explained by an order in which every
 * read and write took effect at one moment between its start and its end: linearizability (DESIGN I2). Every write
 * carries a value of its own, which makes the question cheap: per value, the operations that wrote or read it form a
 * cluster, and the history is linearizable exactly if these clusters can stand one behind the other (Gibbons and
 * Korach, "Testing shared memories", 1997, for unique values).
 */

/** A write, with the value that it alone writes. `endedAt` is Infinity when it may still take effect. */
export interface RegisterWrite {
  readonly value: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** False when it may not have happened at all. */
  readonly certain: boolean;
}

/** A read that succeeded, and what it saw. */
export interface RegisterRead {
  readonly value: number;
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface RegisterHistory {
  /** What the register held before the first operation. */
  readonly initialValue: number;
  readonly writes: readonly RegisterWrite[];
  readonly reads: readonly RegisterRead[];
}

/**
 * All operations on one value. Every one of them took effect at a moment of its own between start and end, so the
 * register held the value at least from `firstEnd` to `lastStart`, if that is the right way round ("forward"); else
 * it is enough that it held it at one moment between `lastStart` and `firstEnd` ("backward").
 */
interface Cluster {
  readonly value: number;
  writeStartedAt: number;
  firstEnd: number;
  lastStart: number;
}

/** Why a history cannot be explained, as a sentence; null when it can. */
export function explainViolation(history: RegisterHistory): string | null {
  const clusters = clustersOf(history);
  for (const read of history.reads) {
    const cluster = clusters.get(read.value);
    if (cluster === undefined) {
      return `a read that ended at ${read.endedAt} saw value ${read.value}, which nobody had written`;
    }
    if (read.endedAt < cluster.writeStartedAt) {
      return (
        `a read that ended at ${read.endedAt} saw value ${read.value}, ` +
        `whose write began only at ${cluster.writeStartedAt}`
      );
    }
    cluster.firstEnd = Math.min(cluster.firstEnd, read.endedAt);
    cluster.lastStart = Math.max(cluster.lastStart, read.startedAt);
  }
  return overlapOf(relevantClusters(clusters, history));
}

function clustersOf(history: RegisterHistory): Map<number, Cluster> {
  const before = Number.NEGATIVE_INFINITY;
  const clusters = new Map<number, Cluster>([
    [
      history.initialValue,
      { value: history.initialValue, writeStartedAt: before, firstEnd: before, lastStart: before },
    ],
  ]);
  for (const { value, startedAt, endedAt } of history.writes) {
    clusters.set(value, {
      value,
      writeStartedAt: startedAt,
      firstEnd: endedAt,
      lastStart: startedAt,
    });
  }
  return clusters;
}

/** An uncertain write that nobody saw may not have happened: it explains nothing and forbids nothing. */
function relevantClusters(clusters: Map<number, Cluster>, history: RegisterHistory): Cluster[] {
  const seen = new Set(history.reads.map(({ value }) => value));
  const uncertain = new Set(
    history.writes.filter(({ certain }) => !certain).map(({ value }) => value),
  );
  return [...clusters.values()].filter(({ value }) => seen.has(value) || !uncertain.has(value));
}

/** Forward zones must not overlap each other, and no backward zone may lie within a forward one. */
function overlapOf(clusters: Cluster[]): string | null {
  const forward = clusters
    .filter(({ firstEnd, lastStart }) => firstEnd < lastStart)
    .sort((a, b) => a.firstEnd - b.firstEnd);
  for (const [index, zone] of forward.entries()) {
    const next = forward[index + 1];
    if (next !== undefined && next.firstEnd < zone.lastStart) return explainPair(zone, next);
  }
  for (const inner of clusters) {
    if (inner.firstEnd < inner.lastStart) continue;
    const outer = zoneAround(forward, inner);
    if (outer !== null) return explainPair(outer, inner);
  }
  return null;
}

/** The forward zone that begins last before the backward zone does, if it also ends behind it. */
function zoneAround(forward: readonly Cluster[], inner: Cluster): Cluster | null {
  let low = 0;
  let high = forward.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const zone = forward[middle];
    if (zone !== undefined && zone.firstEnd < inner.lastStart) low = middle + 1;
    else high = middle;
  }
  const zone = forward[low - 1];
  return zone !== undefined && zone.lastStart > inner.firstEnd ? zone : null;
}

function explainPair(held: Cluster, other: Cluster): string {
  return (
    `value ${held.value} was already there at ${held.firstEnd} and still (or again) at ${held.lastStart}, ` +
    `but value ${other.value} must have been there in between (${Math.min(other.firstEnd, other.lastStart)} ` +
    `to ${Math.max(other.firstEnd, other.lastStart)})`
  );
}
