/**
 * `npm run proof:NAME [-- --long] [--detach] [--again] [--jobs N]`, and `npm run proofs`, which lists all proofs with what
 * their last runs have shown. A detached proof goes on by itself and writes into a log; asked again, it goes on where it
 * was interrupted.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDigest, proofFolder as folder } from './ledger.ts';
import type { Proof, ProofLength } from './proof.ts';
import { proofs } from './proofs.ts';
import { isProven, reportFromLedger, reportText, runProof } from './run-proof.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    detach: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    summary: { type: 'boolean', default: false },
    jobs: { type: 'string' },
  },
});

const length: ProofLength = values.long ? 'long' : 'short';
const jobs = values.jobs === undefined ? availableParallelism() : Number(values.jobs);

const place = { folder, length, jobs, digest: buildDigest };

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function proofNamed(name: string): Proof {
  const proof = proofs.find((each) => each.name === name);
  if (proof !== undefined) return proof;
  const names = proofs.map((each) => each.name).join(', ');
  throw new RangeError(`there is no proof ${name}; there are ${names}`);
}

function list(): void {
  for (const proof of proofs) {
    print(`${proof.name}: ${proof.shows}`);
    for (const form of ['short', 'long'] as const) {
      const report = reportFromLedger(proof, { ...place, length: form });
      if (report === null) continue;
      const { done, steps, problems } = report;
      const verdict = isProven(report) ? 'proven' : 'not proven';
      const [problem] = problems;
      print(`  ${form}: ${verdict}, ${done} of ${steps} steps${problem ? `; ${problem}` : ''}`);
    }
  }
}

/** Runs the same command without its terminal. */
function detach(name: string): void {
  mkdirSync(folder, { recursive: true });
  const logFile = join(folder, `${name}-${length}.log`);
  const log = openSync(logFile, 'a');
  const own = process.argv.slice(1).filter((word) => word !== '--detach');
  const child = spawn(process.execPath, own, { detached: true, stdio: ['ignore', log, log] });
  child.unref();
  print(`process ${child.pid} goes on with proof ${name} (${length}); it writes into ${logFile}`);
  // Not by npm, which would build first: a running proof ends when the build is not its own any more.
  const words = `${name} ${values.long ? '--long ' : ''}--summary`;
  print(`node dist/test/proofs/main.js ${words} shows how far it is`);
}

async function main(): Promise<void> {
  const [name] = positionals;
  if (!(Number.isInteger(jobs) && jobs >= 1)) throw new RangeError('--jobs needs a number from 1');
  if (name === undefined) {
    list();
    return;
  }
  const proof = proofNamed(name);
  if (values.detach) {
    detach(name);
    return;
  }
  const report = values.summary
    ? reportFromLedger(proof, place)
    : await runProof(proof, { ...place, again: values.again, say: print });
  if (report === null) throw new Error(`proof ${name} (${length}) was never run here`);
  print(reportText(report));
  if (!isProven(report)) process.exitCode = 1;
}

await main().catch((error: unknown) => {
  process.stderr.write(`proof: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
