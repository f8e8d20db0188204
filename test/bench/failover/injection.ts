/**
 * One injection: strikes a cluster under load, waits until its consumer is served again, heals, and waits until all is
 * well.
 *
 * The pause is the longest time that any I/O of the consumer took, from its begin to its end, of all that were under way
 * when it was struck and all that were begun until the end of the trouble: until the volume was served again (where a
 * coordinator was struck: under other numbers than before), and after that every lane had ended some I/Os that it had
 * begun after the strike. Nothing is subtracted, not even what an I/O takes when there is no trouble: that is what the
 * kind `nothing` shows. What healing costs is measured the same way, and shown beside it.
 */
import { virtualizerFactsSchema } from '../../../cluster/status-facts.ts';
import type { StatusReport } from '../../../cluster/status-report.ts';
import type { ClusterOperator } from '../../tools/cluster-operator.ts';
import type { Strike } from '../../tools/strikes.ts';
import { untilAsync } from '../../tools/until.ts';
import { countersOf } from '../../tools/ways-in-use.ts';
import type { SteadyLoad } from './steady-load.ts';

/** What came of one injection. */
export interface InjectionResult {
  readonly what: string;
  readonly pauseMs: number;
  /** Whether it was a read or a write that took so long. */
  readonly longest: string;
  /** The longest I/O from the begin of healing until all was well. */
  readonly healingPauseMs: number;
  /** I/Os that belong to the pause. */
  readonly ios: number;
  /** How often hosts sent something again that was under way, before it was healed. */
  readonly reissues: number;
  /** How often switches found nobody at the other end of a link, before that. */
  readonly linkDowns: number;
}

export interface InjectionPlace {
  readonly operator: ClusterOperator;
  readonly load: SteadyLoad;
  readonly volume: string;
}

/** Every lane must have ended so many I/Os that it began after the strike: enough to have come to all that was hit. */
const iosPerLane = 20;
const servedTimeoutMs = 60_000;

export async function inject(
  { operator, load, volume }: InjectionPlace,
  { what, strike, heal }: Strike,
  movesCoordinator: boolean,
): Promise<InjectionResult> {
  const before = await operator.status();
  const [reissuesBefore, linkDownsBefore] = [await reissuesOf(operator), operator.linkDowns];
  const struck = load.open();
  await strike(operator);
  if (movesCoordinator) await untilMoved(operator, volume, epochOf(before, volume));
  await load.untilThrough(struck, iosPerLane);
  await load.close(struck);
  // What is sent again while it heals was not met by the strike.
  const [reissues, linkDowns] = [await reissuesOf(operator), operator.linkDowns];
  const healing = load.open();
  await heal(operator);
  await load.untilThrough(healing, iosPerLane);
  await operator.untilWell();
  await load.close(healing);
  return {
    what,
    pauseMs: struck.longestMs,
    longest: struck.longest,
    healingPauseMs: healing.longestMs,
    ios: struck.ios,
    reissues: Math.max(0, reissues - reissuesBefore),
    linkDowns: linkDowns - linkDownsBefore,
  };
}

/** Asks virtualizers alone: one who is silent would keep the whole status waiting. */
async function untilMoved(operator: ClusterOperator, volume: string, epoch: number): Promise<void> {
  const factsOf = async (id: string) => {
    const description = await operator.describe({ kind: 'virtualizer', id });
    return virtualizerFactsSchema.safeParse(description?.facts).data?.volumes ?? [];
  };
  const ids = operator.topology.virtualizers.map(({ id }): string => id);
  const hasMoved = async () => {
    const volumes = (await Promise.all(ids.map(factsOf))).flat();
    const found = volumes.find((each) => each.volume === volume);
    if (found?.state !== 'serving') return false;
    return Math.max(...found.partitions.map((each) => each.epoch)) > epoch;
  };
  await untilAsync(hasMoved, `another coordinator of ${volume}`, servedTimeoutMs);
}

/** The highest epoch of a volume's partitions. */
function epochOf({ coordinators }: StatusReport, volume: string): number {
  const epochs = coordinators.filter((each) => each.volume === volume).map(({ epoch }) => epoch);
  return Math.max(...epochs.map(Number));
}

/** Asks hosts alone, for the same reason. */
async function reissuesOf(operator: ClusterOperator): Promise<number> {
  const ids = operator.topology.hosts.map(({ id }): string => id);
  const counters = await Promise.all(ids.map((id) => countersOf(operator, 'host', id)));
  return counters.reduce((sum, { reissues = 0 }) => sum + reissues, 0);
}
