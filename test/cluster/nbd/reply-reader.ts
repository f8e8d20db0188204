/** Reads a server's replies for the test client, and checks each against the request that it answers. */
import { readUint16, readUint32, readUint64 } from '../../../protocols/nbd/big-endian.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import {
  type BlockDescriptor,
  chunkHeaderBytes,
  decodeReplyHeader,
  simpleReplyBytes,
} from '../../../protocols/nbd/transmission.ts';
import type { Answer } from './test-client.ts';

/** A reply that has wholly arrived. */
export type Ended = Answer & { readonly cookie: number };

interface Expected {
  readonly offset: number;
  /** Bytes that a successful READ brings. */
  readonly lengthBytes: number;
  readonly data: Uint8Array;
  filledBytes: number;
  error: number;
  message: string;
  descriptors: BlockDescriptor[];
}

const noBytes = new Uint8Array(0);

export class ReplyReader {
  #bytes: Uint8Array = noBytes;
  readonly #expected = new Map<number, Expected>();

  push(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined;
  }

  /** The next bytes, or null when they have not all arrived. */
  take(lengthBytes: number): Uint8Array | null {
    if (this.#bytes.length < lengthBytes) return null;
    const taken = this.#bytes.subarray(0, lengthBytes);
    this.#bytes = this.#bytes.subarray(lengthBytes);
    return taken;
  }

  /** A request goes out; `readBytes` is what a successful reply brings. */
  expect(cookie: number, readBytes: number, offset: number): void {
    this.#expected.set(cookie, {
      offset,
      lengthBytes: readBytes,
      data: new Uint8Array(readBytes),
      filledBytes: 0,
      error: nbd.NBD_SUCCESS,
      message: '',
      descriptors: [],
    });
  }

  /** The next request that is answered, or null when more bytes are needed. Throws at what breaks the standard. */
  next(): Ended | null {
    for (;;) {
      const header = decodeReplyHeader(this.#bytes, 0);
      if (header === 'more') return null;
      if (header === null) throw new Error('not a reply');
      const cookie = header.cookieLow;
      const expected = this.#expected.get(cookie);
      if (expected === undefined) throw new Error(`a reply to nothing: cookie ${cookie}`);
      if (header.kind === 'simple') {
        const dataBytes = header.error === nbd.NBD_SUCCESS ? expected.lengthBytes : 0;
        if (this.#bytes.length < simpleReplyBytes + dataBytes) return null;
        this.take(simpleReplyBytes);
        expected.data.set(this.take(dataBytes) ?? noBytes);
        expected.filledBytes = dataBytes;
        expected.error = header.error;
        return this.#end(cookie, expected);
      }
      if (this.#bytes.length < chunkHeaderBytes + header.lengthBytes) return null;
      this.take(chunkHeaderBytes);
      readChunk(header.type, this.take(header.lengthBytes) ?? noBytes, expected);
      if (header.done) return this.#end(cookie, expected);
    }
  }

  #end(cookie: number, expected: Expected): Ended {
    this.#expected.delete(cookie);
    const { error, message, descriptors } = expected;
    if (error === nbd.NBD_SUCCESS && expected.filledBytes !== expected.lengthBytes) {
      throw new Error(`success with ${expected.filledBytes} bytes of ${expected.lengthBytes}`);
    }
    const data = error === nbd.NBD_SUCCESS ? expected.data : noBytes;
    return { cookie, error, message, descriptors, data };
  }
}

function readChunk(type: number, payload: Uint8Array, expected: Expected): void {
  switch (type) {
    case nbd.NBD_REPLY_TYPE_NONE:
      return;
    case nbd.NBD_REPLY_TYPE_OFFSET_DATA: {
      const at = readUint64(payload, 0) - expected.offset;
      expected.data.set(payload.subarray(8), at);
      expected.filledBytes += payload.length - 8;
      return;
    }
    case nbd.NBD_REPLY_TYPE_BLOCK_STATUS:
      for (let at = 4; at < payload.length; at += 8) {
        const lengthBytes = readUint32(payload, at);
        expected.descriptors.push({ lengthBytes, state: readUint32(payload, at + 4) });
      }
      return;
    case nbd.NBD_REPLY_TYPE_ERROR:
      expected.error = readUint32(payload, 0);
      expected.message = new TextDecoder().decode(payload.subarray(6, 6 + readUint16(payload, 4)));
      return;
    default:
      throw new Error(`an unexpected chunk of type ${type}`);
  }
}
