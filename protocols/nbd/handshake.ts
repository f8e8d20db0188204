/**
 * The handshake's outer layer (fixed newstyle): greeting, client flags, options and their replies, in both directions.
 * What stands inside an option is read in `options.ts`; what to answer is decided by the session.
 */
import {
  readBigUint64,
  readUint16,
  readUint32,
  writeBigUint64,
  writeUint16,
  writeUint32,
  writeUint64,
} from './big-endian.ts';
import {
  NBD_FLAG_C_FIXED_NEWSTYLE,
  NBD_FLAG_C_NO_ZEROES,
  NBD_INIT_MAGIC,
  NBD_OPTS_MAGIC,
  NBD_REP_MAGIC,
} from './constants.ts';

export const greetingBytes = 18;
export const clientFlagsBytes = 4;
export const optionHeaderBytes = 16;
export const optionReplyHeaderBytes = 20;
/** Reserved zeroes behind the answer to NBD_OPT_EXPORT_NAME, unless both sides agreed to leave them out. */
export const exportNameZeroesBytes = 124;
export const exportNameReplyBytes = 10;

/** The server's first words; `flags` are NBD_FLAG_FIXED_NEWSTYLE and NBD_FLAG_NO_ZEROES. */
export function encodeGreeting(flags: number): Uint8Array {
  const bytes = new Uint8Array(greetingBytes);
  writeBigUint64(bytes, 0, NBD_INIT_MAGIC);
  writeBigUint64(bytes, 8, NBD_OPTS_MAGIC);
  writeUint16(bytes, 16, flags);
  return bytes;
}

/** The handshake flags of a greeting, or null when it is none of newstyle. */
export function decodeGreeting(bytes: Uint8Array): number | null {
  if (bytes.length < greetingBytes) return null;
  if (readBigUint64(bytes, 0) !== NBD_INIT_MAGIC) return null;
  if (readBigUint64(bytes, 8) !== NBD_OPTS_MAGIC) return null;
  return readUint16(bytes, 16);
}

export interface ClientFlags {
  readonly fixedNewstyle: boolean;
  readonly noZeroes: boolean;
}

/** Null when a bit is set that no standard knows: the server must then hang up. */
export function decodeClientFlags(bytes: Uint8Array, at: number): ClientFlags | null {
  const flags = readUint32(bytes, at);
  if ((flags & ~(NBD_FLAG_C_FIXED_NEWSTYLE | NBD_FLAG_C_NO_ZEROES)) !== 0) return null;
  return {
    fixedNewstyle: (flags & NBD_FLAG_C_FIXED_NEWSTYLE) !== 0,
    noZeroes: (flags & NBD_FLAG_C_NO_ZEROES) !== 0,
  };
}

export interface OptionHeader {
  readonly option: number;
  readonly lengthBytes: number;
}

/** Null when the magic is wrong. */
export function decodeOptionHeader(bytes: Uint8Array, at: number): OptionHeader | null {
  if (readBigUint64(bytes, at) !== NBD_OPTS_MAGIC) return null;
  return { option: readUint32(bytes, at + 8), lengthBytes: readUint32(bytes, at + 12) };
}

export function encodeOption(option: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(optionHeaderBytes + data.length);
  writeBigUint64(bytes, 0, NBD_OPTS_MAGIC);
  writeUint32(bytes, 8, option);
  writeUint32(bytes, 12, data.length);
  bytes.set(data, optionHeaderBytes);
  return bytes;
}

export interface OptionReply {
  /** The option that this answers. */
  readonly option: number;
  /** NBD_REP_… */
  readonly type: number;
  readonly data: Uint8Array;
}

export function encodeOptionReply(reply: OptionReply): Uint8Array {
  const bytes = new Uint8Array(optionReplyHeaderBytes + reply.data.length);
  writeBigUint64(bytes, 0, NBD_REP_MAGIC);
  writeUint32(bytes, 8, reply.option);
  writeUint32(bytes, 12, reply.type);
  writeUint32(bytes, 16, reply.data.length);
  bytes.set(reply.data, optionReplyHeaderBytes);
  return bytes;
}

/** Null when the magic is wrong; `lengthBytes` of data follow. */
export function decodeOptionReplyHeader(
  bytes: Uint8Array,
  at: number,
): { option: number; type: number; lengthBytes: number } | null {
  if (readBigUint64(bytes, at) !== NBD_REP_MAGIC) return null;
  return {
    option: readUint32(bytes, at + 8),
    type: readUint32(bytes, at + 12),
    lengthBytes: readUint32(bytes, at + 16),
  };
}

/** What a client learns of an export before it uses it. */
export interface ExportFacts {
  readonly sizeBytes: number;
  /** NBD_FLAG_… */
  readonly transmissionFlags: number;
}

/** The answer to NBD_OPT_EXPORT_NAME. */
export function encodeExportNameReply(facts: ExportFacts, noZeroes: boolean): Uint8Array {
  const bytes = new Uint8Array(exportNameReplyBytes + (noZeroes ? 0 : exportNameZeroesBytes));
  writeUint64(bytes, 0, facts.sizeBytes);
  writeUint16(bytes, 8, facts.transmissionFlags);
  return bytes;
}
