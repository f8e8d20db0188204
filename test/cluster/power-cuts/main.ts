/**
 * Cuts the power in recordings that are named on the command line, behind every entry of their logs, or with `--every`
 * and `--first` behind some, up to the first cut of each that is wrong. Prints what all came to, as a line of JSON, and exits with 1 when anything was wrong.
 */
import { parseArgs } from 'node:util';
import { eachOf, joined } from './cut-report.ts';
import { cutRecording } from './recordings.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    every: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
  },
});

const choice = eachOf(Number(values.every), Number(values.first));
const report = joined(positionals.map((name) => cutRecording(name, choice)));
process.stdout.write(`${JSON.stringify(report)}\n`);
if (report.failed.length > 0) process.exitCode = 1;
