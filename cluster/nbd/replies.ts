/**
 * Says what became of requests: as simple replies, or as structured ones where the client negotiated them and the
 * standard asks for them (reads and block status always, errors because they can then carry a sentence).
 */
import { NBD_CMD_READ, NBD_EIO, NBD_SUCCESS } from '../../protocols/nbd/constants.ts';
import { encodeString } from '../../protocols/nbd/options.ts';
import {
  type BlockDescriptor,
  blockStatusChunkBytes,
  chunkHeaderBytes,
  dataChunkHeaderBytes,
  errorChunkBytes,
  type RequestHeader,
  simpleReplyBytes,
  writeBlockStatusChunk,
  writeDataChunk,
  writeErrorChunk,
  writeNoneChunk,
  writeSimpleReply,
} from '../../protocols/nbd/transmission.ts';
import type { ReplyOutput } from './reply-output.ts';

export class Replies {
  readonly #output: ReplyOutput;
  readonly #structured: boolean;

  constructor(output: ReplyOutput, structured: boolean) {
    this.#output = output;
    this.#structured = structured;
  }

  /** Bytes of replies that nobody has taken. */
  get waitingBytes(): number {
    return this.#output.lengthBytes;
  }

  /** Success without data. */
  done(request: Readonly<RequestHeader>): void {
    if (this.#structured && request.command === NBD_CMD_READ) {
      const at = this.#output.reserve(chunkHeaderBytes);
      writeNoneChunk(this.#output.slab, at, request);
      return;
    }
    this.#simple(request, NBD_SUCCESS);
  }

  /** Failure; `message` tells people why. */
  failed(request: Readonly<RequestHeader>, error: number, message: string): void {
    if (!this.#structured) {
      this.#simple(request, error);
      return;
    }
    const text = encodeString(message);
    const at = this.#output.reserve(errorChunkBytes + text.length);
    writeErrorChunk(this.#output.slab, at, request, { error, message: text });
  }

  /** A successful READ. Pieces that are not as long as asked for would spoil the whole stream: that is an error. */
  data(request: Readonly<RequestHeader>, pieces: readonly Uint8Array[]): void {
    let lengthBytes = 0;
    for (const piece of pieces) lengthBytes += piece.length;
    if (lengthBytes !== request.lengthBytes) {
      const message = `the volume answered ${lengthBytes} bytes of ${request.lengthBytes}`;
      this.failed(request, NBD_EIO, message);
      return;
    }
    if (this.#structured) {
      const at = this.#output.reserve(dataChunkHeaderBytes);
      writeDataChunk(this.#output.slab, at, request);
    } else {
      this.#simple(request, NBD_SUCCESS);
    }
    for (const piece of pieces) if (piece.length > 0) this.#output.append(piece);
  }

  blockStatus(
    request: Readonly<RequestHeader>,
    contextId: number,
    descriptors: readonly BlockDescriptor[],
  ): void {
    const at = this.#output.reserve(blockStatusChunkBytes(descriptors.length));
    writeBlockStatusChunk(this.#output.slab, at, request, { contextId, descriptors });
  }

  #simple(request: Readonly<RequestHeader>, error: number): void {
    const at = this.#output.reserve(simpleReplyBytes);
    writeSimpleReply(this.#output.slab, at, request, error);
  }
}
