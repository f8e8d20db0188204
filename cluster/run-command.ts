/** Runs a helper program to its end and gives what it said, within limits of time and output. */
import { execFile } from 'node:child_process';

export interface CommandResult {
  /** null: it could not be started, was killed by a signal, or took too long. */
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface CommandOptions {
  readonly folder?: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

const outputBytesMax = 64 * 1024 * 1024;

/** Never throws: a program that is missing is an exit code of null with the reason in `errors`. */
export function runCommand(
  command: string,
  commandArguments: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      command,
      [...commandArguments],
      {
        encoding: 'utf8',
        maxBuffer: outputBytesMax,
        timeout: options.timeoutMs,
        killSignal: 'SIGKILL',
        ...(options.folder === undefined ? {} : { cwd: options.folder }),
        ...(options.environment === undefined ? {} : { env: options.environment }),
      },
      (error, output, errors) => {
        if (error === null) return resolve({ exitCode: 0, output, errors });
        const exitCode = typeof error.code === 'number' ? error.code : null;
        const reason = exitCode === null ? `${errors}${error.message}\n` : errors;
        resolve({ exitCode, output, errors: reason });
      },
    );
  });
}
