/**
 * The Log port as lines of JSON, by pino. Goes to standard error: standard output belongs to what a command prints.
 * Written at once, so that the last words of a process that dies are there; the data path does not log.
 */
import { type DestinationStream, destination, pino, stdSerializers } from 'pino';
import type { Log } from '../protocols/ports.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface PinoLogOptions {
  /** Who speaks, in every line: the node's name. */
  readonly name: string;
  readonly level?: LogLevel;
  /** Where the lines go; standard error if left out. */
  readonly stream?: DestinationStream;
}

const standardError = 2;

/** A log whose lines carry `level`, `time` (milliseconds since 1970), `name`, the fields and `msg`. */
export function createPinoLog(options: PinoLogOptions): Log {
  const stream = options.stream ?? destination({ dest: standardError, sync: true });
  const lines = pino(
    {
      name: options.name,
      level: options.level ?? 'info',
      base: {},
      // Without this an Error would be written as {}.
      serializers: { error: stdSerializers.err },
    },
    stream,
  );
  return {
    debug: (fields, message) => lines.debug(fields, message),
    info: (fields, message) => lines.info(fields, message),
    warn: (fields, message) => lines.warn(fields, message),
    error: (fields, message) => lines.error(fields, message),
  };
}
