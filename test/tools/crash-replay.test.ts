import { expect } from 'chai';
import { VirtualClock } from '../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { SectorImage } from '../../cluster/simulation/sector-image.ts';
import { MemoryMedium } from '../../cluster/simulation/store.ts';
import type { BlockStore, StoreDone } from '../../protocols/ports.ts';
import { sectorBytes } from '../../protocols/units.ts';
import { CrashReplay, type Survival } from './crash-replay.ts';
import { WriteLog } from './write-log.ts';

const sectors = 8;
const latency = { readMs: 1, writeMs: 2, flushMs: 2 };
const ignored: StoreDone = () => {};

class LoggedDisk {
  readonly clock = new VirtualClock();
  readonly log = new WriteLog<string>();
  readonly medium: MemoryMedium;
  store: BlockStore;

  constructor(seed = 'log') {
    const sizeBytes = sectors * sectorBytes;
    this.medium = new MemoryMedium({ sizeBytes, random: new SeededRandom(seed), latency });
    this.store = this.open();
  }

  open(): BlockStore {
    const shown = (at: number, length: number) => this.medium.peek(at, length);
    return this.log.around('d1', this.medium.open(this.clock), shown);
  }

  write(sector: number, count: number, value: number, done = ignored): void {
    const bytes = new Uint8Array(count * sectorBytes).fill(value);
    this.store.write(sector * sectorBytes, [bytes], done);
  }

  settle(): void {
    while (this.clock.runNext());
  }

  /** What each sector holds after a power cut behind so many entries. */
  after(entries: number, survival: Survival, seed = 'cut'): readonly number[] {
    const replay = new CrashReplay(
      this.log.entries,
      new Map([['d1', new SectorImage()]]),
      () => {},
    );
    replay.advanceTo(entries);
    const bytes = new Uint8Array(sectors * sectorBytes);
    const image = replay.image('d1', survival, new SeededRandom(seed));
    image.read(0, bytes, new SectorImage());
    return Array.from({ length: sectors }, (_, sector) => bytes[sector * sectorBytes] ?? -1);
  }

  get end(): number {
    return this.log.entries.length;
  }
}

describe('a log of what a disk does to its medium', () => {
  it('holds writes and flushes, asked for and done, and marks, in their order', () => {
    const disk = new LoggedDisk();
    disk.write(0, 1, 1, () => {
      disk.log.mark('acknowledged');
      disk.store.flush(ignored);
    });
    disk.settle();
    expect(disk.log.entries.map(({ kind }) => kind)).to.deep.equal([
      'write',
      'written',
      'mark',
      'flush',
      'flushed',
    ]);
  });

  it('keeps the bytes that were written, whatever becomes of their memory', () => {
    const disk = new LoggedDisk();
    const bytes = new Uint8Array(sectorBytes).fill(1);
    disk.store.write(0, [bytes], ignored);
    disk.settle();
    bytes.fill(9);
    expect(disk.after(disk.end, 'all')[0]).to.equal(1);
  });

  it('confirms neither writes nor flushes that failed', () => {
    const log = new WriteLog<never>();
    const failing: BlockStore = {
      sizeBytes: sectorBytes,
      read: () => {},
      write: (_at, _pieces, done) => done({ kind: 'media', detail: '' }),
      flush: (done) => done({ kind: 'sync-failed', detail: '' }),
      close: (done) => done(),
    };
    const store = log.around('d1', failing, () => new Uint8Array());
    store.write(0, [new Uint8Array(sectorBytes)], ignored);
    store.flush(ignored);
    expect(log.entries.map(({ kind }) => kind)).to.deep.equal(['write', 'flush']);
  });

  it('refuses what is not of whole sectors, for that is more than a medium promises', () => {
    const disk = new LoggedDisk();
    const write = () => disk.store.write(0, [new Uint8Array(10)], ignored);
    expect(write).to.throw(RangeError, 'no whole sectors: 10 bytes at 0');
  });

  it('takes what a killed process had under way for what the medium shows of it later', () => {
    const fates = new Set<number>();
    for (let life = 0; life < 40; life++) {
      const disk = new LoggedDisk(`life ${life}`);
      disk.write(0, 4, 7);
      disk.medium.crash();
      disk.store = disk.open();
      disk.store.flush(ignored);
      disk.settle();
      const left = disk.after(disk.end, 'nothing');
      expect(left[0]).to.equal(disk.medium.peek(0, 1)[0]);
      fates.add(left.filter((value) => value === 7).length);
    }
    expect([...fates]).to.include.members([0, 4]);
  });
});

describe('a power cut behind an entry of a log', () => {
  it('leaves what a flush covers that was done: all that had been confirmed when it was asked for', () => {
    const disk = new LoggedDisk();
    disk.write(0, 1, 1);
    disk.settle();
    disk.store.flush(ignored);
    disk.write(1, 1, 2);
    disk.settle();
    expect(disk.after(disk.end, 'nothing')).to.deep.equal([1, 0, 0, 0, 0, 0, 0, 0]);
    const flushed = disk.log.entries.findIndex(({ kind }) => kind === 'flushed');
    expect(disk.after(flushed, 'nothing')[0]).to.equal(0);
    expect(disk.after(flushed + 1, 'nothing')[0]).to.equal(1);
  });

  it('covers nothing of another disk', () => {
    const disk = new LoggedDisk();
    disk.write(0, 1, 1);
    disk.settle();
    const other = disk.log.around('d2', new LoggedDisk().medium.open(disk.clock), () =>
      Buffer.of(),
    );
    other.flush(ignored);
    disk.settle();
    const bases = new Map(['d1', 'd2'].map((id) => [id, new SectorImage()]));
    const replay = new CrashReplay(disk.log.entries, bases, () => {});
    replay.advanceTo(disk.end);
    expect(replay.isCovered('d2')).to.equal(true);
    expect(replay.isCovered('d1')).to.equal(false);
  });

  it('may leave everything, also what was not confirmed yet', () => {
    const disk = new LoggedDisk();
    disk.write(0, 2, 1);
    disk.write(1, 2, 2);
    expect(disk.after(2, 'all')).to.deep.equal([1, 2, 2, 0, 0, 0, 0, 0]);
  });

  it('may leave a part, torn at sectors, each in any version that it had since it was durable', () => {
    const disk = new LoggedDisk();
    disk.write(0, 4, 1);
    disk.settle();
    disk.store.flush(ignored);
    disk.settle();
    disk.write(0, 4, 2);
    disk.write(0, 3, 3);
    const found = new Set<string>();
    for (let seed = 0; seed < 400; seed++) {
      const left = disk.after(disk.end, 'some', `cut ${seed}`);
      for (const [sector, value] of left.slice(0, 4).entries())
        expect(sector < 3 ? [1, 2, 3] : [1, 2]).to.include(value);
      found.add(left.slice(0, 4).join());
    }
    expect([...found]).to.include.members(['1,1,1,1', '2,2,2,2', '3,3,3,2', '3,3,3,1', '2,1,2,1']);
  });

  it('tells of the marks that lie before it, each once', () => {
    const log = new WriteLog<string>();
    for (const mark of ['first', 'second', 'third']) log.mark(mark);
    const told: string[] = [];
    const replay = new CrashReplay(log.entries, new Map(), (mark) => told.push(mark));
    replay.advanceTo(1);
    replay.advanceTo(2);
    expect(told).to.deep.equal(['first', 'second']);
  });

  it('is the same when it is drawn from the same seed', () => {
    const disk = new LoggedDisk();
    for (let sector = 0; sector < sectors; sector++) disk.write(sector, 1, sector + 1);
    const left = disk.after(disk.end, 'some', 'same');
    expect(disk.after(disk.end, 'some', 'same')).to.deep.equal(left);
  });
});
