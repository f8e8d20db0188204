/**
 * What happened in a run, line by line: messages and their fates, processes, faults, log lines, verdicts. The same seed
 * gives the same lines, byte for byte; so nothing may come into a line that is not of the simulated world.
 */
import { createHash } from 'node:crypto';
import type { Log, LogFields } from '../../protocols/ports.ts';

/** Takes the lines of a trace. */
export type TraceLine = (line: string) => void;

export interface Trace {
  /** False: nobody reads it, and lines need not be made. */
  readonly isKept: boolean;
  /** @param what one line, without its time */
  note(what: string): void;
}

/** A trace that nobody reads. */
export const noTrace: Trace = { isKept: false, note: () => {} };

/** A trace whose lines begin with the virtual time in milliseconds. */
export function traceInto(nowMs: () => number, line: TraceLine): Trace {
  return { isKept: true, note: (what) => line(`${nowMs().toFixed(4)} ${what}`) };
}

/** Takes lines and keeps only what tells one trace from another. */
export class TraceDigest {
  readonly #hash = createHash('sha256');
  #lines = 0;

  readonly take: TraceLine = (line) => {
    this.#lines += 1;
    this.#hash.update(line).update('\n');
  };

  /** How many lines, and a digest of them all. To be called once. */
  finish(): string {
    return `${this.#lines} lines, sha256 ${this.#hash.digest('hex')}`;
  }
}

/** The Log port of one process: its lines go into the trace. `complain` is told of errors. */
export function tracedLog(trace: Trace, process: string, complain: (what: string) => void): Log {
  const write = (level: keyof Log, fields: LogFields, message: string): void => {
    if (!trace.isKept && level !== 'error') return;
    const line = `${process}: ${message} ${fieldsText(fields)}`;
    trace.note(`log ${level} ${line}`);
    if (level === 'error') complain(line);
  };
  return {
    debug: (fields, message) => write('debug', fields, message),
    info: (fields, message) => write('info', fields, message),
    warn: (fields, message) => write('warn', fields, message),
    error: (fields, message) => write('error', fields, message),
  };
}

function fieldsText(fields: LogFields): string {
  return JSON.stringify(fields, (_, value: unknown) =>
    value instanceof Error ? (value.stack ?? String(value)) : value,
  );
}

/** An exception with where it came from. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
