/**
 * Writes the header of a frame: the part of msgpack that frames need (whole numbers, texts, lists, maps, nil), into
 * memory that is used again for each header. Any msgpack reader understands the result.
 */
import { idLengthMax } from '../ids.ts';

/** More than the largest valid header needs. */
export const headerBytesMax = 4096;
/** The longest text of a header that is not an id. */
export const textLengthMax = 512;
/** The longest list within the detail of a reply; two of ids and a text fit a header. */
export const listLengthMax = 16;

const twoTo32 = 2 ** 32;
const textEncoder = new TextEncoder();

export class HeaderWriter {
  readonly #bytes = new Uint8Array(headerBytesMax);
  #length = 0;

  /** Begins a header: a list of `fields` values. */
  begin(fields: number): void {
    this.#length = 0;
    this.listStart(fields);
  }

  /** What was written since `begin`; valid until the next one. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /**
   * A whole number from 0 to 2 ** 53 - 1.
   *
   * @throws RangeError for any other: it would arrive as something else.
   */
  count(value: number): void {
    const bytes = this.#bytes;
    if (value >= 0 && value <= 0x7f && (value | 0) === value) bytes[this.#length++] = value;
    else if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${value} is not a whole number that a frame can carry`);
    else if (value <= 0xffff) {
      bytes[this.#length++] = 0xcd;
      this.#uint16(value);
    } else if (value < twoTo32) {
      bytes[this.#length++] = 0xce;
      this.#uint32(value);
    } else {
      bytes[this.#length++] = 0xcf;
      this.#uint32(Math.floor(value / twoTo32));
      this.#uint32(value % twoTo32);
    }
  }

  /**
   * An id or ''.
   *
   * @throws RangeError when it is longer than any id.
   */
  id(text: string): void {
    const { length } = text;
    if (length > idLengthMax) throw new RangeError(`not an id: ${text}`);
    const bytes = this.#bytes;
    let at = this.#length;
    if (length < 32) bytes[at++] = 0xa0 | length;
    else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let index = 0; index < length; index++) bytes[at++] = text.charCodeAt(index);
    this.#length = at;
  }

  listStart(length: number): void {
    if (length < 16) this.#bytes[this.#length++] = 0x90 | length;
    else {
      this.#bytes[this.#length++] = 0xdc;
      this.#uint16(length);
    }
  }

  nil(): void {
    this.#bytes[this.#length++] = 0xc0;
  }

  /** A plain value of a rare kind of header: a count, text, list or object of such. Long texts and lists are cut. */
  value(value: unknown): void {
    if (typeof value === 'number') this.count(value);
    else if (typeof value === 'string') this.#text(value);
    else if (Array.isArray(value)) {
      this.listStart(Math.min(value.length, listLengthMax));
      for (const item of value.slice(0, listLengthMax)) this.value(item);
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      this.#bytes[this.#length++] = 0x80 | entries.length;
      for (const [name, inner] of entries) {
        this.#text(name);
        this.value(inner);
      }
    } else this.nil();
  }

  #text(text: string): void {
    const encoded = textEncoder.encode(text.slice(0, textLengthMax));
    this.#bytes[this.#length++] = 0xda;
    this.#uint16(encoded.length);
    this.#bytes.set(encoded, this.#length);
    this.#length += encoded.length;
  }

  #uint16(value: number): void {
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value & 0xff;
  }

  #uint32(value: number): void {
    this.#uint16(Math.floor(value / 0x10000));
    this.#uint16(value % 0x10000);
  }
}
