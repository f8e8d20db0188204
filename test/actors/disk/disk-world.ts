/** A disk on a memory store in virtual time, for tests: opened, used, and robbed of its power. */
import { expect } from 'chai';
import { formatDisk } from '../../../actors/disk/format-disk.ts';
import { type OpenDisk, type OpenedDisk, openDisk } from '../../../actors/disk/open-disk.ts';
import type { WriteRequest } from '../../../actors/disk/write-entries.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { MemoryMedium, type StoreLatency } from '../../../cluster/simulation/store.ts';
import { pieceCount, writeChecksums } from '../../../protocols/checksums.ts';
import { Status } from '../../../protocols/codes.ts';
import { type ClusterId, type DiskId, type HostId, idOf } from '../../../protocols/ids.ts';
import type { BlockStore, Clock, Log } from '../../../protocols/ports.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';

export const clusterId = idOf<ClusterId>('test');
export const diskId = idOf<DiskId>('d1');
export const hostId = idOf<HostId>('h1');

export interface DiskWorldOptions {
  readonly seed?: string | number;
  readonly sizeBytes?: number;
  readonly latency?: StoreLatency;
  readonly writeBackPerMillion?: number;
  /** Put around the store before the disk gets it. */
  readonly wrapStore?: (store: BlockStore, clock: Clock) => BlockStore;
}

/** Result of an operation; `pending` until it has ended. */
export interface Result {
  status: Status | 'pending';
  what: string;
}

export class DiskWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly medium: MemoryMedium;
  readonly logged: string[] = [];
  readonly failures: string[] = [];
  #options: DiskWorldOptions;
  #disk: OpenDisk | null = null;
  #writeNumber = 0;
  #ioNumber = 0;

  constructor(options: DiskWorldOptions = {}) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 'disk');
    this.medium = new MemoryMedium({
      sizeBytes: options.sizeBytes ?? 8 * mebibyte,
      random: this.random.fork('medium'),
      ...(options.latency === undefined ? {} : { latency: options.latency }),
      ...(options.writeBackPerMillion === undefined
        ? {}
        : { writeBackPerMillion: options.writeBackPerMillion }),
    });
  }

  /** A formatted and opened disk. */
  static formatted(options: DiskWorldOptions = {}): DiskWorld {
    const world = new DiskWorld(options);
    expect(world.format()).to.equal(null);
    world.open();
    return world;
  }

  readonly log: Log = {
    debug: (_fields, message) => this.logged.push(message),
    info: (_fields, message) => this.logged.push(message),
    warn: (_fields, message) => this.logged.push(message),
    error: (_fields, message) => this.logged.push(message),
  };

  get disk(): OpenDisk {
    if (this.#disk === null) throw new Error('the disk is not open');
    return this.#disk;
  }

  store(): BlockStore {
    const store = this.medium.open(this.clock);
    return this.#options.wrapStore?.(store, this.clock) ?? store;
  }

  /** @returns why it could not be formatted; null when it was */
  format(overwrite = false): string | null {
    let answer: string | null = 'pending';
    const random = this.random.fork('format');
    const isNew = !overwrite;
    formatDisk({ store: this.store(), disk: diskId, random, isNew, overwrite }, (why) => {
      answer = why;
    });
    this.settle();
    return answer;
  }

  tryOpen(disk = diskId, cluster = clusterId): OpenedDisk {
    const opened: OpenedDisk[] = [];
    openDisk(
      {
        store: this.store(),
        clock: this.clock,
        log: this.log,
        random: this.random,
        disk,
        cluster,
        onFailure: (error) => this.failures.push(error.detail),
      },
      (result) => opened.push(result),
    );
    this.settle();
    const [result] = opened;
    if (result === undefined) throw new Error('opening did not end');
    this.#disk = result.ok ? result.disk : null;
    return result;
  }

  open(): OpenDisk {
    const result = this.tryOpen();
    if (!result.ok) throw new Error(result.message);
    return result.disk;
  }

  /** Power fails and the disk is opened again. */
  powerCycle(): void {
    this.medium.powerCut();
    this.open();
  }

  /** The disk's process is killed and started again. */
  restart(): void {
    this.medium.crash();
    this.open();
  }

  /** Runs until nothing is left to happen. */
  settle(): void {
    while (this.clock.runNext());
  }

  /** A write request with the next write number, its checksums taken. */
  writeRequest(at: number, data: Uint8Array, more: Partial<WriteRequest> = {}): WriteRequest {
    this.#writeNumber += 1;
    this.#ioNumber += 1;
    const checksums = new DataView(new ArrayBuffer(4 * pieceCount(at, data.length)));
    writeChecksums(data, at, checksums, 0);
    return {
      at,
      lengthBytes: data.length,
      data,
      checksums,
      tag: { reference: 1, epoch: 1, writeNumber: this.#writeNumber },
      host: hostId,
      hostIncarnation: 7,
      ioNumber: this.#ioNumber,
      watermark: Math.max(0, this.#ioNumber - 100),
      fua: false,
      isSettled: false,
      ...more,
    };
  }

  zeroRequest(at: number, lengthBytes: number, more: Partial<WriteRequest> = {}): WriteRequest {
    const nothing = new Uint8Array();
    return { ...this.writeRequest(at, nothing, more), lengthBytes, data: null, checksums: null };
  }

  begin(request: WriteRequest, ended?: (status: Status) => void): Result {
    const result: Result = { status: 'pending', what: '' };
    this.disk.device.write(request, (status, what) => {
      Object.assign(result, { status, what });
      ended?.(status);
    });
    return result;
  }

  /** Writes and waits; expects it to go well. */
  write(at: number, data: Uint8Array, more: Partial<WriteRequest> = {}): void {
    const result = this.begin(this.writeRequest(at, data, more));
    this.settle();
    expect(result).to.deep.equal({ status: Status.ok, what: '' });
  }

  flush(): void {
    const result: Result = { status: 'pending', what: '' };
    this.disk.device.flush((status, what) => Object.assign(result, { status, what }));
    this.settle();
    expect(result).to.deep.equal({ status: Status.ok, what: '' });
  }

  checkpoint(): void {
    let done = false;
    this.disk.device.writeBehind.drain(() => {
      done = true;
    });
    this.settle();
    expect(done).to.equal(true);
  }

  tryRead(at: number, lengthBytes: number, reference = 1): Result & { bytes: Uint8Array } {
    const bytes = new Uint8Array(lengthBytes).fill(0xee);
    const result = { status: 'pending' as Status | 'pending', what: '', bytes };
    const checksums = new DataView(new ArrayBuffer(4 * pieceCount(at, lengthBytes)));
    this.disk.device.read({ at, lengthBytes, reference, into: bytes, checksums }, (status, what) =>
      Object.assign(result, { status, what }),
    );
    this.settle();
    if (result.status === Status.ok) {
      const computed = new DataView(new ArrayBuffer(checksums.byteLength));
      writeChecksums(bytes, at, computed, 0);
      expect(Buffer.from(checksums.buffer)).to.deep.equal(Buffer.from(computed.buffer));
    }
    return result;
  }

  read(at: number, lengthBytes: number, reference = 1): Uint8Array {
    const { status, what, bytes } = this.tryRead(at, lengthBytes, reference);
    expect({ status, what }).to.deep.equal({ status: Status.ok, what: '' });
    return bytes;
  }

  readBlock(block: number): Uint8Array {
    return this.read(block * blockBytes, blockBytes);
  }
}

export function bytesOf(lengthBytes: number, value: number): Uint8Array {
  return new Uint8Array(lengthBytes).fill(value);
}
