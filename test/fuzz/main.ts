/**
 * Hostile input on request, for as long as is wanted: `npm run fuzz [-- WHAT …] [--sessions N] [--minutes M] [--seed S]`,
 * WHAT of sessions, sockets, frames, commands, topologies (default: all, one after the other). Prints counts, rates, and
 * what the process held meanwhile. `--session N` plays one NBD session of the seed again.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CommandCampaign } from './commands/campaign.ts';
import { footprint, footprintTable, type Moment } from './footprint.ts';
import { FrameCampaign } from './frames/campaign.ts';
import { Campaign, failureText } from './nbd/campaign.ts';
import { SocketCampaign } from './nbd/socket-campaign.ts';
import { TopologyCampaign } from './topology/campaign.ts';

/** One kind of hostile input: plays the next ones. @returns what is wrong; null when nothing is */
interface Fuzzer {
  /** How many are played between two looks at the clock. */
  readonly step: number;
  play(first: number, count: number): string | null | Promise<string | null>;
  /** Counts to be shown, and what the end brings to light. */
  end(): Promise<{ readonly counts: object; readonly problems: readonly string[] }>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sessions: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: String(Date.now()) },
    session: { type: 'string' },
  },
});
const { seed } = values;
const momentsShown = 10;

function sessionsFuzzer(): Fuzzer {
  const campaign = new Campaign();
  return {
    step: 2000,
    play: (first, sessions) => {
      const { failure } = campaign.run({ seed, first, sessions });
      return failure === null ? null : failureText(failure);
    },
    end: async () => ({ counts: Object.fromEntries(campaign.counts), problems: [] }),
  };
}

async function socketsFuzzer(): Promise<Fuzzer> {
  const folder = await mkdtemp(join(tmpdir(), 'sanctor-fuzz-'));
  const campaign = new SocketCampaign();
  await campaign.start(folder);
  return {
    step: 300,
    play: (first, sessions) =>
      campaign.run({ seed, first, sessions }).then(
        () => null,
        (error: unknown) => String(error),
      ),
    end: async () => {
      await campaign.close();
      await rm(folder, { recursive: true, force: true });
      return { counts: Object.fromEntries(campaign.counts), problems: [] };
    },
  };
}

function framesFuzzer(): Fuzzer {
  const campaign = new FrameCampaign(seed);
  return {
    step: 4000,
    play: (_, messages) => campaign.run(messages),
    end: async () => ({ counts: campaign.counts, problems: campaign.end() }),
  };
}

function commandsFuzzer(): Fuzzer {
  const campaign = new CommandCampaign(seed);
  return {
    step: 1000,
    play: (_, commands) => campaign.run(commands),
    end: async () => ({ counts: Object.fromEntries(campaign.counts), problems: campaign.end() }),
  };
}

function topologiesFuzzer(): Fuzzer {
  const campaign = new TopologyCampaign();
  return {
    step: 100,
    play: (first, files) => {
      for (let number = first; number < first + files; number++) {
        const problem = campaign.play(seed, number);
        if (problem !== null) return problem;
      }
      return null;
    },
    end: async () => ({ counts: campaign.counts, problems: [] }),
  };
}

const fuzzers: Readonly<Record<string, () => Fuzzer | Promise<Fuzzer>>> = {
  sessions: sessionsFuzzer,
  sockets: socketsFuzzer,
  frames: framesFuzzer,
  commands: commandsFuzzer,
  topologies: topologiesFuzzer,
};
/** Where neither a number nor a time is given. */
const usualCounts: Readonly<Record<string, number>> = {
  sessions: 100_000,
  sockets: 3000,
  frames: 20_000,
  commands: 4000,
  topologies: 800,
};

/** @returns what is wrong */
async function fuzz(name: string): Promise<readonly string[]> {
  const begin = fuzzers[name];
  if (begin === undefined)
    throw new RangeError(
      `there is no ${name} to fuzz; there are ${Object.keys(fuzzers).join(', ')}`,
    );
  const minutes = values.minutes === undefined ? 0 : positive('--minutes', values.minutes);
  const wanted =
    values.sessions === undefined
      ? (usualCounts[name] ?? 0)
      : positive('--sessions', values.sessions);
  const fuzzer = await begin();
  const startMs = performance.now();
  const isOver = (done: number) =>
    minutes > 0 ? performance.now() - startMs >= minutes * 60_000 : done >= wanted;
  const moments: Moment[] = [];
  const problems: string[] = [];
  let lookedMs = startMs;
  let looked = 0;
  for (let done = 0; !isOver(done) && problems.length === 0; done += fuzzer.step) {
    const problem = await fuzzer.play(done, fuzzer.step);
    if (problem !== null) problems.push(problem);
    const now = done + fuzzer.step;
    const sinceMs = performance.now() - lookedMs;
    const isShown =
      minutes > 0
        ? sinceMs >= (minutes * 60_000) / momentsShown
        : now - looked >= wanted / momentsShown;
    if (!isShown && !isOver(now)) continue;
    const perSecond = ((now - looked) * 1000) / sinceMs;
    moments.push({ done: now, perSecond, held: await footprint() });
    lookedMs = performance.now();
    looked = now;
  }
  const { counts, problems: atEnd } = await fuzzer.end();
  print(`${footprintTable(name, moments)}\n${countsText(counts)}`);
  return [...problems, ...atEnd].map((problem) => `${name}, seed ${seed}: ${problem}`);
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new RangeError(`${option} ${text}: a number above 0 is needed`);
}

function countsText(counts: object): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${Math.round(Number(count))}`)
    .sort()
    .join(', ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One NBD session of the seed, again. */
function playAgain(session: number): readonly string[] {
  const { failure } = new Campaign().run({ seed, first: session, sessions: 1 });
  if (failure === null) print(`session ${session} of seed ${seed}: nothing is wrong`);
  return failure === null ? [] : [failureText(failure)];
}

async function main(): Promise<void> {
  const names = positionals.length === 0 ? Object.keys(fuzzers) : positionals;
  const problems: string[] = [];
  if (values.session !== undefined) problems.push(...playAgain(Number(values.session)));
  else for (const name of names) problems.push(...(await fuzz(name)));
  for (const problem of problems) print(`WRONG: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

await main().catch((error: unknown) => {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
