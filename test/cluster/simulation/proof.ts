/**
 * The long proof (`npm run proof:simulation`): two hundred seeds without a violation and at the speed that is promised,
 * and every broken program noticed within fifty seeds. Prints what the seeds met and a table of the broken programs;
 * ends with 1 when anything of it is not so. `--seeds 1..50` makes the first part shorter.
 */
import { availableParallelism } from 'node:os';
import { ordersOf, runBatch, type SeedRange } from '../../../cluster/simulation/batch.ts';
import { batchText, runLine, summaryOf } from '../../../cluster/simulation/report.ts';
import { type MutantResult, runMutant } from './mutant-run.ts';
import { type MutantName, mutantNames, mutants } from './mutants.ts';

const seedsDefault = '1..200';
const mutantSeeds = '1..50';
const minutes = 2;
/** DESIGN §8. */
const virtualSecondsPerCoreSecondMin = 50;
const succeededIosMin = 3000;
const faultsInFlightMin = 30;
const jobs = availableParallelism();

function seedsAsked(): SeedRange {
  const at = process.argv.indexOf('--seeds');
  const [first, last] = (at === -1 ? seedsDefault : (process.argv[at + 1] ?? '')).split('..');
  if (!(Number(last) >= Number(first))) throw new Error('--seeds needs a range, as in 1..50');
  return { first: Number(first), last: Number(last) };
}

/** @returns what is not as it should be */
async function proveSeeds(): Promise<readonly string[]> {
  const runs = await runBatch({
    orders: ordersOf(seedsAsked(), 'both', minutes),
    jobs,
    stopsAtFailure: false,
    onResult: (run) => print(runLine(run)),
  });
  const summary = summaryOf(runs);
  print(batchText(summary));
  const failed = runs.filter(({ report }) => report.verdict !== 'passed');
  const problems = failed.map((run) => runLine(run));
  if (summary.missing.length > 0) problems.push(`never occurred: ${summary.missing.join(', ')}`);
  if (summary.virtualSecondsPerCoreSecond < virtualSecondsPerCoreSecondMin)
    problems.push(`slower than ${virtualSecondsPerCoreSecondMin} virtual seconds per core-second`);
  if (summary.succeededIos < succeededIosMin * runs.length)
    problems.push(`fewer than ${succeededIosMin} I/Os per seed got through`);
  if (summary.faultsInFlight < faultsInFlightMin * runs.length)
    problems.push(`fewer than ${faultsInFlightMin} faults per seed met I/O under way`);
  return problems;
}

async function proveMutants(): Promise<readonly string[]> {
  const rows: { readonly name: MutantName; readonly result: MutantResult }[] = [];
  for (const name of mutantNames) {
    const result = await runMutant(mutants[name], { seeds: mutantSeeds, minutes, jobs });
    print(`${name}: ${result.verdict}, seed ${result.seed ?? 'none'}: ${result.problem}`);
    rows.push({ name, result });
  }
  print('\n| a program in which | noticed as | by seed | after |\n| --- | --- | --- | --- |');
  for (const { name, result } of rows) {
    const { verdict, seed, seconds } = result;
    print(`| ${mutants[name].does} | ${verdict} | ${seed ?? '–'} | ${seconds.toFixed(0)} s |`);
  }
  return rows
    .filter(({ result }) => result.seed === null)
    .map(({ name }) => `not noticed within seeds ${mutantSeeds}: ${mutants[name].does}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const problems = [...(await proveSeeds()), ...(await proveMutants())];
for (const problem of problems) print(`NOT PROVEN: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
