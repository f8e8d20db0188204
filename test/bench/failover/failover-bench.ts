/**
 * `npm run bench failover [-- --topology two-tier] [--injections 200 | --long] [--rest MS] [--seed S] [--only KIND,…]`:
 * the pause that a consumer sees when links, HBAs, switches and disks are struck. Kinds take turns by chance, so that the
 * machine's other work falls on all of them alike. Those that start processes anew come after the others, all of which so
 * meet processes that have run for a while.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { ClusterOperator } from '../../tools/cluster-operator.ts';
import { untilInSync } from '../../tools/mirrors.ts';
import { RunningCluster } from '../../tools/running-cluster.ts';
import { shuffled } from '../../tools/shuffled.ts';
import { writeTestTopology } from '../../tools/test-topology.ts';
import { waysInUse } from '../../tools/ways-in-use.ts';
import type { Verdict } from '../verdicts.ts';
import { type InjectionResult, inject } from './injection.ts';
import { type InjectionKind, type KindName, kinds } from './kinds.ts';
import { type PauseSummary, summaryOf, verdictsOf } from './pauses.ts';
import { SteadyLoad } from './steady-load.ts';

export const failoverTopologies = ['default', 'two-tier'] as const;
export type FailoverTopology = (typeof failoverTopologies)[number];

export interface FailoverScale {
  readonly topology: FailoverTopology;
  /** Of each kind. */
  readonly injections: number;
  /** How long each of the consumer's lanes rests between two I/Os. */
  readonly restMs: number;
  /** How many I/Os each lane does before the first strike, so that no process is slow because it has just started. */
  readonly warmUpIos: number;
  readonly seed: string;
  readonly only: readonly KindName[];
}

export const failoverDefaults: FailoverScale = {
  topology: 'default',
  injections: 20,
  restMs: 10,
  warmUpIos: 1000,
  seed: '1',
  only: kinds.map(({ name }) => name),
};
export const longInjections = 200;

export interface FailoverReport {
  readonly scale: FailoverScale;
  /** The machine's load average at the begin of each round. */
  readonly loads: readonly number[];
  readonly results: Readonly<Record<string, readonly InjectionResult[]>>;
  readonly summaries: readonly PauseSummary[];
  readonly verdicts: readonly Verdict[];
}

/** In both topologies the volume whose every disk can be lost, and every way to it. */
const volume = 'vol0';
const lanes = 32;

/** @throws Error when the consumer sees an error or a wrong byte, when mirrors differ, or when something does not heal */
export async function measureFailover(
  scale: FailoverScale,
  say: (line: string) => void,
): Promise<FailoverReport> {
  const folder = await mkdtemp(join(tmpdir(), 'sanctor-bench-'));
  try {
    const topology = await writeTestTopology(folder, { shipped: scale.topology });
    const cluster = await RunningCluster.start([topology.file, '--data', join(folder, 'data')]);
    try {
      const operator = await ClusterOperator.connect(cluster, topology);
      const report = await strikeInRounds(operator, scale, say).finally(() => operator.close());
      await untilInSync(cluster, volume);
      await cluster.sanctor('compare', volume);
      return report;
    } finally {
      await cluster.stop();
    }
  } finally {
    if (process.env.SANCTOR_KEEP === '1') say(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

async function strikeInRounds(
  operator: ClusterOperator,
  scale: FailoverScale,
  say: (line: string) => void,
): Promise<FailoverReport> {
  const random = new SeededRandom(`failover ${scale.seed}`);
  const { exports } = await operator.status();
  const uris = exports.filter((each) => each.volume === volume).map(({ uri }) => uri);
  const load = new SteadyLoad({ uris, lanes, restMs: scale.restMs, random: random.fork('load') });
  await load.start();
  await warmUp(load, scale.warmUpIos);
  const run: Run = { operator, load, random, scale, say, results: new Map(), loads: [] };
  const chosenKinds = kinds.filter(({ name }) => scale.only.includes(name));
  await strikeKinds(
    run,
    chosenKinds.filter(({ startsProcess }) => !startsProcess),
  );
  await strikeKinds(
    run,
    chosenKinds.filter(({ startsProcess }) => startsProcess),
  );
  await load.stop();
  const [problem] = load.problems;
  if (problem !== undefined) throw new Error(problem);
  const { results, loads } = run;
  const summarized = chosenKinds.map((kind) => ({
    ...kind,
    summary: summaryOf(kind, results.get(kind.name) ?? []),
  }));
  const summaries = summarized.map(({ summary }) => summary);
  const undisturbed = summarized.find(({ name }) => name === 'nothing')?.summary;
  const verdicts = summaries.flatMap((summary) => verdictsOf(summary, undisturbed));
  return { scale, loads, results: Object.fromEntries(results), summaries, verdicts };
}

async function warmUp(load: SteadyLoad, ios: number): Promise<void> {
  const window = load.open();
  await load.untilThrough(window, ios);
  await load.close(window);
}

interface Run {
  readonly operator: ClusterOperator;
  readonly load: SteadyLoad;
  readonly random: SeededRandom;
  readonly scale: FailoverScale;
  readonly say: (line: string) => void;
  readonly results: Map<KindName, InjectionResult[]>;
  readonly loads: number[];
}

/** Round by round, each of the kinds once, in an order of chance. */
async function strikeKinds(run: Run, those: readonly InjectionKind[]): Promise<void> {
  if (those.length === 0) return;
  const { scale, loads, say } = run;
  say(those.map(({ name }) => name).join(', '));
  for (let round = 1; round <= scale.injections; round++) {
    loads.push(loadavg()[0] ?? 0);
    say(`round ${round} of ${scale.injections}, load ${loads.at(-1)?.toFixed(1)}`);
    for (const kind of shuffled(those, run.random)) await strikeOnce(run, kind, round);
  }
}

async function strikeOnce(run: Run, kind: InjectionKind, round: number): Promise<void> {
  const { operator, load, random, results, say } = run;
  const ways = await waysInUse(operator, volume);
  const strike = await kind.choose({ operator, volume, ways, random });
  if (strike === null) return;
  const place = { operator, load, volume };
  const result = await inject(place, strike, kind.movesCoordinator).catch((error: unknown) => {
    throw new Error(`${strike.what} in round ${round}: ${messageOf(error)}`, { cause: error });
  });
  results.set(kind.name, [...(results.get(kind.name) ?? []), result]);
  say(`  ${lineOf(result)}`);
}

function lineOf(result: InjectionResult): string {
  const { what, pauseMs, longest, healingPauseMs, ios, reissues, linkDowns } = result;
  const pauses = `${pauseMs.toFixed(1)} ms (a ${longest}), ${healingPauseMs.toFixed(1)} ms while it healed`;
  return `${what}: ${pauses}; ${ios} I/Os, ${reissues} re-issues, ${linkDowns} dead links met by switches`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
