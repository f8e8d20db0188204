/**
 * Reads of a switch that has a cache (DESIGN S2, I9): what may be answered from it, what is sent on so that the answer
 * comes by here and is kept, and what makes kept blocks worthless. Only reads for which any switch will do come here:
 * those of volumes that one host has for itself.
 */
import { checksumOf } from '../../protocols/checksums.ts';
import { Status } from '../../protocols/codes.ts';
import type { CachedQuery, Kept } from '../../protocols/explanation.ts';
import { type FrameData, isDataIntact } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import type { SwitchId, VolumeId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { Answers } from './answers.ts';
import { Fills } from './fills.ts';
import { ReadCache } from './read-cache.ts';
import { ReadLeases } from './read-leases.ts';

export interface CachedReadsParts {
  readonly self: SwitchId;
  readonly clock: Clock;
  readonly answers: Answers;
  /** Slots of answers that come by here begin with this one. */
  readonly slotBase: number;
}

/** I/Os of one attachment from here on may use the cache. */
interface Floor {
  readonly attachEpoch: number;
  readonly firstIo: number;
}

export class CachedReads {
  readonly counters = {
    hits: 0,
    misses: 0,
    /** Reads of what is here that went to a disk all the same: none had answered their attachment of late. */
    unproven: 0,
    /** Reads that were not to be answered from here, nor to be kept. */
    bypasses: 0,
    /** Blocks that were kept. */
    filledBlocks: 0,
    /** Answers that came too late to be kept: something of them was written or invalidated meanwhile. */
    discardedFills: 0,
    /** Answers to nothing that waits. */
    strayFills: 0,
    /** Commands that told to forget a volume's blocks. */
    invalidations: 0,
    invalidatedBlocks: 0,
  };
  readonly cache: ReadCache;
  readonly #parts: CachedReadsParts;
  readonly #fills = new Fills();
  readonly #leases = new ReadLeases();
  readonly #floors = new Map<VolumeId, Floor>();
  // Used by every hit.
  readonly #places: number[] = [];
  readonly #pieces: Uint8Array[] = [];
  #checksums = new DataView(new ArrayBuffer(0));

  constructor(bytesMax: number, parts: CachedReadsParts) {
    this.cache = new ReadCache(bytesMax);
    this.#parts = parts;
  }

  /** Answers a read if all of it is here, read by the same version of the volume, and its attachment is known to last. */
  answer(request: Request): boolean {
    const { volume, offset, lengthBytes } = request;
    const firstBlock = Math.floor(offset / blockBytes);
    const endBlock = Math.ceil((offset + lengthBytes) / blockBytes);
    if (!this.#mayUse(request)) {
      this.counters.bypasses++;
      // Who reads around the cache may have got from it what it cannot believe.
      this.cache.remove(volume, firstBlock, endBlock);
      return false;
    }
    const places = this.#places;
    places.length = 0;
    for (let block = firstBlock; block < endBlock; block++) {
      const place = this.cache.find(volume, block, request);
      if (place < 0) {
        this.counters.misses++;
        return false;
      }
      places.push(place);
    }
    if (!this.#leases.holds(volume, request.attachEpoch, this.#parts.clock.now())) {
      this.counters.unproven++;
      return false;
    }
    this.counters.hits++;
    this.#answerFrom(places, request);
    return true;
  }

  /** Lets the answer to a read that is about to be sent on come by here. */
  follow(request: Request): void {
    if (!this.#mayUse(request)) return;
    const { self, clock, slotBase } = this.#parts;
    const fill = this.#fills.begin(request, clock.now());
    if (fill === null) return;
    request.replyKind = 'switch';
    request.replyId = self;
    request.replySlot = slotBase + fill.index;
  }

  /** An answer came by: it goes on to who waits for it as it came, and its blocks are kept if they still may be. */
  answered(index: number, bytes: Uint8Array, reply: Reply, data: FrameData): void {
    const fill = this.#fills.end(index, reply);
    if (fill === null) {
      this.counters.strayFills++;
      return;
    }
    this.#parts.answers.relay(fill.waiting, fill.waiting.slot, bytes);
    if (reply.outcome.status !== Status.ok || data.bytes.length !== fill.lengthBytes) return;
    if (reply.disk !== '') this.#leases.renew(fill.volume, fill.attachEpoch, fill.sinceMs);
    if (!fill.mayKeep) this.counters.discardedFills++;
    else if (isDataIntact(data, fill.offset)) {
      const { volume, offset } = fill;
      const firstPiece = Math.floor(offset / blockBytes);
      const endBlock = Math.floor((offset + fill.lengthBytes) / blockBytes);
      for (let block = Math.ceil(offset / blockBytes); block < endBlock; block++) {
        const start = block * blockBytes - offset;
        const checksum = data.checksums.getUint32(4 * (block - firstPiece), true);
        const piece = data.bytes.subarray(start, start + blockBytes);
        this.cache.put(volume, block, fill, piece, checksum);
        this.counters.filledBlocks++;
      }
    }
  }

  /** A write passes through this switch: what it overlaps is going to be old. */
  written({ volume, offset, lengthBytes }: Request): void {
    const firstBlock = Math.floor(offset / blockBytes);
    const endBlock = Math.ceil((offset + lengthBytes) / blockBytes);
    this.cache.remove(volume, firstBlock, endBlock);
    this.#fills.discard(volume, firstBlock, endBlock);
  }

  /**
   * Reads of a volume do not come this way any more: nothing of it stays, and whatever was sent before, however late
   * it arrives, is neither answered from here nor kept.
   *
   * @returns how many blocks are forgotten
   */
  invalidate(volume: VolumeId, floor: Floor): number {
    const known = this.#floors.get(volume);
    const isNewer =
      known === undefined ||
      floor.attachEpoch > known.attachEpoch ||
      (floor.attachEpoch === known.attachEpoch && floor.firstIo > known.firstIo);
    if (isNewer) this.#floors.set(volume, floor);
    const blocks = this.forget(volume);
    this.counters.invalidations++;
    this.counters.invalidatedBlocks += blocks;
    return blocks;
  }

  /** What was read under another decision about the volume may not be what its disks hold now. */
  forget(volume: VolumeId): number {
    this.#fills.discard(volume, 0, Number.POSITIVE_INFINITY);
    return this.cache.remove(volume, 0, Number.POSITIVE_INFINITY);
  }

  /** The volume is not on this switch any more. */
  drop(volume: VolumeId): void {
    this.forget(volume);
    this.#floors.delete(volume);
    this.#leases.drop(volume);
  }

  /** Whether a read of one byte would be answered from here. */
  keeps({ volume, offset, attachEpoch, regionWrites }: CachedQuery): Kept {
    const kept = this.cache.versionOf(volume, Math.floor(offset / blockBytes));
    if (kept === null) return 'no';
    const isSame = kept.attachEpoch === attachEpoch && kept.regionWrites === regionWrites;
    if (!isSame) return 'old';
    return this.#leases.holds(volume, attachEpoch, this.#parts.clock.now()) ? 'yes' : 'unproven';
  }

  facts(): Record<string, unknown> {
    const { cache, counters } = this;
    return {
      bytesMax: cache.blocksMax * blockBytes,
      bytes: cache.bytes,
      entries: cache.entries,
      evictions: cache.evictions,
      ...counters,
    };
  }

  #mayUse({ flags, volume, attachEpoch, ioNumber }: Request): boolean {
    if ((flags & RequestFlag.bypassCache) !== 0) return false;
    const floor = this.#floors.get(volume);
    return floor === undefined || floor.attachEpoch !== attachEpoch || ioNumber >= floor.firstIo;
  }

  #answerFrom(places: readonly number[], request: Request): void {
    const { offset, lengthBytes } = request;
    const end = offset + lengthBytes;
    const pieces = this.#pieces;
    pieces.length = 0;
    if (this.#checksums.byteLength < 4 * places.length)
      this.#checksums = new DataView(new ArrayBuffer(4 * places.length));
    let blockStart = offset - (offset % blockBytes);
    for (const [index, place] of places.entries()) {
      const from = Math.max(offset, blockStart) - blockStart;
      const to = Math.min(end - blockStart, blockBytes);
      const isWhole = to - from === blockBytes;
      const block = this.cache.bytesAt(place);
      const piece = isWhole ? block : block.subarray(from, to);
      pieces.push(piece);
      const checksum = isWhole ? this.cache.checksumAt(place) : checksumOf(piece);
      this.#checksums.setUint32(4 * index, checksum, true);
      blockStart += blockBytes;
    }
    this.#parts.answers.endWith(request, pieces, this.#checksums);
  }
}
