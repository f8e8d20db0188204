/** The words of `npm run bench failover`, and what it prints. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { machineText } from '../machine.ts';
import {
  type FailoverScale,
  failoverDefaults,
  failoverTopologies,
  longInjections,
  measureFailover,
} from './failover-bench.ts';
import { pauseTable, peersText } from './failover-report.ts';
import { type KindName, kindNames } from './kinds.ts';

export interface FailoverArguments {
  readonly scale: FailoverScale;
  /** A file for the numbers. */
  readonly json: string | undefined;
}

/** @throws RangeError that says what there is instead */
export function readFailoverArguments(words: readonly string[]): FailoverArguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      long: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
      injections: { type: 'string' },
      topology: { type: 'string', default: failoverDefaults.topology },
      rest: { type: 'string', default: String(failoverDefaults.restMs) },
      seed: { type: 'string', default: failoverDefaults.seed },
      only: { type: 'string', default: failoverDefaults.only.join(',') },
      json: { type: 'string' },
    },
  });
  const usual = values.long ? longInjections : failoverDefaults.injections;
  const injections = Number(values.injections ?? usual);
  if (!(Number.isInteger(injections) && injections >= 1))
    throw new RangeError(`--injections ${values.injections}: a whole number from 1 is needed`);
  const restMs = Number(values.rest);
  if (!(restMs >= 0)) throw new RangeError(`--rest ${values.rest}: a number from 0 is needed`);
  const topology = oneOf(failoverTopologies, '--topology', values.topology);
  const only = values.only.split(',').map((name): KindName => oneOf(kindNames, '--only', name));
  const { warmUpIos } = failoverDefaults;
  const scale = { topology, injections, restMs, warmUpIos, seed: values.seed, only };
  return { scale, json: values.json };
}

function oneOf<Name extends string>(names: readonly Name[], option: string, asked: string): Name {
  const name = names.find((each) => each === asked);
  if (name !== undefined) return name;
  throw new RangeError(`${option} ${asked}: there is ${names.join(', ')}`);
}

/** Measures and prints. @returns whether everything is as it is asked to be */
export async function failoverMain(
  { scale, json }: FailoverArguments,
  say: (line: string) => void,
): Promise<boolean> {
  const machine = machineText();
  say(machine);
  const report = await measureFailover(scale, say);
  const { summaries, verdicts, loads } = report;
  const paced = scale.restMs > 0 ? `each rests ${scale.restMs} ms between two I/Os` : 'no rest';
  const lines = [
    machine,
    `topology ${scale.topology}; 32 I/Os of 4 KiB under way at most, half of them writes, ${paced}`,
    `load of the machine at the begin of rounds: ${loadText(loads)}`,
    'A pause is the longest time that any I/O took, of all that were under way at the strike and all that were',
    'begun until the trouble was over; nothing is subtracted. No I/O failed, and no read found a wrong byte.',
    pauseTable(summaries),
    ...verdicts.map(({ text }) => text),
    '',
    peersText(),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ machine, ...report }, null, 2)}\n`);
  return verdicts.every(({ passed }) => passed);
}

function loadText(loads: readonly number[]): string {
  const sorted = [...loads].sort((a, b) => a - b);
  const [least = 0, middle = 0, most = 0] = [
    sorted[0],
    sorted[Math.floor(sorted.length / 2)],
    sorted.at(-1),
  ];
  return `${least.toFixed(1)} to ${most.toFixed(1)}, in the middle ${middle.toFixed(1)}`;
}
