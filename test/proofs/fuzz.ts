/** The proof that hostile input harms nobody: some chunks of each kind, each from a seed of its own, in a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../tidy/sources.ts';
import { mochaStep } from './mocha-step.ts';
import type { Proof, ProofStep, StepOutcome } from './proof.ts';

const program = join(root, 'dist/test/fuzz/main.js');

/** How many of each kind make a chunk. */
const chunks: Readonly<Record<string, number>> = {
  sessions: 100_000,
  sockets: 3000,
  frames: 40_000,
  commands: 8000,
  topologies: 1000,
};
const chunksRun = { short: 1, long: 10 } as const;

const onRealBus = 'test/cluster/real/hostile-bus.test.ts';

export const fuzzProof: Proof = {
  name: 'fuzz',
  shows:
    'NBD sessions, frames, commands and topology files that nobody would write harm nobody and leave nothing behind',
  shortForm: [
    'test/fuzz/nbd/sessions.test.ts',
    'test/fuzz/nbd/sockets.test.ts',
    'test/fuzz/frames/frames.test.ts',
    'test/fuzz/commands/commands.test.ts',
    'test/fuzz/topology/topologies.test.ts',
    onRealBus,
  ],
  steps: ({ length }) => [
    ...Object.entries(chunks).flatMap(([kind, count]) =>
      Array.from({ length: chunksRun[length] }, (_, chunk) => fuzzStep(kind, count, chunk + 1)),
    ),
    mochaStep(onRealBus, length),
  ],
};

function fuzzStep(kind: string, count: number, chunk: number): ProofStep {
  const words = [program, kind, '--sessions', String(count), '--seed', `proof-${chunk}`];
  return {
    id: `${kind} ${chunk}`,
    run: () =>
      new Promise<StepOutcome>((resolve) => {
        execFile(process.execPath, words, (error, output, errors) => {
          const wrong = output.split('\n').filter((line) => line.startsWith('WRONG: '));
          const broke = error === null || wrong.length > 0 ? [] : [`${error.message} ${errors}`];
          resolve({ said: `${count} played`, problems: [...wrong, ...broke] });
        });
      }),
  };
}
