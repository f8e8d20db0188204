/** Commands that run a cluster, stop it, and look at the whole of it. */
import { type Command, Option } from 'commander';
import { type CommonOptions, clusterOption, jsonOption } from './common-options.ts';
import type { NodeOptions } from './node.ts';
import type { ScrubOptions } from './scrub.ts';
import type { StatusOptions } from './status.ts';
import type { UpOptions } from './up.ts';

export function addClusterCommands(program: Command): void {
  addRunningCommands(program);
  addLookingCommands(program);
}

function addRunningCommands(program: Command): void {
  program
    .command('up')
    .description(
      'start a cluster: a NATS server for each fabric that has none yet, and one process per node',
    )
    .argument('[topology]', 'topology file (YAML); the shipped default when left out')
    .option('--nats <url>', 'use this NATS server instead of starting one')
    .addOption(
      new Option('--fabric <name=url>', 'the same for one of several fabrics; may be repeated')
        .argParser((text: string, before: readonly string[]) => [...before, text])
        .default([], 'all are started'),
    )
    .option(
      '--data <folder>',
      'keep the data in this folder; without it the data goes when the cluster stops',
    )
    .option('--detach', 'return when the cluster is ready; `sanctor down` stops it')
    .option('--json', 'print the status as JSON once it is ready, and everything else to stderr')
    .action(async (topology: string | undefined, options: UpOptions) => {
      const { up } = await import('./up.ts');
      await up(topology, options);
    });

  program
    .command('node')
    .description('run one node of a topology on this machine; its log is JSON, one object a line')
    .argument('<name>', 'name of the node')
    .requiredOption('--topology <file>', 'topology file')
    .requiredOption('--data <folder>', 'where this node keeps its disks')
    .requiredOption('--fabric <name=url...>', 'where the NATS server of a fabric is')
    .option(
      '--database-syncs',
      'the NATS server syncs every write of the config database to its disk',
    )
    .option('--fault <json...>', 'begin with this fault (the supervisor says which)')
    .action(async (name: string, options: NodeOptions) => {
      const { node } = await import('./node.ts');
      await node(name, options);
    });

  program
    .command('down')
    .description('stop a cluster that runs on this machine')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (options: CommonOptions) => {
      const { down } = await import('./down.ts');
      await down(options.cluster, options.json === true);
    });
}

function addLookingCommands(program: Command): void {
  program
    .command('status')
    .description('volumes, mirrors, paths, coordinators, exports, nodes')
    .addOption(clusterOption())
    .option('--paths', 'show every path, not only those that are taken now')
    .addOption(jsonOption())
    .action(async (options: StatusOptions) => {
      const { status } = await import('./status.ts');
      await status(options);
    });

  program
    .command('watch')
    .description('the live event stream')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (options: CommonOptions) => {
      const { watch } = await import('./watch.ts');
      await watch(options.cluster, options.json === true);
    });

  program
    .command('compare')
    .description('check that the mirrors of a volume are byte-identical (nothing may be writing)')
    .argument('<volume>', 'which volume')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (volume: string, options: CommonOptions) => {
      const { compare } = await import('./compare.ts');
      await compare(volume, options.cluster, options.json === true);
    });

  program
    .command('scrub')
    .description('verify all that a volume has on its disks, and repair it, while it is in use')
    .argument('<volume>', 'which volume')
    .option('--detach', 'begin it, and do not wait for its end')
    .option('--stop', 'end the one that goes on')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (volume: string, options: ScrubOptions) => {
      const { scrub } = await import('./scrub.ts');
      await scrub(volume, options);
    });

  program
    .command('doctor')
    .description('check this machine: NATS server, limits, ports')
    .addOption(jsonOption())
    .action(async (options: CommonOptions) => {
      const { doctor } = await import('./doctor.ts');
      await doctor(options.json === true);
    });
}
