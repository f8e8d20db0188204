/**
 * The proof of real crashes: SIGKILL of many processes at one moment, on the shipped topologies, once under consumers that
 * must see no error while only what is behind their hosts is killed, once under clients that come back, where nobody is
 * spared. A step is a cluster and some rounds.
 */
import { beginFioLoad, beginFlushingFioLoad, beginHistories } from './crash-loads.ts';
import { crashesBehindConsumers, crashesOfAll, crashesOfOneDisk } from './crash-plans.ts';
import { type CrashCount, type CrashStepOptions, crashStep } from './crash-step.ts';
import type { Proof, ProofLength, ProofStep } from './proof.ts';

/** In each step. */
const rounds: Readonly<Record<ProofLength, number>> = { short: 5, long: 20 };

/** `SANCTOR_SEED` draws other crashes; a step tells the seed that it drew from. */
const { SANCTOR_SEED: givenSeed = '' } = process.env;

const loads = {
  fio: { kinds: crashesBehindConsumers, begin: beginFioLoad },
  flushes: { kinds: crashesOfOneDisk, begin: beginFlushingFioLoad, fromInSync: true },
  histories: { kinds: crashesOfAll, begin: beginHistories },
};

/** @param number of the steps with the same load on the same topology */
function stepOptions(
  load: keyof typeof loads,
  shipped: CrashStepOptions['shipped'],
  number: number,
): Omit<CrashStepOptions, 'rounds'> {
  const seed = `${givenSeed === '' ? '' : `${givenSeed} `}${load} ${shipped} ${number}`;
  return { ...loads[load], shipped, seed };
}

/** What each run of all tests does. */
export const shortCrashSteps = {
  fio: { ...stepOptions('fio', 'two-tier', 0), rounds: rounds.short },
  histories: { ...stepOptions('histories', 'default', 0), rounds: rounds.short },
};

const steps: Readonly<Record<ProofLength, readonly CrashStepOptions[]>> = {
  short: Object.values(shortCrashSteps),
  long: (
    [
      ['histories', 'two-tier', 1],
      ['fio', 'two-tier', 1],
      ['flushes', 'default', 1],
      ['histories', 'default', 1],
      ['fio', 'default', 1],
      ['flushes', 'two-tier', 1],
      ['histories', 'two-tier', 2],
      ['fio', 'two-tier', 2],
      ['histories', 'default', 2],
      ['histories', 'two-tier', 3],
    ] as const
  ).map(([load, shipped, number]) => ({
    ...stepOptions(load, shipped, number),
    rounds: rounds.long,
  })),
};

export const crashesProof: Proof = {
  name: 'crashes',
  shows: `${steps.long.length * rounds.long} times SIGKILL for many processes at one moment loses nothing that was acknowledged: no error for fio that verifies while disks, switches and virtualizers are killed, even all of them, nor for its flushes while a mirror is left; one history for clients that come back while hosts, NATS servers and the supervisor are killed too; and mirrors are equal`,
  shortForm: ['test/cluster/real/crashes.test.ts'],
  steps: ({ length }) =>
    steps[length].map(
      (options): ProofStep => ({ id: options.seed, run: () => crashStep(options) }),
    ),
  conclude: (results, { length }) => {
    // A step that threw has no data.
    const counts = results.flatMap(({ data }) => (data === undefined ? [] : [data as CrashCount]));
    const sum = (of: (count: CrashCount) => number) =>
      counts.reduce((all, count) => all + of(count), 0);
    const done = sum((count) => count.rounds);
    const wanted = steps[length].length * rounds[length];
    const longest = Math.max(0, ...counts.map(({ longestMs }) => longestMs)) / 1000;
    return {
      problems: done < wanted ? [`${done} of ${wanted} rounds were done`] : [],
      lines: [
        `${done} rounds, ${sum((count) => count.killed)} processes killed, well again after ${longest.toFixed(1)} s at most`,
      ],
    };
  },
};
