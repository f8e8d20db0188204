/**
 * The proof that the simulated cluster does nothing wrong: many seeds that count, on every topology, without a violation,
 * and nothing among faults, codes and transitions that never occurred. A step is a few seeds on all topologies. How fast
 * it was is printed, and proves nothing on a machine that others use.
 */
import { ordersOf, runBatch, type SeedRange } from '../../cluster/simulation/batch.ts';
import {
  batchText,
  type MeasuredRun,
  runLine,
  summaryOf,
} from '../../cluster/simulation/report.ts';
import { whyNotCounting } from '../../cluster/simulation/seeds-that-count.ts';
import { batchTopologyNames, type TopologyName } from '../../cluster/simulation/topology-names.ts';
import type { Proof, ProofOptions, ProofStep, StepOutcome } from './proof.ts';

/** On each topology. Some more are run, for a few may not count. */
const countingMin = { short: 18, long: 750 } as const;
const seedsRun = { short: 20, long: 770 } as const;
const seedsPerStep = 10;
/** Besides, on a topology that differs from the default in its NATS servers only. */
const fabricSeeds = { short: 4, long: 100 } as const;
const minutes = 2;

export const seedsProof: Proof = {
  name: 'seeds',
  shows:
    `seeds that count, on each of ${batchTopologyNames.join(' and ')}, show no violation: ` +
    `${countingMin.short} in the short form, ${countingMin.long} in the long one, which leave nothing out; ` +
    `nor do ${fabricSeeds.short} and ${fabricSeeds.long} on two-fabrics`,
  shortForm: ['test/cluster/simulation/run.test.ts'],
  steps: ({ length, jobs }) => [
    ...rangesOf(seedsRun[length]).map((seeds) => seedsStep('both', seeds, jobs)),
    ...rangesOf(fabricSeeds[length]).map((seeds) => seedsStep('two-fabrics', seeds, jobs)),
  ],
  conclude: (results, options) => {
    const runs = results.flatMap(({ data }) => data as readonly MeasuredRun[]);
    return { problems: problemsOf(runs, options), lines: [batchText(summaryOf(runs))] };
  },
};

function rangesOf(seeds: number): readonly SeedRange[] {
  return Array.from({ length: Math.ceil(seeds / seedsPerStep) }, (_, index) => {
    const first = 1 + index * seedsPerStep;
    return { first, last: Math.min(seeds, first + seedsPerStep - 1) };
  });
}

function seedsStep(topology: TopologyName | 'both', seeds: SeedRange, jobs: number): ProofStep {
  const where = topology === 'both' ? '' : ` on ${topology}`;
  return {
    id: `seeds ${seeds.first} to ${seeds.last}${where}`,
    run: async (): Promise<StepOutcome> => {
      const orders = ordersOf(seeds, topology, minutes);
      const runs = await runBatch({ orders, jobs, stopsAtFailure: false, onResult: () => {} });
      const failed = runs.filter(({ report }) => report.verdict !== 'passed');
      const said = `${runs.length - failed.length} of ${runs.length} runs passed`;
      return { said, problems: failed.map(runLine), data: runs };
    },
  };
}

function problemsOf(runs: readonly MeasuredRun[], { length }: ProofOptions): readonly string[] {
  const { missing, untrueExemptions } = summaryOf(runs);
  const problems = batchTopologyNames.flatMap((topology) => {
    const counting = runs.filter(
      ({ order, report }) => order.topology === topology && whyNotCounting(report).length === 0,
    ).length;
    const wanted = countingMin[length];
    return counting >= wanted ? [] : [`${counting} seeds on ${topology} count, not ${wanted}`];
  });
  // A few seeds do not meet everything.
  if (length === 'long' && missing.length > 0)
    problems.push(`never occurred: ${missing.join(', ')}`);
  if (untrueExemptions.length > 0)
    problems.push(`occurred, and is said not to: ${untrueExemptions.join(', ')}`);
  return problems;
}
