/** The command line as a user runs it, for tests: `sanctor` as a process of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ToolResult } from './run-tool.ts';

/** The program itself. */
export const sanctorProgram = fileURLToPath(new URL('../../cluster/cli/main.js', import.meta.url));

const timeoutMs = 60_000;

/** Runs a command to its end, which must come in time. @param input what comes to its standard input */
export async function runSanctor(
  words: readonly string[],
  input: Uint8Array | string = '',
  environment: NodeJS.ProcessEnv = process.env,
): Promise<ToolResult> {
  const child = spawn(process.execPath, [sanctorProgram, ...words], { env: environment });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  // A command that does not want its input may end before it has read it.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const impatience = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(impatience);
  return { code, output, errors };
}
