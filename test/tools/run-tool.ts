/** Runs a real client to its end and hands back what it printed. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Tool } from './fetch-tool.ts';

export interface ToolResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** A tool that was begun, and how it ends. */
export interface BegunTool {
  readonly child: ChildProcess;
  readonly ended: Promise<ToolResult>;
}

type Runnable = Pick<Tool, 'command' | 'environment'>;

/** Begins a tool; never rejects for what the tool does. */
export function beginTool(tool: Runnable, words: readonly string[]): BegunTool {
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
  const ended = new Promise<ToolResult>((resolve) =>
    child.once('close', (code: number | null) => resolve({ code, output, errors })),
  );
  return { child, ended };
}

/** Runs a tool; never throws for what the tool does. */
export async function runTool(
  tool: Runnable,
  words: readonly string[],
  timeoutMs = 120_000,
): Promise<ToolResult> {
  const { child, ended } = beginTool(tool, words);
  const impatience = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const result = await ended;
  clearTimeout(impatience);
  return result;
}

/**
 * Runs a tool that must succeed.
 *
 * @throws Error with everything that it said when it does not.
 */
export async function runToolWell(
  tool: Runnable,
  words: readonly string[],
  timeoutMs = 120_000,
): Promise<string> {
  const { code, output, errors } = await runTool(tool, words, timeoutMs);
  if (code === 0) return output;
  throw new Error(`${tool.command} ${words.join(' ')} ended with ${code}: ${errors}\n${output}`);
}
