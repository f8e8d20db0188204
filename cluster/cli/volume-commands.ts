/** Commands that create volumes in a running cluster, list and show them, move their coordinators, and delete them. */
import type { Command } from 'commander';
import { type CommonOptions, clusterOption, jsonOption, positiveNumber } from './common-options.ts';
import type { AssembleOptions } from './volume-assemble.ts';
import type { CreateOptions } from './volume-create.ts';
import type { DeleteOptions } from './volume-delete.ts';
import type { MoveOptions } from './volume-move.ts';

export function addVolumeCommands(program: Command): void {
  const volume = program
    .command('volume')
    .description(
      'create, list, show and delete volumes of a running cluster, and move their coordinators',
    );

  volume
    .command('create')
    .description('create a volume, and export it; its data is kept until it is deleted')
    .argument('<name>', 'name of the volume')
    .requiredOption('--size <size>', 'size, as in 64MiB')
    .requiredOption(
      '--layout <layout>',
      "layout as in a topology file: d1, '{mirror: [d1, d2]}', '{stripe: {of: [d1, d2]}}', …",
    )
    .option(
      '--export <hosts>',
      "hosts that serve it over NBD, as in h1,h2, or none (default: the cluster's only host)",
    )
    .option('--attach <mode>', 'exclusive, or shared by several hosts', 'exclusive')
    .option('--read-only', 'serve it for reading only')
    .option(
      '--listen <address...>',
      "where its hosts listen: nbd://127.0.0.1:10810, unix:/PATH, or HOST=ADDRESS for each (default: where the host's first export is)",
    )
    .option(
      '--coordinators <switches>',
      "switches that coordinate writes: [s1, s2], or as in a topology file, '{map: …}' (default: all)",
    )
    .option('--hosts <hosts>', 'hosts that may use it, or all (default: those that export it)')
    .option('--logical-block <bytes>', '512 or 4096', '512')
    .option('--wait <seconds>', 'how long to wait until it is served', positiveNumber, 15)
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (name: string, options: CreateOptions) => {
      const { createVolume } = await import('./volume-create.ts');
      await createVolume(name, options);
    });

  volume
    .command('list')
    .description('all volumes: those of the topology file, and those that were created')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (options: CommonOptions) => {
      const { listVolumes } = await import('./volume-list.ts');
      await listVolumes(options);
    });

  volume
    .command('show')
    .description('everything about one volume')
    .argument('<name>', 'which volume')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (name: string, options: CommonOptions) => {
      const { showVolume } = await import('./volume-list.ts');
      await showVolume(name, options);
    });

  addMoveCommand(volume);
  addAssembleCommand(volume);

  volume
    .command('delete')
    .description('delete a created volume with all its data; its clients are disconnected')
    .argument('<name>', 'which volume')
    .option('--yes', 'do not ask')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (name: string, options: DeleteOptions) => {
      const { deleteVolume } = await import('./volume-delete.ts');
      await deleteVolume(name, options);
    });
}

function addAssembleCommand(volume: Command): void {
  volume
    .command('assemble')
    .description(
      'assemble a volume without a mirror that has all that was written, when that will not be back: says what is lost by it',
    )
    .argument('<name>', 'which volume')
    .requiredOption('--from <disks>', 'whose mirrors are right from now on, as in d2 or d2,d4')
    .option('--force', 'do it; without this nothing is changed')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (name: string, options: AssembleOptions) => {
      const { assemble } = await import('./volume-assemble.ts');
      await assemble(name, options);
    });
}

function addMoveCommand(volume: Command): void {
  volume
    .command('move-coordinator')
    .description(
      'have another switch coordinate partitions of a volume, while it is in use; they stay there until they are given back',
    )
    .argument('<name>', 'which volume')
    .option('--partition <number>', 'which partition (default: all)')
    .option('--to <switch>', 'which switch (default: back to whom the topology names)')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (name: string, options: MoveOptions) => {
      const { moveCoordinator } = await import('./volume-move.ts');
      await moveCoordinator(name, options);
    });
}
