/**
 * One disk at work, with a log of everything that it does to its store: writes of blocks and of parts of them, zeros,
 * FUA, flushes, checkpoints, fences, and processes that end and are started again.
 */
import type { SuperblockContent } from '../../../actors/disk/superblock.ts';
import type { WriteRequest } from '../../../actors/disk/write-entries.ts';
import { stampedSectors } from '../../../cluster/history/stamped-sectors.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { SectorImage } from '../../../cluster/simulation/sector-image.ts';
import { Status } from '../../../protocols/codes.ts';
import { idOf, type SwitchId, type VolumeId } from '../../../protocols/ids.ts';
import type { BlockStore } from '../../../protocols/ports.ts';
import {
  type ControlEpoch,
  type Generation,
  type Incarnation,
  type PartitionEpoch,
  sectorBytes,
  unitOf,
} from '../../../protocols/units.ts';
import { DiskWorld, diskId } from '../../actors/disk/disk-world.ts';
import { WriteLog } from '../../tools/write-log.ts';
import { type ConsumerMark, sectorsPerBlock } from './expected-sectors.ts';
import { imageOf } from './medium-image.ts';

export type DiskMark =
  | ConsumerMark
  /** The I/O of a write that begins, and whether it is durable when it has ended. */
  | { readonly kind: 'io-begun'; readonly request: WriteRequest }
  | { readonly kind: 'io-durable'; readonly request: WriteRequest }
  /** The virtualizer has a number kept that fences who carries a lower one. */
  | { readonly kind: 'fence-asked'; readonly epoch: number }
  | { readonly kind: 'fence-kept'; readonly epoch: number }
  | { readonly kind: 'opened'; readonly instance: number };

export interface DiskRecording {
  readonly log: WriteLog<DiskMark>;
  readonly base: SectorImage;
}

/** Put between the disk and its log: a store that does not do what it says. */
export type Lie = (store: BlockStore) => BlockStore;

/** Blocks that are used: neighbours, and both sides of a border between tag pages. */
const blocks = [0, 1, 2, 3, 4, 5, 6, 7, 246, 247, 248, 249];
const steps = 140;
const blocksPerWriteMax = 4;
/** So many that a superblock takes several sectors. */
const partitionsCount = 12;
const latency = { readMs: 1, writeMs: 3, flushMs: 5 };

export function recordDisk(seed: string, lie: Lie = (store) => store): DiskRecording {
  return new RecordedDisk(seed, lie).recorded();
}

class RecordedDisk {
  readonly #log = new WriteLog<DiskMark>();
  readonly #random: SeededRandom;
  readonly #world: DiskWorld;
  readonly #busy = new Set<number>();
  /** Not durable yet, as far as was told. */
  #acknowledged: WriteRequest[] = [];
  #value = 0;
  #fence = 0;
  #isLogged = false;

  constructor(seed: string, lie: Lie) {
    this.#random = new SeededRandom(seed).fork('workload');
    this.#world = new DiskWorld({ seed, latency, wrapStore: (store) => this.#around(store, lie) });
  }

  recorded(): DiskRecording {
    const world = this.#world;
    const problem = world.format();
    if (problem !== null) throw new Error(problem);
    const base = imageOf(world.medium);
    this.#isLogged = true;
    this.#open();
    for (let step = 0; step < steps; step++) this.#step();
    world.settle();
    return { log: this.#log, base };
  }

  #around(store: BlockStore, lie: Lie): BlockStore {
    if (!this.#isLogged) return store;
    return lie(
      this.#log.around(diskId, store, (at, length) => this.#world.medium.peek(at, length)),
    );
  }

  #open(): void {
    const { instance } = this.#world.open().superblock.content;
    this.#log.mark({ kind: 'opened', instance });
  }

  #step(): void {
    const kind = this.#random.integer(40);
    const world = this.#world;
    if (kind < 3) this.#flush();
    else if (kind < 5) world.disk.device.writeBehind.drain(() => {});
    else if (kind < 7) this.#keepFence();
    else if (kind === 7) this.#restart();
    else this.#write(kind % 6 === 0);
    const turns = this.#random.integer(6);
    for (let turn = 0; turn < turns; turn++) world.clock.runNext();
  }

  /** Of a coordinator, so one write of a block at a time. */
  #write(isZeros: boolean): void {
    const random = this.#random;
    const first = random.pick(blocks);
    const count = 1 + random.integer(blocksPerWriteMax);
    const wanted = Array.from({ length: count }, (_, index) => first + index);
    if (!wanted.every((block) => blocks.includes(block) && !this.#busy.has(block))) return;
    const isRagged = random.integer(2) === 0;
    const firstSector = first * sectorsPerBlock + (isRagged ? random.integer(sectorsPerBlock) : 0);
    const end =
      (first + count) * sectorsPerBlock - (isRagged ? random.integer(sectorsPerBlock) : 0);
    const sectorCount = end - firstSector;
    if (sectorCount <= 0) return;
    this.#value += isZeros ? 0 : 1;
    const write = { value: isZeros ? 0 : this.#value, firstSector, sectorCount };
    const fua = random.integer(8) === 0;
    const at = firstSector * sectorBytes;
    const request = isZeros
      ? this.#world.zeroRequest(at, sectorCount * sectorBytes, { fua })
      : this.#world.writeRequest(at, stampedSectors(write.value, firstSector, sectorCount), {
          fua,
        });
    for (const block of wanted) this.#busy.add(block);
    this.#log.mark({ kind: 'write-begun', write });
    this.#log.mark({ kind: 'io-begun', request });
    this.#world.begin(request, (status) => {
      if (status !== Status.ok) throw new Error(`a write ended with ${status}`);
      for (const block of wanted) this.#busy.delete(block);
      this.#log.mark({ kind: 'write-ended', write, isDurable: fua });
      if (fua) this.#log.mark({ kind: 'io-durable', request });
      else this.#acknowledged.push(request);
    });
    // A retransmission, as a coordinator sends it when the answer is late.
    if (random.integer(5) === 0) this.#world.begin(request);
  }

  #flush(): void {
    const flush = {};
    const covered = this.#acknowledged;
    this.#acknowledged = [];
    this.#log.mark({ kind: 'flush-begun', flush });
    this.#world.disk.device.flush((status) => {
      if (status !== Status.ok) throw new Error(`a flush ended with ${status}`);
      this.#log.mark({ kind: 'flush-ended', flush });
      for (const request of covered) this.#log.mark({ kind: 'io-durable', request });
    });
  }

  #keepFence(): void {
    const epoch = ++this.#fence;
    const { superblock } = this.#world.disk;
    this.#log.mark({ kind: 'fence-asked', epoch });
    superblock.keep(fenced(superblock.content, epoch), (error) => {
      if (error !== null) throw new Error(error.detail);
      this.#log.mark({ kind: 'fence-kept', epoch });
    });
  }

  /** What was under way ends first. What was not flushed is still in the operating system's cache. */
  #restart(): void {
    this.#world.settle();
    this.#world.medium.crash();
    this.#open();
  }
}

function fenced(content: SuperblockContent, highestEpoch: number): SuperblockContent {
  const volume = {
    volume: idOf<VolumeId>('vol0'),
    generation: unitOf<Generation>(1),
    controlEpoch: unitOf<ControlEpoch>(1),
    highestEpoch,
    extents: [],
    partitions: Array.from({ length: partitionsCount }, (_, partition) => ({
      partition,
      coordinator: idOf<SwitchId>('s1'),
      epoch: unitOf<PartitionEpoch>(highestEpoch),
      ownerIncarnation: unitOf<Incarnation>(1),
    })),
    attachments: [],
    mirrorSets: [],
  };
  return { ...content, volumes: [volume] };
}

/** The number below which a disk fences everybody, in each partition; 0 when it has none. */
export function fenceIn({ volumes }: SuperblockContent): number {
  const [volume] = volumes;
  return Math.min(
    ...(volume?.partitions.map(({ epoch }) => epoch) ?? []),
    volume?.highestEpoch ?? 0,
  );
}
