/**
 * Checks a request before anything is done with it, so that nobody behind has to: what the standard asks a server to
 * refuse, and with which error (sections "Request types", "Error values", "Size constraints").
 */
import {
  NBD_CMD_BLOCK_STATUS,
  NBD_CMD_CACHE,
  NBD_CMD_FLAG_DF,
  NBD_CMD_FLAG_FAST_ZERO,
  NBD_CMD_FLAG_FUA,
  NBD_CMD_FLAG_NO_HOLE,
  NBD_CMD_FLAG_REQ_ONE,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EINVAL,
  NBD_ENOTSUP,
  NBD_EOVERFLOW,
  NBD_EPERM,
} from '../../protocols/nbd/constants.ts';
import { rangeErrorOf } from '../../protocols/nbd/errors.ts';
import type { RequestHeader } from '../../protocols/nbd/transmission.ts';
import { blockBytes } from '../../protocols/units.ts';

/** What a connection and its server agreed on. */
export interface Terms {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly structured: boolean;
  /** Positions and lengths are multiples of it: 1 for clients that did not ask for the export's block sizes. */
  readonly alignmentBytes: number;
  readonly ioBytesMax: number;
  readonly zeroesFast: boolean;
  /** True when base:allocation was selected. */
  readonly allocation: boolean;
}

export interface Refusal {
  readonly error: number;
  /** Why, for people. */
  readonly message: string;
}

const unknownCommand = { error: NBD_EINVAL, message: 'unknown command' };
const unknownFlag = { error: NBD_EINVAL, message: 'a flag that this command does not have' };
const readOnly = { error: NBD_EPERM, message: 'the export is read-only' };
const notAligned = { error: NBD_EINVAL, message: 'not aligned to the minimum block size' };
const beyondEndRead = {
  error: rangeErrorOf(NBD_CMD_READ),
  message: 'beyond the end of the export',
};
const beyondEndWrite = { ...beyondEndRead, error: rangeErrorOf(NBD_CMD_WRITE) };
const readTooLong = { error: NBD_EINVAL, message: 'longer than the maximum payload size' };
const readTooLongStructured = { ...readTooLong, error: NBD_EOVERFLOW };
const notFast = { error: NBD_ENOTSUP, message: 'zeroing is no faster than writing here' };
const flushWithRange = { error: NBD_EINVAL, message: 'a flush has no offset and no length' };
const noContext = { error: NBD_EINVAL, message: 'no metadata context was selected' };
const nothingAsked = { error: NBD_EINVAL, message: 'a block status needs a length' };

/** Why the request is refused, or null when it may be executed. */
export function refusalOf(request: Readonly<RequestHeader>, terms: Terms): Refusal | null {
  const allowedFlags = flagsOf(request.command, terms);
  if (allowedFlags === null) return unknownCommand;
  if ((request.flags & ~allowedFlags) !== 0) return unknownFlag;
  if (request.command === NBD_CMD_FLUSH) {
    return request.offset === 0 && request.lengthBytes === 0 ? null : flushWithRange;
  }
  if (terms.readOnly && changesData(request.command)) return readOnly;
  if (request.offset + request.lengthBytes > terms.sizeBytes) {
    return rangeErrorOf(request.command) === beyondEndWrite.error ? beyondEndWrite : beyondEndRead;
  }
  if (terms.alignmentBytes > 1) {
    const misaligned =
      request.offset % terms.alignmentBytes !== 0 ||
      request.lengthBytes % terms.alignmentBytes !== 0;
    if (misaligned) return notAligned;
  }
  return refusalByCommand(request, terms);
}

function refusalByCommand(request: Readonly<RequestHeader>, terms: Terms): Refusal | null {
  switch (request.command) {
    case NBD_CMD_READ:
      if (request.lengthBytes <= terms.ioBytesMax) return null;
      return terms.structured ? readTooLongStructured : readTooLong;
    case NBD_CMD_WRITE:
      return request.lengthBytes <= terms.ioBytesMax ? null : readTooLong;
    case NBD_CMD_WRITE_ZEROES: {
      if ((request.flags & NBD_CMD_FLAG_FAST_ZERO) === 0) return null;
      const wholeBlocks =
        request.offset % blockBytes === 0 && request.lengthBytes % blockBytes === 0;
      return terms.zeroesFast && wholeBlocks ? null : notFast;
    }
    case NBD_CMD_BLOCK_STATUS:
      if (!terms.allocation) return noContext;
      return request.lengthBytes > 0 ? null : nothingAsked;
    default:
      return null;
  }
}

/** The flags that a command may have; null for a command that this server does not know. */
function flagsOf(command: number, terms: Terms): number | null {
  switch (command) {
    case NBD_CMD_READ:
      return NBD_CMD_FLAG_FUA | (terms.structured ? NBD_CMD_FLAG_DF : 0);
    case NBD_CMD_WRITE:
    case NBD_CMD_FLUSH:
    case NBD_CMD_TRIM:
    case NBD_CMD_CACHE:
      return NBD_CMD_FLAG_FUA;
    case NBD_CMD_WRITE_ZEROES:
      return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FAST_ZERO;
    case NBD_CMD_BLOCK_STATUS:
      return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_REQ_ONE;
    default:
      return null;
  }
}

/** True for every kind of write. */
export function changesData(command: number): boolean {
  return command === NBD_CMD_WRITE || command === NBD_CMD_TRIM || command === NBD_CMD_WRITE_ZEROES;
}

/** True for commands that make the server hold as many bytes as they are long. */
export function carriesPayload(command: number): boolean {
  return command === NBD_CMD_READ || command === NBD_CMD_WRITE || command === NBD_CMD_CACHE;
}
