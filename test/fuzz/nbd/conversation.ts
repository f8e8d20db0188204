/**
 * Judges a whole conversation: what the server said, beside what the client sent. Every reply must be one that the
 * standard allows there, and answer something that was asked and had no answer.
 */
import { readUint16, readUint32, readUint64 } from '../../../protocols/nbd/big-endian.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import {
  decodeGreeting,
  decodeOptionReplyHeader,
  exportNameReplyBytes,
  exportNameZeroesBytes,
  greetingBytes,
  optionReplyHeaderBytes,
} from '../../../protocols/nbd/handshake.ts';
import {
  chunkHeaderBytes,
  decodeReplyHeader,
  type ReplyHeader,
  simpleReplyBytes,
} from '../../../protocols/nbd/transmission.ts';
import { type AskedRequest, byCookieOf, ClientStream, cookieOf } from './asked-requests.ts';
import { commandName, errorName, optionName, optionReplyName } from './names.ts';
import { type Deed, readResult } from './watched-volume.ts';

/** What was said, in the end. */
export interface Conversation {
  /** The phase in which it ended. */
  readonly phase: 'negotiation' | 'transmission';
  /** Options that were answered. */
  readonly options: number;
  /** Requests of the transmission phase, each with the number of its answers. */
  readonly asked: readonly AskedRequest[];
  /** The client broke the standard where the server can see it. */
  readonly isBroken: boolean;
  /** Requests that were answered with success. */
  readonly succeeded: readonly AskedRequest[];
}

/** Counts what was met, under names that people read. */
export type Count = (what: string) => void;

export class WrongReply extends Error {
  override readonly name: string = 'WrongReply';
}

/** The server's bytes end in the middle of a reply: so they may where a socket was cut. */
export class CutReply extends WrongReply {
  override readonly name = 'CutReply';
}

export interface Said {
  readonly clientBytes: Uint8Array;
  readonly serverBytes: Uint8Array;
  /** What the volume did; null when that is not known. */
  readonly done: Done | null;
}

export interface Done {
  /** What succeeded. */
  readonly successes: ReadonlySet<Deed>;
  /** What its reads gave. */
  readonly readResults: ReadonlySet<string>;
}

/** @throws WrongReply when the server said what it must not say */
export function judgeConversation(said: Said, count: Count): Conversation {
  return new Judge(said, count).judge();
}

class Judge {
  readonly #client: ClientStream;
  readonly #server: Uint8Array;
  readonly #done: Done | null;
  readonly #count: Count;
  readonly #succeeded: AskedRequest[] = [];
  /** By cookie: errors that may belong to any of several requests. */
  readonly #openErrors = new Map<string, number>();
  #at = greetingBytes;
  #structured = false;

  constructor({ clientBytes, serverBytes, done }: Said, count: Count) {
    this.#client = new ClientStream(clientBytes);
    this.#server = serverBytes;
    this.#done = done;
    this.#count = count;
  }

  judge(): Conversation {
    if (this.#server.length < greetingBytes) cut();
    if (decodeGreeting(this.#server) === null) wrong('no greeting');
    const flags = this.#client.flags();
    let isTransmitting = false;
    let options = 0;
    while (flags !== null && !isTransmitting) {
      const asked = this.#client.option();
      if (asked === null || this.#at === this.#server.length) break;
      options++;
      isTransmitting =
        asked.option === nbd.NBD_OPT_EXPORT_NAME
          ? this.#exportName(flags.noZeroes)
          : this.#optionReplies(asked.option);
    }
    const asked = isTransmitting ? this.#client.requests() : [];
    const byCookie = byCookieOf(asked);
    while (this.#at < this.#server.length) {
      if (!isTransmitting) wrong(`${this.#server.length - this.#at} bytes that nobody asked for`);
      this.#reply(byCookie);
    }
    this.#spreadErrors(byCookie);
    return {
      phase: isTransmitting ? 'transmission' : 'negotiation',
      options,
      asked,
      isBroken: this.#client.isBroken,
      succeeded: this.#succeeded,
    };
  }

  #exportName(noZeroes: boolean): boolean {
    this.#count(optionName(nbd.NBD_OPT_EXPORT_NAME));
    const zeroesBytes = noZeroes ? 0 : exportNameZeroesBytes;
    const zeroes = this.#take(exportNameReplyBytes + zeroesBytes).subarray(exportNameReplyBytes);
    if (zeroes.some((byte) => byte !== 0)) wrong('reserved bytes that are not zero');
    return true;
  }

  /** @returns true when transmission begins */
  #optionReplies(option: number): boolean {
    for (;;) {
      const header = decodeOptionReplyHeader(this.#take(optionReplyHeaderBytes), 0);
      if (header === null) wrong('no reply to an option');
      if (header.option !== option) wrong(`a reply to option ${header.option} after ${option}`);
      this.#take(header.lengthBytes);
      this.#count(`${optionName(option)} ${optionReplyName(header.type)}`);
      if (header.type >= nbd.NBD_REP_ERR_UNSUP) return false;
      if (header.type !== nbd.NBD_REP_ACK) continue;
      if (option === nbd.NBD_OPT_STRUCTURED_REPLY) this.#structured = true;
      return option === nbd.NBD_OPT_GO;
    }
  }

  #reply(byCookie: ReadonlyMap<string, readonly AskedRequest[]>): void {
    const header = decodeReplyHeader(this.#server, this.#at);
    if (header === 'more') cut();
    if (header === null) wrong('no reply');
    const cookie = cookieOf(header);
    const candidates = (byCookie.get(cookie) ?? []).filter(({ answers }) => answers === 0);
    const openErrors = this.#openErrors.get(cookie) ?? 0;
    if (candidates.length <= openErrors) wrong(`an answer to nothing: cookie ${cookie}`);
    if (candidates.length > 1) {
      for (const candidate of candidates) candidate.isAmbiguous = true;
      candidates.sort((one, other) => this.#likelihood(other) - this.#likelihood(one));
      if (this.#takeError(header)) {
        this.#openErrors.set(cookie, openErrors + 1);
        return;
      }
    }
    if (header.kind === 'simple') this.#simple(candidates, header.error);
    else this.#chunk(candidates, header);
  }

  /** Takes an error from the stream, whichever request it belongs to; false when this is none. */
  #takeError(header: ReplyHeader): boolean {
    const isSimple = header.kind === 'simple';
    if (isSimple ? header.error === 0 : header.type !== nbd.NBD_REPLY_TYPE_ERROR) return false;
    this.#take(isSimple ? simpleReplyBytes : chunkHeaderBytes + header.lengthBytes);
    return true;
  }

  /** Requests that share a cookie: the errors that came for it belong to those that nothing else answered. */
  #spreadErrors(byCookie: ReadonlyMap<string, readonly AskedRequest[]>): void {
    for (const [cookie, errors] of this.#openErrors) {
      const failed = (byCookie.get(cookie) ?? []).filter(({ answers }) => answers === 0);
      for (const request of failed.slice(0, errors)) request.answers++;
    }
  }

  /** Of requests that share a cookie: what the volume did is answered by success, else what needs no work. */
  #likelihood({ deed }: AskedRequest): number {
    if (deed === null) return 1;
    return this.#done?.successes.has(deed) === true ? 2 : 0;
  }

  #chunk(candidates: readonly AskedRequest[], header: ReplyHeader & { kind: 'structured' }): void {
    if (!this.#structured) wrong('a structured reply that was not negotiated');
    if (!header.done) wrong('a chunk that is not the last one');
    const { type, lengthBytes } = header;
    const payload = this.#take(chunkHeaderBytes + lengthBytes).subarray(chunkHeaderBytes);
    const request = candidates.find((each) => this.#fits(each, type, payload));
    if (request === undefined) wrong(`a chunk of type ${type} that fits no request`);
    const isError = type === nbd.NBD_REPLY_TYPE_ERROR;
    this.#answered(request, isError ? readUint32(payload, 0) : nbd.NBD_SUCCESS);
  }

  #simple(candidates: readonly AskedRequest[], error: number): void {
    if (this.#structured && error !== nbd.NBD_SUCCESS) wrong('an error in a simple reply');
    const isFitting = (request: AskedRequest): boolean => {
      const dataBytes = this.#dataBytes(request, error);
      const end = this.#at + simpleReplyBytes + dataBytes;
      if (this.#structured && request.command === nbd.NBD_CMD_READ) return false;
      if (request.command === nbd.NBD_CMD_BLOCK_STATUS && error === 0) return false;
      if (!this.#mayEndAt(end)) return false;
      return dataBytes === 0 || this.#isRead(request, this.#server.subarray(end - dataBytes, end));
    };
    const request = candidates.find(isFitting);
    const dataBytesMax = Math.max(...candidates.map((each) => this.#dataBytes(each, error)));
    const isCut = this.#at + simpleReplyBytes + dataBytesMax > this.#server.length;
    if (request === undefined && isCut) cut();
    if (request === undefined) wrong(`a simple reply (${errorName(error)}) that fits no request`);
    this.#take(simpleReplyBytes + this.#dataBytes(request, error));
    this.#answered(request, error);
  }

  /** A reply is followed by another one or by nothing; or by a piece of one, but only where a socket was cut. */
  #mayEndAt(end: number): boolean {
    if (end >= this.#server.length) return end === this.#server.length;
    const next = decodeReplyHeader(this.#server, end);
    return next === 'more' ? this.#done === null : next !== null;
  }

  #dataBytes({ command, lengthBytes }: AskedRequest, error: number): number {
    return command === nbd.NBD_CMD_READ && error === nbd.NBD_SUCCESS ? lengthBytes : 0;
  }

  /** Whether a structured chunk may answer the request. */
  #fits(request: AskedRequest, type: number, payload: Uint8Array): boolean {
    const { command, offset, lengthBytes } = request;
    switch (type) {
      case nbd.NBD_REPLY_TYPE_ERROR:
        return payload.length === 6 + readUint16(payload, 4) && readUint32(payload, 0) !== 0;
      case nbd.NBD_REPLY_TYPE_NONE:
        return command === nbd.NBD_CMD_READ && lengthBytes === 0;
      case nbd.NBD_REPLY_TYPE_OFFSET_DATA:
        return (
          command === nbd.NBD_CMD_READ &&
          readUint64(payload, 0) === offset &&
          payload.length === 8 + lengthBytes &&
          this.#isRead(request, payload.subarray(8))
        );
      case nbd.NBD_REPLY_TYPE_BLOCK_STATUS:
        return (
          command === nbd.NBD_CMD_BLOCK_STATUS &&
          (request.isAmbiguous || areDescriptors(request, payload))
        );
      default:
        return false;
    }
  }

  #isRead({ offset }: AskedRequest, data: Uint8Array): boolean {
    return this.#done === null || this.#done.readResults.has(readResult(offset, data));
  }

  #answered(request: AskedRequest, error: number): void {
    request.answers++;
    if (error === nbd.NBD_SUCCESS) this.#succeeded.push(request);
    this.#count(`${commandName(request.command)} ${errorName(error)}`);
  }

  #take(lengthBytes: number): Uint8Array {
    const taken = this.#server.subarray(this.#at, this.#at + lengthBytes);
    if (taken.length < lengthBytes) cut();
    this.#at += lengthBytes;
    return taken;
  }
}

function areDescriptors({ flags, lengthBytes }: AskedRequest, payload: Uint8Array): boolean {
  const count = (payload.length - 4) / 8;
  if (!Number.isInteger(count) || count < 1) return false;
  if ((flags & nbd.NBD_CMD_FLAG_REQ_ONE) !== 0 && count > 1) return false;
  let coveredBytes = 0;
  for (let at = 4; at < payload.length; at += 8) {
    const stretchBytes = readUint32(payload, at);
    if (stretchBytes === 0) return false;
    coveredBytes += stretchBytes;
  }
  return coveredBytes <= lengthBytes;
}

function wrong(what: string): never {
  throw new WrongReply(what);
}

function cut(): never {
  throw new CutReply('a reply that is not whole');
}
