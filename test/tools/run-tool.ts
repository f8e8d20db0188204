/** Runs a real client to its end and hands back what it printed. */
import { spawn } from 'node:child_process';
import type { Tool } from './fetch-tool.ts';

export interface ToolResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a tool; never throws for what the tool does. */
export async function runTool(
  tool: Pick<Tool, 'command' | 'environment'>,
  words: readonly string[],
  timeoutMs = 120_000,
): Promise<ToolResult> {
  const child = spawn(tool.command, words, {
    env: tool.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString('utf8');
  });
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString('utf8');
  });
  const impatience = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(impatience);
  return { code, output, errors };
}

/**
 * Runs a tool that must succeed.
 *
 * @throws Error with everything that it said when it does not.
 */
export async function runToolWell(
  tool: Pick<Tool, 'command' | 'environment'>,
  words: readonly string[],
  timeoutMs = 120_000,
): Promise<string> {
  const { code, output, errors } = await runTool(tool, words, timeoutMs);
  if (code === 0) return output;
  throw new Error(`${tool.command} ${words.join(' ')} ended with ${code}: ${errors}\n${output}`);
}
