/**
 * Reads the header of a frame, as `header-writer` writes it, from bytes that may be anything: a value that is not what
 * was asked for makes the reader fail, and what it gives from then on means nothing. It never throws and allocates
 * nothing for ids that it has seen before.
 */
import { idLengthMax } from '../ids.ts';
import { listLengthMax, textLengthMax } from './header-writer.ts';

/** Ids are kept in as many places; which one is decided by a hash, the newer one stays. */
const knownIdsMax = 1024;
const twoTo32 = 2 ** 32;
const depthMax = 4;
const noIds: readonly string[] = [];
const noBytes = new Uint8Array(0);
const textDecoder = new TextDecoder('utf-8', { fatal: true });

const isIdByte = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++)
  isIdByte[byte] = /[A-Za-z0-9_-]/.test(String.fromCharCode(byte)) ? 1 : 0;

export class HeaderReader {
  #bytes: Uint8Array = noBytes;
  #at = 0;
  #end = 0;
  #failed = false;
  readonly #knownIds: string[] = new Array<string>(knownIdsMax).fill('');

  /** Begins with the header in `bytes` from `start` to `end`. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#failed = false;
  }

  /** True when everything read was what it should be, and nothing is left. Lets go of the bytes. */
  finish(): boolean {
    const good = !this.#failed && this.#at === this.#end;
    this.#bytes = noBytes;
    this.#at = 0;
    this.#end = 0;
    return good;
  }

  fail(): void {
    this.#failed = true;
  }

  /** A whole number from 0 to 2 ** 53 - 1. */
  count(): number {
    const first = this.#byte();
    if (first <= 0x7f) return first;
    switch (first) {
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf: {
        const high = this.#uint32();
        const value = high * twoTo32 + this.#uint32();
        if (high >= 0x200000) this.fail();
        return value;
      }
      default:
        this.fail();
        return 0;
    }
  }

  /** An id. */
  id(): string {
    const text = this.idOrNone();
    if (text === '') this.fail();
    return text;
  }

  /** An id or ''. */
  idOrNone(): string {
    const first = this.#byte();
    const length = (first & 0xe0) === 0xa0 ? first & 0x1f : first === 0xd9 ? this.#byte() : -1;
    if (length < 0 || length > idLengthMax || this.#at + length > this.#end) {
      this.fail();
      return '';
    }
    return length === 0 ? '' : this.#idOf(length);
  }

  /** A list of ids; the empty one is always the same. */
  ids(lengthMax: number): readonly string[] {
    const length = this.listLength();
    if (length === 0) return noIds;
    if (length > lengthMax) this.fail();
    const ids: string[] = [];
    for (let index = 0; index < length && !this.#failed; index++) ids.push(this.id());
    return ids;
  }

  listLength(): number {
    const first = this.#byte();
    if ((first & 0xf0) === 0x90) return first & 0x0f;
    if (first === 0xdc) return this.#uint16();
    this.fail();
    return 0;
  }

  /** A plain value: what `HeaderWriter.value` writes. Undefined when it is something else. */
  value(depth = 0): unknown {
    const first = this.#bytes[this.#at] ?? 0;
    if (this.#failed || depth > depthMax) this.fail();
    else if (first === 0xc0) {
      this.#at++;
      return null;
    } else if ((first & 0xe0) === 0xa0 || first === 0xd9 || first === 0xda) return this.#text();
    else if ((first & 0xf0) === 0x90 || first === 0xdc) return this.#list(depth);
    else if ((first & 0xf0) === 0x80 || first === 0xde) return this.#map(depth);
    else return this.count();
    return undefined;
  }

  #list(depth: number): unknown[] {
    const length = this.listLength();
    if (length > listLengthMax) this.fail();
    const list: unknown[] = [];
    for (let index = 0; index < length && !this.#failed; index++) list.push(this.value(depth + 1));
    return list;
  }

  #map(depth: number): Record<string, unknown> {
    const first = this.#byte();
    const length = first === 0xde ? this.#uint16() : first & 0x0f;
    if (length > listLengthMax) this.fail();
    const entries: [string, unknown][] = [];
    for (let index = 0; index < length && !this.#failed; index++) {
      const name = this.value(depthMax);
      if (typeof name !== 'string') this.fail();
      else entries.push([name, this.value(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  #text(): string {
    const first = this.#byte();
    let length = first & 0x1f;
    if (first === 0xd9) length = this.#byte();
    else if (first === 0xda) length = this.#uint16();
    const end = this.#at + length;
    if (end > this.#end || length > 3 * textLengthMax) this.fail();
    if (this.#failed) return '';
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    try {
      return textDecoder.decode(bytes);
    } catch {
      this.fail();
      return '';
    }
  }

  #idOf(length: number): string {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = start + length;
    this.#at = end;
    let hash = length;
    for (let index = start; index < end; index++) hash = (hash * 31 + (bytes[index] ?? 0)) | 0;
    const place = (hash >>> 0) % knownIdsMax;
    const known = this.#knownIds[place] ?? '';
    if (known.length === length && this.#equals(known, start)) return known;
    let text = '';
    for (let index = start; index < end; index++) {
      const byte = bytes[index] ?? 0;
      if (isIdByte[byte] === 0) this.fail();
      text += String.fromCharCode(byte);
    }
    if (!this.#failed) this.#knownIds[place] = text;
    return text;
  }

  #equals(text: string, start: number): boolean {
    for (let index = 0; index < text.length; index++)
      if (text.charCodeAt(index) !== this.#bytes[start + index]) return false;
    return true;
  }

  #byte(): number {
    if (this.#at >= this.#end) {
      this.fail();
      return 0;
    }
    return this.#bytes[this.#at++] ?? 0;
  }

  #uint16(): number {
    return this.#byte() * 0x100 + this.#byte();
  }

  #uint32(): number {
    return this.#uint16() * 0x10000 + this.#uint16();
  }
}
