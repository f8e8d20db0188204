/**
 * The standard benchmarks: `npm run bench [limits|volume] [-- --short] [--profile] [--seconds N] [--json FILE]`.
 * Everything is measured in one run on one machine, because only ratios mean anything elsewhere.
 * `npm run bench failover` is one by itself: what it measures, and how, is in `failover/`.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { fetchTool } from '../tools/fetch-tool.ts';
import type { FioResult } from '../tools/fio.ts';
import { type BareChainResult, measureBareChain } from './bare-chain.ts';
import { failoverMain, readFailoverArguments } from './failover/failover-main.ts';
import { type BenchScale, type JobName, shortScale, wholeScale } from './jobs.ts';
import { measureLimits } from './limits.ts';
import { machineText } from './machine.ts';
import { measureProfiles } from './profile-run.ts';
import { profileText } from './profile-text.ts';
import { tableOf } from './report.ts';
import type { BenchRow, Measuring } from './targets.ts';
import { judge, type Verdict } from './verdicts.ts';
import { measureVolume } from './volume.ts';

const names = ['limits', 'volume', 'all'] as const;
type BenchName = (typeof names)[number];
/** Strikes a cluster again and again, and is not part of `all`. */
const failoverName = 'failover';

interface Arguments {
  readonly name: BenchName;
  readonly scale: BenchScale;
  readonly profile: boolean;
  readonly json: string | undefined;
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      short: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const asked = positionals[0] ?? 'all';
  const name = names.find((each) => each === asked);
  if (name === undefined) {
    throw new RangeError(
      `there is no benchmark ${asked}; there are ${[...names, failoverName].join(', ')}`,
    );
  }
  const scale = values.short ? shortScale : wholeScale;
  const seconds = values.seconds === undefined ? scale.seconds : Number(values.seconds);
  if (!(seconds > 0))
    throw new RangeError(`--seconds ${values.seconds}: a number above 0 is needed`);
  return { name, scale: { ...scale, seconds }, profile: values.profile, json: values.json };
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}

function verdictsOf(chain: BareChainResult | null, rows: readonly BenchRow[]): readonly Verdict[] {
  if (chain === null) return [];
  const results: Readonly<Partial<Record<JobName, FioResult>>> =
    rows.find(({ name }) => name === 'Sanctor, disks in files')?.results ?? {};
  const { readDepth1, readDepth32, writeDepth32 } = results;
  if (!readDepth1 || !readDepth32 || !writeDepth32) return [];
  return judge(chain, { readDepth1, readDepth32, writeDepth32 });
}

async function main(): Promise<void> {
  const [first, ...others] = process.argv.slice(2);
  if (first === failoverName) {
    if (!(await failoverMain(readFailoverArguments(others), say))) process.exitCode = 1;
    return;
  }
  const { name, scale, profile, json } = readArguments();
  const fio = await fetchTool('fio');
  if (typeof fio === 'string') throw new Error(`fio cannot be had: ${fio}`);
  const by: Measuring = { fio, scale, say };
  const machine = machineText();
  say(machine);
  say('bare chain of NATS messages');
  const chain = await measureBareChain({ seconds: scale.seconds });
  const rows: BenchRow[] = [];
  if (name !== 'limits') {
    rows.push(...(await measureVolume('file', by)), ...(await measureVolume('memory', by)));
  }
  if (name !== 'volume') rows.push(...(await measureLimits(by)));
  const profiles = profile ? await measureProfiles(by) : [];
  const verdicts = verdictsOf(chain, rows);
  process.stdout.write(`${machine}\n${tableOf(chain, rows)}\n`);
  for (const { text } of verdicts) process.stdout.write(`${text}\n`);
  for (const each of profiles) process.stdout.write(`\n${profileText(each)}\n`);
  if (json !== undefined) {
    const report = { machine, scale, chain, rows, verdicts, profiles };
    await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (verdicts.some(({ passed }) => !passed)) process.exitCode = 1;
}

/** Whoever breaks a benchmark off gets the usual exit code, and clusters end with this process. */
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));

await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
