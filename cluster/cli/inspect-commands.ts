/** Commands that look closer: at what travels, at the machines that decide, and at what lies on disks. */
import { type Command, Option } from 'commander';
import { jsonOption, nothingCheckedCode } from './common-options.ts';
import type { DecodeOptions } from './decode.ts';
import type { FsckOptions } from './fsck.ts';
import type { StatechartOptions } from './statechart.ts';

export function addInspectCommands(program: Command): void {
  program
    .command('statechart')
    .description('show a machine as it runs; without a name: which machines there are')
    .argument('[machine]', 'which machine, as in `volume`')
    .addOption(
      new Option('--format <format>', 'mermaid: a diagram; json: what XState and Stately import')
        .choices(['mermaid', 'json'])
        .default('mermaid'),
    )
    .addOption(jsonOption().conflicts('format'))
    .action(async (machine: string | undefined, options: StatechartOptions) => {
      const { statechart } = await import('./statechart.ts');
      statechart(machine, options);
    });

  program
    .command('decode')
    .description('turn data-plane frames into readable lines, from standard input')
    .option('--raw', 'the input is one frame, and nothing else')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
What travels between hosts, switches and disks of a running cluster:
  nats -s URL sub --dump=- 'san.v1.*.io.>' | sanctor decode
  nats -s URL sub --dump=- 'san.v1.*.rpl.>' | sanctor decode
  nats -s URL sub --raw --translate 'sanctor decode --raw' 'san.v1.*.io.>'
JSON of the other planes is shown as it is; what is neither is said to be neither, with the reason.`,
    )
    .action(async (options: DecodeOptions) => {
      const { decode } = await import('./decode.ts');
      await decode(options);
    });

  addFsck(program);
}

function addFsck(program: Command): void {
  program
    .command('fsck')
    .description('check the disks of a stopped cluster; looks only, unless it is to repair')
    .argument('[topology]', 'topology file (YAML); the shipped default when left out')
    .requiredOption(
      '--data <folder>',
      'where the cluster keeps its data, as for `up`; or where a node keeps its disks',
    )
    .option('--repair', 'write again what is damaged, and certain by another copy')
    .addOption(jsonOption())
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : nothingCheckedCode))
    .addHelpText(
      'after',
      `
Checks superblocks and journals, what disks know of volumes, the checksum of every block that a volume owns, and that
mirrors in sync are equal. Not looked at: the config database, which needs a running cluster, and volumes that are not in
the topology, but for their checksums.

With --repair a damaged copy of a superblock or checkpoint is written again from the other one, and a bad block from a mirror
in sync that has it with the same tag, where all that the disks of its volume were told fits together. Each repair is told,
and nothing else is changed; then all is checked.

The exit code is 0 without errors (warnings are allowed), 1 with errors, and 2 when
nothing could be checked, for a disk runs or the command was used wrongly.`,
    )
    .action(async (topology: string | undefined, options: FsckOptions) => {
      const { fsck } = await import('./fsck.ts');
      await fsck(topology, options);
    });
}
