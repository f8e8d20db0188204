/**
 * The bytes that a block has before a write changes a part of it: read, verified, and known to be still the block's
 * when they are used.
 */
import { Status } from '../../protocols/codes.ts';
import { blockBytes } from '../../protocols/units.ts';
import {
  isStoredAsNew,
  TagKind,
  tagKind,
  tagsPerPage,
  tagWordAt,
  type WriteTag,
  wordsPerTag,
} from './block-tags.ts';
import type { OpenDeviceParts } from './device-parts.ts';
import type { Ended, ReadOperation } from './read-operation.ts';

/**
 * - `ready`: `bytes` are the block's
 * - `not-needed`: the block will not be written, for it is as new as the write
 * - `unread`: `read` must be called
 * - `damaged`: what the block holds is not known
 */
export type OldBlockState = 'ready' | 'not-needed' | 'unread' | 'damaged';

export class OldBlock {
  readonly block: number;
  readonly bytes = new Uint8Array(blockBytes);
  readonly #parts: OpenDeviceParts;
  readonly #tag: WriteTag;
  /** The tag that `bytes` belong to; empty until they have been read. */
  #tagOfBytes: Uint32Array = new Uint32Array();

  constructor(parts: OpenDeviceParts, block: number, tag: WriteTag) {
    this.#parts = parts;
    this.block = block;
    this.#tag = tag;
  }

  /** As the tag of the block, which must be in the cache, says now. */
  state(): OldBlockState {
    const { words, at } = this.#stored();
    if (isStoredAsNew(words, at, this.#tag)) return 'not-needed';
    switch (tagKind(words, at, this.#tag.reference)) {
      case TagKind.damaged:
        return 'damaged';
      case TagKind.none:
      case TagKind.zero:
        this.bytes.fill(0);
        return 'ready';
      case TagKind.data:
        return this.#isUnchanged(words, at) ? 'ready' : 'unread';
    }
  }

  /** Reads the bytes. Another write may change the block meanwhile: `state` tells, once this has ended. */
  read(operation: ReadOperation, ended: Ended): void {
    const { words, at } = this.#stored();
    const before = words.slice(at, at + wordsPerTag);
    operation.start(
      {
        at: this.block * blockBytes,
        lengthBytes: blockBytes,
        reference: this.#tag.reference,
        into: this.bytes,
        checksums: null,
      },
      (status, what) => {
        if (status === Status.ok) this.#tagOfBytes = before;
        ended(status, what);
      },
    );
  }

  #isUnchanged(words: Uint32Array, at: number): boolean {
    const before = this.#tagOfBytes;
    return before.length > 0 && before.every((word, index) => words[at + index] === word);
  }

  #stored(): { words: Uint32Array; at: number } {
    const page = this.#parts.tags.cached(this.block);
    if (page === undefined)
      throw new RangeError(`the tag of block ${this.block} is not in the cache`);
    return { words: page.words, at: tagWordAt(this.block % tagsPerPage) };
  }
}
