/**
 * A disk as a coordinator sees it: blocks with bytes and tags, an older or equal tag never written over, answers to
 * everything that a switch asks. Keeps no fences; what it should answer instead can be set.
 */
import { checksumOf } from '../../../protocols/checksums.ts';
import { assertNever, Operation, Status } from '../../../protocols/codes.ts';
import { encodeStretches } from '../../../protocols/frames/allocation.ts';
import { blockBitsBytes, setBlockBit } from '../../../protocols/frames/block-bits.ts';
import { encodeReply, type FrameData, isDataIntact } from '../../../protocols/frames/frame.ts';
import { type Outcome, plainError, type Reply, success } from '../../../protocols/frames/reply.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import {
  digestBytes,
  digestChunkBytes,
  digestCount,
  tagRecordsBytes,
  writeDigest,
  writeLostRecord,
  writeTagRecord,
} from '../../../protocols/frames/tag-records.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { blockBytes, type DiskInstance, unitOf } from '../../../protocols/units.ts';

interface StoredBlock {
  readonly bytes: Uint8Array;
  readonly epoch: number;
  readonly writeNumber: number;
  /** What the tag says of the bytes; not their checksum when the block is to look damaged. */
  readonly checksum: number;
}

const zeroBlock = new Uint8Array(blockBytes);

export class FakeDisk {
  readonly id: DiskId;
  instance = unitOf<DiskInstance>(1);
  /** What it answers instead of carrying out requests; null: nothing special. */
  outcome: ((request: Request) => Outcome | null) | null = null;
  /** Blocks that cannot be read, nor merged with; written whole they are good again. */
  readonly bad = new Set<number>();
  /** Blocks whose tags are damaged, and which are therefore bad until they are written whole. */
  readonly lost = new Set<number>();
  /** Blocks that hosts have marked. */
  readonly marked = new Set<number>();
  /** Every request that it carried out or refused. */
  readonly requests: Request[] = [];
  readonly #blocks = new Map<number, StoredBlock>();

  constructor(id: DiskId) {
    this.id = id;
  }

  /** Puts a block there as if it had been written with that tag. */
  put(block: number, bytes: Uint8Array, tag: { epoch: number; writeNumber: number }): void {
    this.#blocks.set(block, { bytes, ...tag, checksum: checksumOf(bytes) });
  }

  /** The bytes of a block. */
  bytesOf(block: number): Uint8Array {
    return this.#blocks.get(block)?.bytes ?? zeroBlock;
  }

  tagOf(block: number): readonly [epoch: number, writeNumber: number] {
    const stored = this.#blocks.get(block);
    return [stored?.epoch ?? 0, stored?.writeNumber ?? 0];
  }

  /** Carries out a request; gives the reply frame. */
  answer(request: Request, data: FrameData): Uint8Array {
    this.requests.push(request);
    const outcome = this.outcome?.(request) ?? null;
    if (outcome !== null) return this.#reply(request, outcome);
    const first = request.diskOffset / blockBytes;
    if (!isDataIntact(data, request.offset)) return this.#reply(request, damaged);
    if (this.#meetsBadBlock(request)) return this.#reply(request, mediaError);
    switch (request.operation) {
      case Operation.read: {
        const bytes = this.#read(request.diskOffset, request.lengthBytes);
        return this.#reply(request, success, bytes);
      }
      case Operation.write:
        this.#write(request, data.bytes);
        return this.#reply(request, success);
      case Operation.trim:
        if (request.lengthBytes < blockBytes) return this.#reply(request, success);
        this.#write(request, new Uint8Array(request.lengthBytes));
        return this.#reply(request, success);
      case Operation.writeZeroes:
        this.#write(request, new Uint8Array(request.lengthBytes));
        return this.#reply(request, success);
      case Operation.tags:
        return this.#reply(request, success, this.#records(first, request.lengthBytes));
      case Operation.tagDigest:
        return this.#reply(request, success, this.#digests(first, request.lengthBytes));
      case Operation.verify:
        return this.#reply(request, success, this.#verified(first, request.lengthBytes));
      case Operation.mark:
      case Operation.unmark:
        this.#mark(first, request);
        return this.#reply(request, success);
      case Operation.marks:
        return this.#reply(request, success, this.#marks(first, request.lengthBytes));
      case Operation.allocation: {
        const stretch = { lengthBytes: request.lengthBytes, allocated: this.#blocks.has(first) };
        return this.#reply(request, success, encodeStretches([stretch]));
      }
      case Operation.flush:
      case Operation.probe:
        return this.#reply(request, success);
      case Operation.repair:
        return this.#reply(request, plainError(Status.invalid, 'coordinators repair'));
      default:
        return assertNever(request.operation, 'operation');
    }
  }

  #verified(first: number, lengthBytes: number): Uint8Array {
    const verified = new Uint8Array(blockBitsBytes(lengthBytes));
    for (let index = 0; index < lengthBytes / blockBytes; index++)
      if (this.bad.has(first + index) || this.lost.has(first + index)) setBlockBit(verified, index);
    return verified;
  }

  #mark(first: number, { operation, lengthBytes }: Request): void {
    for (let block = first; block < first + lengthBytes / blockBytes; block++)
      if (operation === Operation.mark) this.marked.add(block);
      else this.marked.delete(block);
  }

  #marks(first: number, lengthBytes: number): Uint8Array {
    const bits = new Uint8Array(blockBitsBytes(lengthBytes));
    for (let index = 0; index < lengthBytes / blockBytes; index++)
      if (this.marked.has(first + index)) setBlockBit(bits, index);
    return bits;
  }

  #meetsBadBlock({ operation, diskOffset, lengthBytes }: Request): boolean {
    const isRead = operation === Operation.read;
    if (!isRead && operation !== Operation.write && operation !== Operation.writeZeroes)
      return false;
    const end = diskOffset + lengthBytes;
    return [...this.bad, ...this.lost].some((block) => {
      const [from, to] = [block * blockBytes, (block + 1) * blockBytes];
      const isTouched = from < end && diskOffset < to;
      const isCovered = diskOffset <= from && to <= end;
      if (!isRead && isCovered) for (const blocks of [this.bad, this.lost]) blocks.delete(block);
      return isTouched && (isRead || !isCovered);
    });
  }

  #read(offset: number, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(lengthBytes);
    for (let at = 0; at < lengthBytes; at++) {
      const place = offset + at;
      bytes[at] = this.bytesOf(Math.floor(place / blockBytes))[place % blockBytes] ?? 0;
    }
    return bytes;
  }

  #write(request: Request, bytes: Uint8Array): void {
    const { diskOffset, partitionEpoch: epoch, writeNumber } = request;
    const end = diskOffset + bytes.length;
    for (let block = Math.floor(diskOffset / blockBytes); block * blockBytes < end; block++) {
      const [storedEpoch, storedNumber] = this.tagOf(block);
      if (storedEpoch > epoch || (storedEpoch === epoch && storedNumber >= writeNumber)) continue;
      const merged = this.bytesOf(block).slice();
      const from = Math.max(diskOffset, block * blockBytes);
      const to = Math.min(end, (block + 1) * blockBytes);
      merged.set(bytes.subarray(from - diskOffset, to - diskOffset), from % blockBytes);
      this.put(block, merged, { epoch, writeNumber });
    }
  }

  #records(first: number, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(tagRecordsBytes(lengthBytes));
    const view = new DataView(bytes.buffer);
    for (let index = 0; index * blockBytes < lengthBytes; index++) {
      const stored = this.#blocks.get(first + index);
      if (this.lost.has(first + index)) writeLostRecord(view, index);
      else if (stored !== undefined) writeTagRecord(view, index, stored);
    }
    return bytes;
  }

  #digests(first: number, lengthBytes: number): Uint8Array {
    const count = digestCount(lengthBytes);
    const digests = new DataView(new ArrayBuffer(count * digestBytes));
    const perChunk = tagRecordsBytes(digestChunkBytes);
    const records = this.#records(first, lengthBytes);
    for (let chunk = 0; chunk < count; chunk++)
      writeDigest(digests, chunk, records.subarray(chunk * perChunk, (chunk + 1) * perChunk));
    return new Uint8Array(digests.buffer);
  }

  #reply(request: Request, outcome: Outcome, data?: Uint8Array): Uint8Array {
    const reply: Reply = {
      operation: request.operation,
      outcome,
      volume: request.volume,
      offset: request.offset,
      lengthBytes: request.lengthBytes,
      host: request.host,
      hostIncarnation: request.hostIncarnation,
      ioNumber: request.ioNumber,
      attempt: request.attempt,
      generation: request.generation,
      partitionEpoch: request.partitionEpoch,
      eventCount: request.eventCount,
      disk: this.id,
      diskInstance: this.instance,
      writeNumber: request.writeNumber,
    };
    return encodeReply(reply, data === undefined ? [] : [data]);
  }
}

const damaged = plainError(Status.invalid, 'the bytes that arrived do not match their checksums');
/** A disk's answer that its medium failed. */
export const mediaError: Outcome = plainError(Status.media, 'the medium failed');
