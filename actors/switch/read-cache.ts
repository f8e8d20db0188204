/**
 * What a switch keeps of blocks that it has read (DESIGN S2): whole 4 KiB blocks with their checksums, up to a number
 * of bytes; the least recently used one makes way. Each keeps the version of the request that filled it, and is found
 * only by requests of the same one (DESIGN I9). Pure; who may fill it, and when, is left to `cached-reads`.
 */
import type { VolumeId } from '../../protocols/ids.ts';
import { blockBytes } from '../../protocols/units.ts';

/** What must not have changed since a block was read. */
export interface BlockVersion {
  readonly attachEpoch: number;
  /** How many writes its host had begun in its region. */
  readonly regionWrites: number;
}

/** Memory is taken by so many blocks at a time, when they are needed. */
const chunkBlocks = 256;
const none = -1;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly checksums: Uint32Array;
}

/** The blocks of one volume: block number to place. */
type Places = Map<number, number>;

export class ReadCache {
  readonly blocksMax: number;
  evictions = 0;
  readonly #volumes = new Map<VolumeId, Places>();
  readonly #chunks: Chunk[] = [];
  // By place. Together with `#first` a ring: `#older` of the most recent leads to the next recent, and so on.
  readonly #newer: number[] = [];
  readonly #older: number[] = [];
  readonly #blocks: number[] = [];
  readonly #attachEpochs: number[] = [];
  readonly #regionWrites: number[] = [];
  readonly #owners: (VolumeId | null)[] = [];
  readonly #free: number[] = [];
  #mostRecent = none;
  #leastRecent = none;
  #entries = 0;

  /** @param bytesMax of blocks; what is noted about each comes to about 100 bytes more */
  constructor(bytesMax: number) {
    this.blocksMax = Math.floor(bytesMax / blockBytes);
  }

  get entries(): number {
    return this.#entries;
  }

  get bytes(): number {
    return this.#entries * blockBytes;
  }

  /** The place of a block that was filled by a request of the same version; -1 when there is none. It is in use now. */
  find(volume: VolumeId, block: number, version: BlockVersion): number {
    const place = this.#volumes.get(volume)?.get(block);
    if (place === undefined) return none;
    const isSame =
      this.#regionWrites[place] === version.regionWrites &&
      this.#attachEpochs[place] === version.attachEpoch;
    if (!isSame) return none;
    if (place !== this.#mostRecent) {
      this.#unlink(place);
      this.#linkFirst(place);
    }
    return place;
  }

  /** The version of a block that is kept; null when it is not. It is not in use by that. */
  versionOf(volume: VolumeId, block: number): BlockVersion | null {
    const place = this.#volumes.get(volume)?.get(block);
    if (place === undefined) return null;
    const attachEpoch = this.#attachEpochs[place] ?? 0;
    return { attachEpoch, regionWrites: this.#regionWrites[place] ?? 0 };
  }

  /** The bytes at a place that was found just now. They are the cache's: they change once something else is put. */
  bytesAt(place: number): Uint8Array {
    const start = (place % chunkBlocks) * blockBytes;
    return this.#chunkOf(place).bytes.subarray(start, start + blockBytes);
  }

  checksumAt(place: number): number {
    return this.#chunkOf(place).checksums[place % chunkBlocks] ?? 0;
  }

  /** Keeps a copy of a block, instead of what was kept of it before. */
  put(
    volume: VolumeId,
    block: number,
    version: BlockVersion,
    bytes: Uint8Array,
    checksum: number,
  ): void {
    if (this.blocksMax === 0) return;
    let places = this.#volumes.get(volume);
    if (places === undefined) {
      places = new Map();
      this.#volumes.set(volume, places);
    }
    const known = places.get(block);
    if (known !== undefined) this.#unlink(known);
    const place = known ?? this.#takePlace();
    places.set(block, place);
    this.#owners[place] = volume;
    this.#blocks[place] = block;
    this.#attachEpochs[place] = version.attachEpoch;
    this.#regionWrites[place] = version.regionWrites;
    const chunk = this.#chunkOf(place);
    chunk.bytes.set(bytes, (place % chunkBlocks) * blockBytes);
    chunk.checksums[place % chunkBlocks] = checksum;
    this.#linkFirst(place);
  }

  /** Forgets blocks from `firstBlock` up to, and without, `endBlock`; gives how many there were. */
  remove(volume: VolumeId, firstBlock: number, endBlock: number): number {
    const places = this.#volumes.get(volume);
    if (places === undefined) return 0;
    let removed = 0;
    if (endBlock - firstBlock > places.size) {
      for (const [block, place] of places)
        if (block >= firstBlock && block < endBlock) removed += this.#forget(places, block, place);
    } else
      for (let block = firstBlock; block < endBlock; block++) {
        const place = places.get(block);
        if (place !== undefined) removed += this.#forget(places, block, place);
      }
    return removed;
  }

  #forget(places: Places, block: number, place: number): 1 {
    places.delete(block);
    if (places.size === 0) this.#volumes.delete(this.#owners[place] as VolumeId);
    this.#unlink(place);
    this.#owners[place] = null;
    this.#free.push(place);
    this.#entries--;
    return 1;
  }

  /** A place for one more block; another block's when all are in use. */
  #takePlace(): number {
    const place = this.#free.pop();
    if (place !== undefined) {
      this.#entries++;
      return place;
    }
    if (this.#owners.length < this.blocksMax) {
      this.#entries++;
      this.#owners.push(null);
      return this.#owners.length - 1;
    }
    const least = this.#leastRecent;
    const owner = this.#owners[least] as VolumeId;
    const places = this.#volumes.get(owner);
    this.evictions++;
    this.#unlink(least);
    places?.delete(this.#blocks[least] ?? none);
    if (places?.size === 0) this.#volumes.delete(owner);
    return least;
  }

  #chunkOf(place: number): Chunk {
    const index = Math.floor(place / chunkBlocks);
    const known = this.#chunks[index];
    if (known !== undefined) return known;
    const blocks = Math.min(chunkBlocks, this.blocksMax - index * chunkBlocks);
    const chunk = {
      bytes: new Uint8Array(blocks * blockBytes),
      checksums: new Uint32Array(blocks),
    };
    this.#chunks[index] = chunk;
    return chunk;
  }

  #linkFirst(place: number): void {
    this.#newer[place] = none;
    this.#older[place] = this.#mostRecent;
    if (this.#mostRecent === none) this.#leastRecent = place;
    else this.#newer[this.#mostRecent] = place;
    this.#mostRecent = place;
  }

  #unlink(place: number): void {
    const newer = this.#newer[place] ?? none;
    const older = this.#older[place] ?? none;
    if (newer === none) this.#mostRecent = older;
    else this.#older[newer] = older;
    if (older === none) this.#leastRecent = newer;
    else this.#newer[older] = newer;
  }
}
