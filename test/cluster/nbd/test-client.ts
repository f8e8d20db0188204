/**
 * A small NBD client for tests: over a socket, or over any transport that takes and gives bytes. Answers come as
 * promises; what is unanswered when the connection ends is rejected with `ConnectionLost`, for it may have been done
 * or not. It keeps to the standard unless told to send raw bytes.
 */
import { connect, type Socket } from 'node:net';
import type { ListenAt } from '../../../cluster/nbd/server.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import {
  clientFlagsBytes,
  decodeGreeting,
  decodeOptionReplyHeader,
  encodeOption,
  greetingBytes,
  type OptionReply,
  optionReplyHeaderBytes,
} from '../../../protocols/nbd/handshake.ts';
import {
  decodeInfo,
  type ExportInformation,
  encodeInfoRequest,
  encodeMetaContextRequest,
} from '../../../protocols/nbd/options.ts';
import {
  type BlockDescriptor,
  requestHeaderBytes,
  writeRequest,
} from '../../../protocols/nbd/transmission.ts';
import { ReplyReader } from './reply-reader.ts';

/** The connection ended before the answer came: whether the request was executed is unknown. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** How a request ended. */
export interface Answer {
  /** NBD_SUCCESS or NBD_E… */
  readonly error: number;
  /** A READ's bytes. */
  readonly data: Uint8Array;
  /** A BLOCK_STATUS's descriptors. */
  readonly descriptors: readonly BlockDescriptor[];
  /** What the server says about an error, if it says anything. */
  readonly message: string;
}

/** Where a client's bytes go. */
export interface ClientTransport {
  send(bytes: Uint8Array): void;
  close(): void;
  /** Whether bytes from the server are taken; where it is missing they always are. */
  take?(taking: boolean): void;
  /** Bytes that were sent and not taken by the other side; where it is missing there are none. */
  unsentBytes?(): number;
}

export interface GoOptions {
  readonly structured?: boolean;
  readonly allocation?: boolean;
  readonly blockSizes?: boolean;
}

export interface ClientRequest {
  readonly command: number;
  readonly offset?: number;
  readonly lengthBytes?: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: ConnectionLost) => void;
}

const noBytes = new Uint8Array(0);

export class TestClient {
  readonly #transport: ClientTransport;
  readonly #reader = new ReplyReader();
  readonly #waiting = new Map<number, Waiting>();
  /** Handshake: who waits for how many bytes. */
  #wanted: {
    lengthBytes: number;
    resolve: (bytes: Uint8Array) => void;
    reject: (error: Error) => void;
  } | null = null;
  #transmitting = false;
  #nextCookie = 1;
  #lost = false;
  #onLost: (() => void)[] = [];

  constructor(transport: ClientTransport) {
    this.#transport = transport;
  }

  /** A client with a socket of its own, before the greeting. */
  static connect(at: ListenAt): Promise<TestClient> {
    return new Promise((resolve, reject) => {
      const socket: Socket = connect(
        'path' in at ? at : { host: '127.0.0.1', ...at, noDelay: true },
      );
      const client = new TestClient({
        send: (bytes) => void socket.write(bytes),
        close: () => void socket.destroy(),
        unsentBytes: () => socket.writableLength,
        take: (taking) => void (taking ? socket.resume() : socket.pause()),
      });
      socket.once('connect', () => resolve(client));
      socket.on('data', (chunk) => client.received(chunk));
      socket.on('error', reject);
      socket.on('close', () => client.lost());
    });
  }

  /** Requests that were sent and not answered. */
  get unanswered(): number {
    return this.#waiting.size;
  }

  /** Bytes that the server has not taken. */
  get unsentBytes(): number {
    return this.#transport.unsentBytes?.() ?? 0;
  }

  get isLost(): boolean {
    return this.#lost;
  }

  /** To be called by the transport: bytes from the server. */
  received(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    if (this.#transmitting) this.#readReplies();
    else this.#feedHandshake();
  }

  /** To be called by the transport: the connection has ended. */
  lost(): void {
    if (this.#lost) return;
    this.#lost = true;
    const error = new ConnectionLost('the NBD connection ended');
    this.#wanted?.reject(error);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    for (const run of this.#onLost) run();
  }

  /** Settles when the connection has ended. */
  whenLost(): Promise<void> {
    return this.#lost ? Promise.resolve() : new Promise((resolve) => this.#onLost.push(resolve));
  }

  sendRaw(bytes: Uint8Array): void {
    this.#transport.send(bytes);
  }

  close(): void {
    this.#transport.close();
  }

  /** Takes no more bytes from the server until `resume`. */
  pause(): void {
    this.#transport.take?.(false);
  }

  resume(): void {
    this.#transport.take?.(true);
  }

  /** Reads the greeting and answers it. */
  async greet(
    clientFlags = nbd.NBD_FLAG_C_FIXED_NEWSTYLE | nbd.NBD_FLAG_C_NO_ZEROES,
  ): Promise<number> {
    const flags = decodeGreeting(await this.takeBytes(greetingBytes));
    if (flags === null) throw new Error('the server does not speak newstyle NBD');
    const bytes = new Uint8Array(clientFlagsBytes);
    bytes[clientFlagsBytes - 1] = clientFlags;
    this.sendRaw(bytes);
    return flags;
  }

  /** Sends an option; all its replies, of which the last is NBD_REP_ACK or an error. */
  async option(option: number, data: Uint8Array = noBytes): Promise<OptionReply[]> {
    this.sendRaw(encodeOption(option, data));
    const replies: OptionReply[] = [];
    for (;;) {
      const header = decodeOptionReplyHeader(await this.takeBytes(optionReplyHeaderBytes), 0);
      if (header === null || header.option !== option) throw new Error('not a reply to the option');
      replies.push({ option, type: header.type, data: await this.takeBytes(header.lengthBytes) });
      if (header.type === nbd.NBD_REP_ACK || header.type >= nbd.NBD_REP_ERR_UNSUP) return replies;
    }
  }

  /** The whole handshake up to transmission; throws when the server refuses. */
  async go(exportName: string, options: GoOptions = {}): Promise<ExportInformation> {
    await this.greet();
    if (options.structured === true || options.allocation === true) {
      await this.option(nbd.NBD_OPT_STRUCTURED_REPLY);
    }
    if (options.allocation === true) {
      const queries = [nbd.NBD_META_CONTEXT_BASE_ALLOCATION];
      const request = encodeMetaContextRequest({ exportName, queries });
      await this.option(nbd.NBD_OPT_SET_META_CONTEXT, request);
    }
    const information = options.blockSizes === true ? [nbd.NBD_INFO_BLOCK_SIZE] : [];
    const replies = await this.option(
      nbd.NBD_OPT_GO,
      encodeInfoRequest({ exportName, information }),
    );
    const known: ExportInformation = {};
    for (const reply of replies) if (reply.type === nbd.NBD_REP_INFO) decodeInfo(reply.data, known);
    const last = replies.at(-1);
    if (last?.type !== nbd.NBD_REP_ACK) throw new Error(new TextDecoder().decode(last?.data));
    this.beginTransmission();
    return known;
  }

  /** What comes from now on are replies to requests. */
  beginTransmission(): void {
    this.#transmitting = true;
    this.#readReplies();
  }

  read(offset: number, lengthBytes: number, flags = 0): Promise<Answer> {
    return this.request({ command: nbd.NBD_CMD_READ, offset, lengthBytes, flags });
  }

  write(offset: number, payload: Uint8Array, flags = 0): Promise<Answer> {
    return this.request({ command: nbd.NBD_CMD_WRITE, offset, payload, flags });
  }

  flush(): Promise<Answer> {
    return this.request({ command: nbd.NBD_CMD_FLUSH });
  }

  /** Says goodbye; the server closes the connection when it has finished. */
  disconnect(): void {
    this.sendRaw(encodeRequest({ command: nbd.NBD_CMD_DISC }, 0));
  }

  request(request: ClientRequest): Promise<Answer> {
    if (this.#lost) return Promise.reject(new ConnectionLost('the NBD connection ended'));
    const cookie = this.#nextCookie++;
    this.#reader.expect(
      cookie,
      request.command === nbd.NBD_CMD_READ ? (request.lengthBytes ?? 0) : 0,
      request.offset ?? 0,
    );
    return new Promise((resolve, reject) => {
      this.#waiting.set(cookie, { resolve, reject });
      this.sendRaw(encodeRequest(request, cookie));
      if (request.payload !== undefined) this.sendRaw(request.payload);
    });
  }

  /** The next bytes of the handshake. */
  takeBytes(lengthBytes: number): Promise<Uint8Array> {
    if (this.#lost) return Promise.reject(new ConnectionLost('the NBD connection ended'));
    return new Promise((resolve, reject) => {
      this.#wanted = { lengthBytes, resolve, reject };
      this.#feedHandshake();
    });
  }

  #feedHandshake(): void {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const bytes = this.#reader.take(wanted.lengthBytes);
    if (bytes === null) return;
    this.#wanted = null;
    wanted.resolve(bytes);
  }

  #readReplies(): void {
    for (;;) {
      const ended = this.#reader.next();
      if (ended === null) return;
      const waiting = this.#waiting.get(ended.cookie);
      if (waiting === undefined) throw new Error(`a reply to nothing: cookie ${ended.cookie}`);
      this.#waiting.delete(ended.cookie);
      waiting.resolve(ended);
    }
  }
}

/** A request as bytes, without its payload; `lengthBytes` is the payload's if none is given. */
export function encodeRequest(request: ClientRequest, cookie: number): Uint8Array {
  const bytes = new Uint8Array(requestHeaderBytes);
  writeRequest(bytes, 0, {
    command: request.command,
    flags: request.flags ?? 0,
    cookieHigh: 0,
    cookieLow: cookie,
    offset: request.offset ?? 0,
    lengthBytes: request.lengthBytes ?? request.payload?.length ?? 0,
  });
  return bytes;
}
