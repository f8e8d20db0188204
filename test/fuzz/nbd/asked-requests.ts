/**
 * Reads what a client sent as the standard reads it, independently of the server: first options, then requests. What
 * does not keep to the standard ends it, as it must end the session.
 */

import * as nbd from '../../../protocols/nbd/constants.ts';
import { decodeClientFlags, decodeOptionHeader } from '../../../protocols/nbd/handshake.ts';
import {
  type Cookie,
  type RequestHeader,
  readRequest,
  requestHeaderBytes,
} from '../../../protocols/nbd/transmission.ts';
import { type Deed, deedOf } from './watched-volume.ts';

export interface AskedRequest extends RequestHeader {
  /** What the volume has to do for it; null when nothing, or when its payload is not whole. */
  readonly deed: Deed | null;
  /** All its bytes were sent. */
  readonly isWhole: boolean;
  answers: number;
  /** Another unanswered request had the same cookie: which of them an answer means is then a guess. */
  isAmbiguous: boolean;
}

export class ClientStream {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** True once something stood there that no standard knows. */
  isBroken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The client's flags; null when there are none, or wrong ones. */
  flags(): { readonly noZeroes: boolean } | null {
    if (this.#bytes.length < 4) return null;
    const flags = decodeClientFlags(this.#bytes, 0);
    this.#at = 4;
    this.isBroken = flags === null;
    return flags;
  }

  /** The next whole option. */
  option(): { readonly option: number; readonly data: Uint8Array } | null {
    if (this.isBroken || this.#bytes.length - this.#at < 16) return null;
    const header = decodeOptionHeader(this.#bytes, this.#at);
    if (header === null) {
      this.isBroken = true;
      return null;
    }
    const end = this.#at + 16 + header.lengthBytes;
    if (end > this.#bytes.length) return null;
    const data = this.#bytes.subarray(this.#at + 16, end);
    this.#at = end;
    return { option: header.option, data };
  }

  /** All requests from here on, up to a goodbye. */
  requests(): AskedRequest[] {
    const asked: AskedRequest[] = [];
    while (!this.isBroken && this.#bytes.length - this.#at >= requestHeaderBytes) {
      const header = newHeader();
      if (!readRequest(this.#bytes, this.#at, header)) {
        this.isBroken = true;
        break;
      }
      if (header.command === nbd.NBD_CMD_DISC) break;
      this.#at += requestHeaderBytes;
      const payloadBytes = header.command === nbd.NBD_CMD_WRITE ? header.lengthBytes : 0;
      const payload = this.#bytes.subarray(this.#at, this.#at + payloadBytes);
      this.#at += payload.length;
      const isWhole = payload.length === payloadBytes;
      const deed = isWhole ? deedFor(header, payload) : null;
      asked.push(Object.assign(header, { deed, isWhole, answers: 0, isAmbiguous: false }));
    }
    return asked;
  }
}

function newHeader(): RequestHeader {
  return { command: 0, flags: 0, cookieHigh: 0, cookieLow: 0, offset: 0, lengthBytes: 0 };
}

function deedFor(request: RequestHeader, payload: Uint8Array): Deed | null {
  const { command, offset, lengthBytes, flags } = request;
  const fua = (flags & nbd.NBD_CMD_FLAG_FUA) !== 0;
  if (command === nbd.NBD_CMD_FLUSH) return deedOf('flush', 0, 0);
  if (lengthBytes === 0) return null;
  switch (command) {
    case nbd.NBD_CMD_READ:
    case nbd.NBD_CMD_CACHE:
      return deedOf('read', offset, lengthBytes);
    case nbd.NBD_CMD_WRITE:
      return deedOf('write', offset, lengthBytes, fua, [payload]);
    case nbd.NBD_CMD_WRITE_ZEROES:
      return deedOf('writeZeroes', offset, lengthBytes, fua);
    case nbd.NBD_CMD_TRIM:
      return deedOf('trim', offset, lengthBytes, fua);
    case nbd.NBD_CMD_BLOCK_STATUS:
      return deedOf('allocation', offset, lengthBytes);
    default:
      return null;
  }
}

/** As a key. */
export function cookieOf({ cookieHigh, cookieLow }: Readonly<Cookie>): string {
  return `${cookieHigh}:${cookieLow}`;
}

/** Those that share a cookie, in the order in which they were sent. */
export function byCookieOf(asked: readonly AskedRequest[]): ReadonlyMap<string, AskedRequest[]> {
  const groups = new Map<string, AskedRequest[]>();
  for (const request of asked) {
    const cookie = cookieOf(request);
    const group = groups.get(cookie);
    if (group === undefined) groups.set(cookie, [request]);
    else group.push(request);
  }
  return groups;
}
