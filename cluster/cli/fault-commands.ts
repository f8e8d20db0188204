/** Commands that break parts of a running cluster on purpose, make them whole again, and explain what comes of it. */
import { type Command, Option } from 'commander';
import { clusterOption, jsonOption } from './common-options.ts';
import type { ExplainOptions } from './explain.ts';
import type { FailbackOptions } from './failback.ts';
import type { FaultOptions, HealOptions } from './fault.ts';

const targetHelp =
  'what is struck: disk:d1, switch:s1, hba:h1-a, host:h1, link:s1-d1, node:d1, nats:n1, virtualizer:v1; or what two actors say to each other: partition:h1/s2';

export function addFaultCommands(program: Command): void {
  program
    .command('fault')
    .description('break a part of a running cluster, until it is healed')
    .argument('<target>', targetHelp)
    .argument(
      '<kind>',
      'down (links, HBAs), crash and pause (processes), read-error (disks), slow (disks, switches, links), cut and one-way (partitions: I/O and commands between the two are lost, and nobody is told; one-way only what the first sends)',
    )
    .option('--ms <number>', 'slow: everything takes so many milliseconds longer')
    .option('--times <number>', 'slow: everything takes so many times as long (disks)')
    .option(
      '--at <offset>',
      "read-error: where the range begins in the disk's data, as `sanctor explain` shows it; 1MiB, 4096",
    )
    .option(
      '--length <size>',
      'read-error: how long the range is; without one all data is unreadable',
    )
    .option('--volume <volume>', 'read-error: --at is an offset in this volume')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (target: string, kind: string, options: FaultOptions) => {
      const { fault } = await import('./fault.ts');
      await fault(target, kind, options);
    });

  program
    .command('heal')
    .description('end all faults of a part of a running cluster')
    .argument('[target]', `${targetHelp}; or --all`)
    .option('--all', 'end every fault there is')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (target: string | undefined, options: HealOptions) => {
      const { heal } = await import('./fault.ts');
      await heal(target, options);
    });

  program
    .command('failback')
    .description(
      'prefer paths again that work again and are in reserve (policies.failover.failback: manual) or in quarantine',
    )
    .argument('[host]', 'which host; all of them when left out')
    .option('--link <link>', 'only what leads over this link')
    .addOption(new Option('--hba <hba>', 'only what leads over this HBA').conflicts('link'))
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (host: string | undefined, options: FailbackOptions) => {
      const { failback } = await import('./failback.ts');
      await failback(host, options);
    });

  program
    .command('explain')
    .description('where a block of a volume is, which way its I/O takes, and why')
    .argument('<volume>', 'which volume')
    .argument('<offset>', 'where in the volume: 4096, 1MiB')
    .option('--host <host>', 'as this host sees it; every host that attaches it when left out')
    .addOption(clusterOption())
    .addOption(jsonOption())
    .action(async (volume: string, offset: string, options: ExplainOptions) => {
      const { explain } = await import('./explain.ts');
      await explain(volume, offset, options);
    });
}
