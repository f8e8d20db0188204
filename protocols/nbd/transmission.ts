/**
 * The transmission phase on the wire: request headers, simple replies and structured reply chunks. Everything is read
 * from and written to memory that the caller owns, for this runs once or twice per I/O.
 */
import {
  readUint16,
  readUint32,
  readUint64,
  writeUint16,
  writeUint32,
  writeUint64,
} from './big-endian.ts';
import {
  NBD_REPLY_FLAG_DONE,
  NBD_REPLY_TYPE_BLOCK_STATUS,
  NBD_REPLY_TYPE_ERROR,
  NBD_REPLY_TYPE_NONE,
  NBD_REPLY_TYPE_OFFSET_DATA,
  NBD_REQUEST_MAGIC,
  NBD_SIMPLE_REPLY_MAGIC,
  NBD_STRUCTURED_REPLY_MAGIC,
} from './constants.ts';

export const requestHeaderBytes = 28;
export const simpleReplyBytes = 16;
export const chunkHeaderBytes = 20;
/** Header of a chunk of data: what stands before the data itself. */
export const dataChunkHeaderBytes = chunkHeaderBytes + 8;
/** Error chunk without its message. */
export const errorChunkBytes = chunkHeaderBytes + 6;
export const blockDescriptorBytes = 8;

/** A client's own name for a request (8 opaque bytes), in two halves. */
export interface Cookie {
  cookieHigh: number;
  cookieLow: number;
}

/** A request as it stands on the wire. A WRITE's payload follows it. */
export interface RequestHeader extends Cookie {
  /** NBD_CMD_… ; may be one that nobody knows. */
  command: number;
  /** NBD_CMD_FLAG_… */
  flags: number;
  offset: number;
  lengthBytes: number;
}

/** Fills `into` from the `requestHeaderBytes` at `at`; false when the magic is wrong. */
export function readRequest(bytes: Uint8Array, at: number, into: RequestHeader): boolean {
  if (readUint32(bytes, at) !== NBD_REQUEST_MAGIC) return false;
  into.flags = readUint16(bytes, at + 4);
  into.command = readUint16(bytes, at + 6);
  into.cookieHigh = readUint32(bytes, at + 8);
  into.cookieLow = readUint32(bytes, at + 12);
  into.offset = readUint64(bytes, at + 16);
  into.lengthBytes = readUint32(bytes, at + 24);
  return true;
}

export function writeRequest(
  bytes: Uint8Array,
  at: number,
  request: Readonly<RequestHeader>,
): void {
  writeUint32(bytes, at, NBD_REQUEST_MAGIC);
  writeUint16(bytes, at + 4, request.flags);
  writeUint16(bytes, at + 6, request.command);
  writeCookie(bytes, at + 8, request);
  writeUint64(bytes, at + 16, request.offset);
  writeUint32(bytes, at + 24, request.lengthBytes);
}

/** A simple reply; a successful READ's data follows it. */
export function writeSimpleReply(
  bytes: Uint8Array,
  at: number,
  cookie: Readonly<Cookie>,
  error: number,
): void {
  writeUint32(bytes, at, NBD_SIMPLE_REPLY_MAGIC);
  writeUint32(bytes, at + 4, error);
  writeCookie(bytes, at + 8, cookie);
}

/** The head of the one chunk that answers a READ; its `lengthBytes` of data follow. */
export function writeDataChunk(
  bytes: Uint8Array,
  at: number,
  request: Readonly<RequestHeader>,
): void {
  writeChunk(bytes, at, request, NBD_REPLY_TYPE_OFFSET_DATA);
  writeUint32(bytes, at + 16, 8 + request.lengthBytes);
  writeUint64(bytes, at + 20, request.offset);
}

/** The chunk that says "done, and nothing to add". */
export function writeNoneChunk(bytes: Uint8Array, at: number, cookie: Readonly<Cookie>): void {
  writeChunk(bytes, at, cookie, NBD_REPLY_TYPE_NONE);
  writeUint32(bytes, at + 16, 0);
}

/** A final error chunk: `errorChunkBytes` and `message` behind them. */
export function writeErrorChunk(
  bytes: Uint8Array,
  at: number,
  cookie: Readonly<Cookie>,
  { error, message }: { error: number; message: Uint8Array },
): void {
  writeChunk(bytes, at, cookie, NBD_REPLY_TYPE_ERROR);
  writeUint32(bytes, at + 16, 6 + message.length);
  writeUint32(bytes, at + 20, error);
  writeUint16(bytes, at + 24, message.length);
  bytes.set(message, at + errorChunkBytes);
}

/** One stretch of a metadata context: `state` is of NBD_STATE_…. */
export interface BlockDescriptor {
  readonly lengthBytes: number;
  readonly state: number;
}

export function blockStatusChunkBytes(descriptors: number): number {
  return chunkHeaderBytes + 4 + descriptors * blockDescriptorBytes;
}

/** A final block status chunk of one metadata context. */
export function writeBlockStatusChunk(
  bytes: Uint8Array,
  at: number,
  cookie: Readonly<Cookie>,
  { contextId, descriptors }: { contextId: number; descriptors: readonly BlockDescriptor[] },
): void {
  writeChunk(bytes, at, cookie, NBD_REPLY_TYPE_BLOCK_STATUS);
  writeUint32(bytes, at + 16, 4 + descriptors.length * blockDescriptorBytes);
  writeUint32(bytes, at + 20, contextId);
  let next = at + chunkHeaderBytes + 4;
  for (const descriptor of descriptors) {
    writeUint32(bytes, next, descriptor.lengthBytes);
    writeUint32(bytes, next + 4, descriptor.state);
    next += blockDescriptorBytes;
  }
}

/** What a client reads first of any reply. A structured one has `lengthBytes` of payload behind its header. */
export type ReplyHeader =
  | ({ readonly kind: 'simple'; readonly error: number } & Readonly<Cookie>)
  | ({
      readonly kind: 'structured';
      readonly done: boolean;
      /** NBD_REPLY_TYPE_… */
      readonly type: number;
      readonly lengthBytes: number;
    } & Readonly<Cookie>);

/** 'more' when more bytes are needed to tell; null when this is no reply. */
export function decodeReplyHeader(bytes: Uint8Array, at: number): ReplyHeader | 'more' | null {
  const availableBytes = bytes.length - at;
  if (availableBytes < simpleReplyBytes) return 'more';
  const magic = readUint32(bytes, at);
  const cookieHigh = readUint32(bytes, at + 8);
  const cookieLow = readUint32(bytes, at + 12);
  if (magic === NBD_SIMPLE_REPLY_MAGIC) {
    return { kind: 'simple', error: readUint32(bytes, at + 4), cookieHigh, cookieLow };
  }
  if (magic !== NBD_STRUCTURED_REPLY_MAGIC) return null;
  if (availableBytes < chunkHeaderBytes) return 'more';
  return {
    kind: 'structured',
    done: (readUint16(bytes, at + 4) & NBD_REPLY_FLAG_DONE) !== 0,
    type: readUint16(bytes, at + 6),
    lengthBytes: readUint32(bytes, at + 16),
    cookieHigh,
    cookieLow,
  };
}

function writeChunk(bytes: Uint8Array, at: number, cookie: Readonly<Cookie>, type: number): void {
  writeUint32(bytes, at, NBD_STRUCTURED_REPLY_MAGIC);
  writeUint16(bytes, at + 4, NBD_REPLY_FLAG_DONE);
  writeUint16(bytes, at + 6, type);
  writeCookie(bytes, at + 8, cookie);
}

function writeCookie(bytes: Uint8Array, at: number, cookie: Readonly<Cookie>): void {
  writeUint32(bytes, at, cookie.cookieHigh);
  writeUint32(bytes, at + 4, cookie.cookieLow);
}
