/** Commands that prove and measure: the simulation and the benchmarks. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SeedRange } from '../simulation/batch.ts';
import { topologyNames } from '../simulation/topology-names.ts';
import type { BenchOptions } from './bench.ts';
import { jsonOption, positiveNumber } from './common-options.ts';
import type { SimOptions } from './sim.ts';

export function addProofCommands(program: Command): void {
  program
    .command('sim')
    .description('run the simulation of a whole cluster, from one seed or from many')
    .option('--seed <number>', 'seed', wholeNumber)
    .option('--seeds <range>', 'a batch, as in 1..200', seedRange)
    .option('--jobs <number>', 'processes for a batch (default: one per core)', jobsNumber)
    .addOption(
      new Option('--topology <name>', 'which cluster; both (default and two-tier) only for a batch')
        .choices([...topologyNames, 'both'])
        .default('default'),
    )
    .option('--minutes <number>', 'virtual minutes under load and faults', positiveNumber, 2)
    .option(
      '--only-faults <numbers>',
      'let only these faults of the seed strike, as in 3,17; or none',
      numberList,
    )
    .option('--alone', 'one fault at a time, none of which may be an error for any consumer')
    .option('--reduce', 'find the fewest faults with which a seed still fails')
    .option('--no-reduce', 'do not do so with the first failing seed of a batch')
    .option(
      '--trace <file>',
      'write what happened, line by line; with --reduce, in the reduced run',
    )
    .option('--until-failure', 'end a batch with the first seed that fails')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Exit codes:
  0  all seeds passed
  1  the command could not be carried out
  3  crash: an exception, a machine that died, an error in a log
  4  wrong result: a checker objects
  5  stuck: something did not end, or did not become healthy, in time
  6  a batch passed without having met all that it is meant to show (asked of 200 runs and more), or met
     what is said not to occur
The same seed gives the same trace, byte for byte, and each of its faults is the same without the others.`,
    )
    .action(async (options: SimOptions) => {
      const { sim } = await import('./sim.ts');
      await sim(options);
    });

  program
    .command('bench')
    .description('run the standard benchmarks')
    .argument('[name]', 'limits, volume or failover; the first two when left out')
    .option('--short', 'a quick look instead of a measurement')
    .option('--long', 'failover: 200 injections of each kind instead of 20')
    .option('--topology <name>', 'failover: which cluster is struck, default or two-tier')
    .option('--profile', 'also show where the time of an I/O goes')
    .option('--json <file>', 'write the numbers into a file')
    .action(async (name: string | undefined, options: BenchOptions) => {
      const { bench } = await import('./bench.ts');
      await bench(name, options);
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('not a whole number');
  return value;
}

function numberList(text: string): readonly number[] {
  return text === 'none' ? [] : text.split(',').map(wholeNumber);
}

function jobsNumber(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('at least 1');
  return value;
}

function seedRange(text: string): SeedRange {
  const [, first = '', last = ''] = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text) ?? [];
  if (first === '' || Number(last) < Number(first))
    throw new InvalidArgumentError('not a range of seeds, as in 1..200');
  return { first: Number(first), last: Number(last) };
}
