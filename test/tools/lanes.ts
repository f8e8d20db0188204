/**
 * Test files in lanes that run side by side, each a mocha in a process of its own: what runs in virtual time needs a
 * processor, and what runs real clusters mostly waits. What lanes print comes one lane after the other, not mixed.
 */
import type { Readable, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { createChildGuard } from '../../cluster/child-guard.ts';

/** A program that runs some of the tests, and prints `N passed, N failed` when it has run them to the end. */
export interface Lane {
  readonly name: string;
  readonly words: readonly string[];
}

/** What runs in virtual time, where a processor that is busy with something else changes nothing. */
const virtual = [
  ...['tidy', 'protocols', 'actors'],
  ...['simulation', 'power-cuts', 'kill-orders', 'paths'].map((room) => `cluster/${room}`),
].map((folder) => `dist/test/${folder}/**/*.test.js`);

/**
 * Each test file is in one of them. By name: mocha's words for the files. Where time is virtual, how long a test takes
 * says only what else the machine does, so that its limit is no more than what ends a test that hangs.
 */
export const laneWords: Readonly<Record<string, readonly string[]>> = {
  'in virtual time': ['--timeout', '120s', ...virtual],
  'with real processes': [
    'dist/test/**/*.test.js',
    ...virtual.flatMap((files) => ['--ignore', files]),
  ],
};

export interface LaneResult {
  readonly name: string;
  /** Null when it broke off. */
  readonly counts: { readonly passed: number; readonly failed: number } | null;
  /** What it said of the tests that failed; '' when none did. */
  readonly failures: string;
  readonly exitCode: number;
}

/** Runs all at once, and prints what they print: the first while it runs, each of the others when those before it have ended. */
export async function runLanes(
  lanes: readonly Lane[],
  output: Writable,
): Promise<readonly LaneResult[]> {
  const guard = createChildGuard();
  const running = lanes.map(({ name, words }) => {
    const child = guard.start({
      command: process.execPath,
      arguments: words,
      output: 'pipe',
      errors: 'inherit',
    });
    if (child.stdout === null) throw new Error('a child without output');
    const exitCode = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    return { name, printed: new Printed(child.stdout), exitCode };
  });
  const results: LaneResult[] = [];
  for (const { name, printed, exitCode } of running) {
    printed.showOn(output);
    const code = await exitCode;
    const { text } = printed;
    results.push({ name, counts: countsIn(text), failures: failuresIn(text), exitCode: code });
  }
  guard.close();
  return results;
}

/** What a whole run comes to: mocha's exit code, and the line that a machine reads; '' when a lane broke off. */
export function sumOf(results: readonly LaneResult[]): { exitCode: number; line: string } {
  const broken = results.some(({ counts }) => counts === null);
  const failed = results.reduce((sum, { counts }) => sum + (counts?.failed ?? 0), 0);
  const passed = results.reduce((sum, { counts }) => sum + (counts?.passed ?? 0), 0);
  const worst = Math.max(...results.map(({ exitCode }) => exitCode));
  return {
    exitCode: broken ? Math.max(1, worst) : worst,
    line: broken ? '' : `${passed} passed, ${failed} failed`,
  };
}

/** Keeps what a program prints, and shows it from the beginning once that is wanted. */
class Printed {
  text = '';
  #output: Writable | null = null;

  constructor(source: Readable) {
    source.setEncoding('utf8');
    source.on('data', (piece: string) => {
      this.text += piece;
      this.#output?.write(piece);
    });
  }

  showOn(output: Writable): void {
    this.#output = output;
    output.write(this.text);
  }
}

function countsIn(text: string): LaneResult['counts'] {
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(text) ?? [];
  return passed === undefined || failed === undefined
    ? null
    : { passed: Number(passed), failed: Number(failed) };
}

/** Mocha's own list of them, with what each met: from its last `N failing` on. */
function failuresIn(text: string): string {
  const plain = stripVTControlCharacters(text);
  const [last] = [...plain.matchAll(/^ *\d+ failing$/gm)].slice(-1);
  return last === undefined ? '' : plain.slice(last.index);
}
