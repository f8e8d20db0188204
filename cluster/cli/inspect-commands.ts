/** Commands that look closer: at what travels, and at the machines that decide. */
import { type Command, Option } from 'commander';
import { jsonOption } from './common-options.ts';
import type { DecodeOptions } from './decode.ts';
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
}
