/** Runs a proof step by step, keeps what each has shown, and draws the conclusion. */
import { loadavg } from 'node:os';
import {
  appendResult,
  beginLedger,
  type LedgerContent,
  ledgerFile,
  putAside,
  readLedger,
} from './ledger.ts';
import type { Proof, ProofOptions, StepOutcome, StepResult } from './proof.ts';
import { lockProof } from './proof-lock.ts';

export interface LedgerPlace extends ProofOptions {
  /** Where ledgers are kept. */
  readonly folder: string;
  /** Names the build. */
  readonly digest: () => string;
}

export interface RunProofOptions extends LedgerPlace {
  /** Does all steps again, whatever an earlier run has shown. */
  readonly again: boolean;
  readonly say: (line: string) => void;
}

/** What a proof came to. */
export interface ProofReport {
  readonly proof: string;
  readonly shows: string;
  readonly form: string;
  readonly steps: number;
  readonly done: number;
  readonly seconds: number;
  readonly problems: readonly string[];
  readonly lines: readonly string[];
}

/**
 * Runs what an earlier run of the same build has not done yet. A step that throws is a problem, and the others go on;
 * one that failed is not tried until it succeeds.
 *
 * @throws Error when another process runs the proof, or when the build is not the one that it began with any more.
 */
export async function runProof(proof: Proof, options: RunProofOptions): Promise<ProofReport> {
  const unlock = lockProof(ledgerFile(options.folder, proof.name, options.length));
  try {
    return await runLocked(proof, options);
  } finally {
    unlock();
  }
}

async function runLocked(proof: Proof, options: RunProofOptions): Promise<ProofReport> {
  const { length, say, digest } = options;
  const file = ledgerFile(options.folder, proof.name, length);
  const build = digest();
  const header = { proof: proof.name, form: length, build, startedAtMs: Date.now() };
  const found = readLedger(file);
  if (found !== null && found.header.build !== build)
    say(`what another build has shown is in ${putAside(file, found)} now`);
  const known = options.again ? null : usable(found, build);
  beginLedger(file, known ?? { header, results: [] });
  const done = new Map((known?.results ?? []).map((result) => [result.id, result]));
  const steps = proof.steps(options);
  say(`${proof.name} (${length}): ${proof.shows}; ${steps.length} steps, load ${load()}`);
  if (done.size > 0) say(`going on: ${done.size} steps were done before (--again does them anew)`);
  for (const step of steps) {
    if (done.has(step.id)) continue;
    if (digest() !== build)
      throw new Error('the program was built anew meanwhile: what follows would show another one');
    const result = await timed(step.id, () => step.run());
    appendResult(file, result);
    done.set(step.id, result);
    say(stepLine(result, done.size, steps.length));
  }
  return reportOf(proof, options, [...done.values()]);
}

/** What the ledger of a proof holds, without running anything; null when it was never run in this form. */
export function reportFromLedger(proof: Proof, options: LedgerPlace): ProofReport | null {
  const known = readLedger(ledgerFile(options.folder, proof.name, options.length));
  if (known === null) return null;
  if (usable(known, options.digest()) !== null) return reportOf(proof, options, known.results);
  // What another build noted of its steps may have another form: nothing is concluded from it.
  const { conclude: _, ...steps } = proof;
  const report = reportOf(steps, options, known.results);
  return { ...report, problems: ['of another build than this one', ...report.problems] };
}

export function reportText(report: ProofReport): string {
  const { proof, form, done, steps, seconds, problems, lines } = report;
  const verdict = problems.length === 0 && done === steps ? 'PROVEN' : 'NOT PROVEN';
  return [
    ...lines,
    ...problems.map((problem) => `problem: ${problem}`),
    `${verdict}: ${proof} (${form}), ${done} of ${steps} steps, ${seconds.toFixed(0)} s: ${report.shows}`,
  ].join('\n');
}

/** True when every step was done and none has a problem. */
export function isProven({ done, steps, problems }: ProofReport): boolean {
  return done === steps && problems.length === 0;
}

function reportOf(proof: Proof, options: ProofOptions, all: readonly StepResult[]): ProofReport {
  const ids = new Set(proof.steps(options).map(({ id }) => id));
  const results = all.filter(({ id }) => ids.has(id));
  const isWhole = results.length === ids.size;
  const conclusion = isWhole ? proof.conclude?.(results, options) : undefined;
  return {
    proof: proof.name,
    shows: proof.shows,
    form: options.length,
    steps: ids.size,
    done: results.length,
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
    problems: [
      ...results.flatMap(({ id, problems }) => problems.map((problem) => `${id}: ${problem}`)),
      ...(conclusion?.problems ?? []),
    ],
    lines: conclusion?.lines ?? [],
  };
}

function usable(known: LedgerContent | null, build: string): LedgerContent | null {
  return known?.header.build === build ? known : null;
}

async function timed(id: string, run: () => Promise<StepOutcome>): Promise<StepResult> {
  const startedMs = performance.now();
  const secondsSince = () => (performance.now() - startedMs) / 1000;
  try {
    const outcome = await run();
    return { id, ...outcome, seconds: secondsSince() };
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { id, problems: [problem], said: 'it threw', seconds: secondsSince() };
  }
}

function stepLine({ id, said, seconds, problems }: StepResult, done: number, all: number): string {
  const failed = problems.map((problem) => `\n  problem: ${problem}`).join('');
  return `[${done}/${all}] ${id}: ${said} (${seconds.toFixed(1)} s)${failed}`;
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
