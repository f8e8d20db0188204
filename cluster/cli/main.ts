#!/usr/bin/env node
/**
 * The command line `sanctor`: names the commands and their options (DESIGN §7), and turns what goes wrong into one
 * message and an exit code. What a command does is in its own file, loaded only when it runs.
 */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { packageFile } from '../package-root.ts';
import type { BenchOptions } from './bench.ts';
import type { NodeOptions } from './node.ts';
import type { SeedRange, SimOptions } from './sim.ts';
import type { UpOptions } from './up.ts';

/** Exit codes: 0 only on success; `sim` tells its failures apart with codes of its own. */
const failed = 1;

const program = new Command('sanctor')
  .description('A SAN made of actors: mirrored volumes over NATS, served over NBD.')
  .version(
    (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version,
  )
  .showHelpAfterError('(sanctor --help lists the commands)');

const clusterOption = () =>
  new Option('--cluster <name>', 'which running cluster; needed only when several run');
const jsonOption = () => new Option('--json', 'print JSON');

program
  .command('up')
  .description('start a cluster: a NATS server unless --nats is given, and one process per node')
  .argument('[topology]', 'topology file (YAML); the shipped default when left out')
  .option('--nats <url>', 'use this NATS server instead of starting one')
  .option(
    '--data <folder>',
    'keep the data in this folder; without it the data goes when the cluster stops',
  )
  .option('--detach', 'return when the cluster is ready; `sanctor down` stops it')
  .action(async (topology: string | undefined, options: UpOptions) => {
    const { up } = await import('./up.ts');
    await up(topology, options);
  });

program
  .command('node')
  .description('run one node of a topology on this machine')
  .argument('<name>', 'name of the node')
  .requiredOption('--topology <file>', 'topology file')
  .requiredOption('--data <folder>', 'where this node keeps its disks')
  .requiredOption('--fabric <name=url...>', 'where the NATS server of a fabric is')
  .option(
    '--database-syncs',
    'the NATS server syncs every write of the config database to its disk',
  )
  .action(async (name: string, options: NodeOptions) => {
    const { node } = await import('./node.ts');
    await node(name, options);
  });

program
  .command('down')
  .description('stop a cluster that runs on this machine')
  .addOption(clusterOption())
  .action(async (options: { cluster?: string }) => {
    const { down } = await import('./down.ts');
    await down(options.cluster);
  });

program
  .command('status')
  .description('volumes, mirrors, paths, coordinators, exports, nodes')
  .addOption(clusterOption())
  .addOption(jsonOption())
  .action(async (options: { cluster?: string; json?: boolean }) => {
    const { status } = await import('./status.ts');
    await status(options.cluster, options.json === true);
  });

program
  .command('watch')
  .description('the live event stream')
  .addOption(clusterOption())
  .addOption(jsonOption())
  .action(async (options: { cluster?: string; json?: boolean }) => {
    const { watch } = await import('./watch.ts');
    await watch(options.cluster, options.json === true);
  });

program
  .command('compare')
  .description('check that the mirrors of a volume are byte-identical (nothing may be writing)')
  .argument('<volume>', 'which volume')
  .addOption(clusterOption())
  .addOption(jsonOption())
  .action(async (volume: string, options: { cluster?: string; json?: boolean }) => {
    const { compare } = await import('./compare.ts');
    await compare(volume, options.cluster, options.json === true);
  });

program
  .command('doctor')
  .description('check this machine: NATS server, limits, ports')
  .addOption(jsonOption())
  .action(async (options: { json?: boolean }) => {
    const { doctor } = await import('./doctor.ts');
    await doctor(options.json === true);
  });

program
  .command('sim')
  .description('run the simulation of a whole cluster, from one seed or from many')
  .option('--seed <number>', 'seed', wholeNumber)
  .option('--seeds <range>', 'a batch, as in 1..200', seedRange)
  .option('--jobs <number>', 'processes for a batch (default: one per core)', jobsNumber)
  .option('--minutes <number>', 'virtual minutes under load and faults', positiveNumber, 2)
  .option('--trace <file>', 'write what happened, line by line')
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
  6  a batch of at least 50 seeds passed without meeting all that it is meant to show
The same seed gives the same trace, byte for byte.`,
  )
  .action(async (options: SimOptions) => {
    const { sim } = await import('./sim.ts');
    await sim(options);
  });

program
  .command('bench')
  .description('run the standard benchmarks')
  .argument('[name]', 'which one; all when left out')
  .option('--short', 'a quick look instead of a measurement')
  .option('--profile', 'also show where the time of an I/O goes')
  .option('--json <file>', 'write the numbers into a file')
  .action(async (name: string | undefined, options: BenchOptions) => {
    const { bench } = await import('./bench.ts');
    await bench(name, options);
  });

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('not a whole number');
  return value;
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

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('not a positive number');
  return value;
}

program.parseAsync().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`sanctor: ${message}\n`);
  if (process.env.SANCTOR_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = failed;
});
