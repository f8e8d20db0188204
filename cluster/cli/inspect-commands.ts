/** Commands that look closer: at what travels, at the machines that decide, and at what lies on disks. */
import { type Command, Option } from 'commander';
import { clusterOption, jsonOption, nothingCheckedCode, numberFromZero } from './common-options.ts';
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
    .description(
      'check a running cluster, or the disks of a stopped one; changes nothing unless told',
    )
    .argument('[topology]', 'with --data: topology file (YAML); the shipped default when left out')
    .option(
      '--data <folder>',
      'of a stopped cluster: where it keeps its data, as for `up`; or where a node keeps its disks',
    )
    .option(
      '--repair',
      'of a stopped cluster: write again what is damaged, and certain by another copy',
    )
    .addOption(clusterOption())
    .addOption(
      new Option(
        '--minutes <n>',
        'of a running cluster: how long its blocks are verified at most; 0: not at all (default: 5)',
      ).argParser(numberFromZero),
    )
    .addOption(jsonOption())
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : nothingCheckedCode))
    .addHelpText('after', fsckHelp)
    .action(async (topology: string | undefined, options: FsckOptions) => {
      const { fsck } = await import('./fsck.ts');
      await fsck(topology, options);
    });
}

const fsckHelp = `
Without --data a running cluster is checked: who decides, whether disks, coordinators and hosts know what the config database
says was decided last, which disks are missing or are others, which mirrors are not in sync and why; then disks verify the
blocks of mirrors in sync, and these are compared, at the pace of a scrub. What is found once only is not told, for much is
true for a moment while something is decided. Nothing is changed.

With --data the disks of a stopped cluster are: superblocks and journals, what disks know of volumes, the checksum of every
block that a volume owns, and that mirrors in sync are equal. Not looked at: the config database, and volumes that are not in
the topology, but for their checksums.

With --repair a damaged copy of a superblock or checkpoint is written again from the other one, and a bad block from a mirror
in sync that has it with the same tag, where all that the disks of its volume were told fits together. Each repair is told,
and nothing else is changed; then all is checked.

The exit code is 0 without errors (warnings are allowed), 1 with errors, and 2 when nothing could be checked, for no cluster
runs, or a disk does that must not, or the command was used wrongly.`;
