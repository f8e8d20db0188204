/**
 * The dirty region log of one attachment (DESIGN H10, I7): the regions that this host may be writing to. Before the first
 * write to a region is sent, every mirror in sync has noted durably, through its coordinator, that it may differ there.
 * The mark is taken back lazily: once nothing is open in the region, a flush has covered all that was written, no mirror
 * is missing, and nobody has written there for a while. Where a write has failed it stays: what became of that is not
 * known. So whoever has to make mirrors equal after a crash of everything looks at few regions instead of all.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import type { MirrorSetRecord } from '../../protocols/control-data.ts';
import type { Timer } from '../../protocols/ports.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { ConsumerIo } from './consumer-io.ts';
import {
  type DirtyRegion,
  type DirtyRegionDriver,
  type DirtyRegionParts,
  mayBeTakenBack,
} from './dirty-region.ts';
import { type RegionStretch, stretchesOf } from './region-stretches.ts';
import { RegionTable } from './region-table.ts';
import type { VolumeView } from './volume-view.ts';
import { type WaitingWrite, WaitingWrites } from './waiting-writes.ts';

/** So often are all regions looked at when there are too many. */
const roomEveryMs = 100;

type Candidates = readonly { readonly region: DirtyRegion; readonly version: number }[];

export class DirtyRegions {
  readonly waiting: WaitingWrites;
  readonly #parts: DirtyRegionParts;
  readonly #driver: DirtyRegionDriver;
  readonly #regionBytes: number;
  readonly #sizeBytes: number;
  readonly #regions: RegionTable;
  /** By flush that is under way: what it covers, as it was when it began. */
  readonly #flushes = new Map<ConsumerIo, Candidates>();
  #mirrorSets: readonly MirrorSetRecord[];
  #changesOpen = 0;
  #timer: Timer | null = null;
  /** Not before that is room made again. */
  #roomAtMs = 0;
  /** Called once nothing more can be taken back; null: nobody waits for that. */
  #drained: (() => void) | null = null;

  constructor({ data }: VolumeView, parts: DirtyRegionParts, driver: DirtyRegionDriver) {
    this.#parts = parts;
    this.#driver = driver;
    this.waiting = new WaitingWrites({
      submit: (io) => parts.submit(io),
      end: (io, status) => driver.end(io, status),
    });
    this.#regionBytes = data.regionBytes;
    this.#regions = new RegionTable(data.regionBytes);
    this.#sizeBytes = data.sizeBytes;
    this.#mirrorSets = data.mirrorSets;
  }

  /** Regions that are marked, or about to be. */
  get count(): number {
    return this.#regions.size;
  }

  /** True when a byte of the volume lies in a region that is marked. */
  isDirty(offset: number): boolean {
    return this.#regions.find(this.#regions.numberAt(offset))?.isMarked === true;
  }

  /** A write begins. True when it has to wait until it is marked where it writes; then it is sent from here. */
  holds(io: ConsumerIo): boolean {
    if (this.#mirrorSets.length === 0 || io.end <= io.start) return false;
    let isMarked = true;
    const last = this.#regions.numberAt(io.end - 1);
    for (let number = this.#regions.numberAt(io.start); number <= last; number++) {
      const region = this.#regions.take(number);
      region.openWrites++;
      region.version++;
      if (region.isFlushed) this.#regions.unflushed.add(region);
      region.isFlushed = false;
      isMarked &&= region.isMarked && !region.isChanging;
    }
    if (!isMarked) this.#holdUntilMarked(io);
    if (this.#regions.size > this.#parts.policy.dirtyRegionsMax) this.#makeRoom();
    return !isMarked;
  }

  /** An I/O has ended: a write that began here, a flush, or what is nothing to it. */
  ended(io: ConsumerIo): void {
    if (io.operation === Operation.flush) this.#flushEnded(io);
    else if (io.unsettledIndex !== -1) this.#writeEnded(io);
  }

  flushBegan(io: ConsumerIo): void {
    const candidates: { region: DirtyRegion; version: number }[] = [];
    for (const region of this.#regions.unflushed)
      if (region.openWrites === 0 && !region.isUnsure)
        candidates.push({ region, version: region.version });
    this.#flushes.set(io, candidates);
  }

  /**
   * Takes newer control data. Mirrors that were made equal were given the marks; one that is in sync without that, for an
   * operator said so, may have none: then everything is marked anew before it is written to. So where none of those in sync
   * was before.
   */
  adopt({ data }: VolumeView): void {
    const before = new Map(this.#mirrorSets.map((record) => [record.set, record]));
    const isUnmarked = data.mirrorSets.some(({ set, mirrors }) => {
      const were = mirrors.flatMap((state, mirror) =>
        state === 'in-sync' ? [before.get(set)?.mirrors[mirror] ?? 'stale'] : [],
      );
      const isAnyStale = were.some((was) => was === 'stale' || was === 'detached');
      return isAnyStale || !were.includes('in-sync');
    });
    this.#mirrorSets = data.mirrorSets;
    this.#flushes.clear();
    if (!isUnmarked) return;
    for (const region of this.#regions.all()) {
      region.isMarked = false;
      this.#regions.dropIfClean(region);
    }
  }

  /** Takes back all marks that may be; calls when that is over, however it went. */
  takeAllBack(done: () => void): void {
    this.#drained = done;
    this.#goOn();
  }

  stop(): void {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Nearly all writes find their regions marked: nothing is allocated for them. This is for the others. */
  #holdUntilMarked(io: ConsumerIo): void {
    const waiting: WaitingWrite = { io, regionsLeft: 0, isOver: false };
    const unmarked: number[] = [];
    const last = this.#regions.numberAt(io.end - 1);
    for (let number = this.#regions.numberAt(io.start); number <= last; number++) {
      const region = this.#regions.take(number);
      if (region.isMarked && !region.isChanging) continue;
      waiting.regionsLeft++;
      region.waiting.push(waiting);
      if (!region.isChanging) unmarked.push(number);
    }
    this.waiting.add(waiting);
    this.#mark(unmarked);
  }

  #writeEnded(io: ConsumerIo): void {
    if (this.#mirrorSets.length === 0 || io.end <= io.start) return;
    const mayHaveLeftSome = io.status !== Status.ok && io.partsMade > 0;
    const nowMs = this.#parts.clock.now();
    const last = this.#regions.numberAt(io.end - 1);
    for (let number = this.#regions.numberAt(io.start); number <= last; number++) {
      const region = this.#regions.take(number);
      region.openWrites--;
      region.version++;
      region.isUnsure ||= mayHaveLeftSome;
      region.idleSinceMs = nowMs;
      this.#regions.dropIfClean(region);
    }
  }

  #flushEnded(io: ConsumerIo): void {
    const candidates = this.#flushes.get(io) ?? [];
    this.#flushes.delete(io);
    if (io.status !== Status.ok) return;
    for (const { region, version } of candidates) {
      if (region.version !== version) continue;
      region.isFlushed = true;
      this.#regions.unflushed.delete(region);
    }
    if (candidates.length > 0) this.#arm();
  }

  #mark(numbers: readonly number[]): void {
    for (const stretch of stretchesOf(numbers)) {
      for (const region of this.#regions.in(stretch)) region.isChanging = true;
      this.#change(Operation.mark, stretch, (status) => this.#marked(stretch, status));
    }
  }

  #marked(stretch: RegionStretch, status: Status): void {
    const again: number[] = [];
    for (const region of this.#regions.in(stretch)) {
      region.isMarked = status === Status.ok;
      region.isChanging = false;
      region.waiting = region.waiting.filter(({ isOver }) => !isOver);
      // For want of a way: who waits has a time of its own, which may have begun later.
      if (status !== Status.path) this.waiting.wake(region.waiting.splice(0), status);
      else if (region.waiting.length > 0) again.push(region.number);
      this.#regions.dropIfClean(region);
    }
    this.#mark(again);
  }

  /** Takes back what nobody has written to since then, as much as may be under way. @returns whether that is anything */
  #takeBack(idleUntilMs: number): boolean {
    const room = this.#parts.policy.markChangesMax - this.#changesOpen;
    const isWhole = this.#mirrorSets.every(({ mirrors }) =>
      mirrors.every((state) => state === 'in-sync' || state === 'detached'),
    );
    if (!isWhole || room <= 0) return false;
    const regions = [...this.#regions.all()].filter((each) => mayBeTakenBack(each, idleUntilMs));
    const stretches = stretchesOf(regions.map(({ number }) => number)).slice(0, room);
    for (const stretch of stretches) {
      for (const region of this.#regions.in(stretch)) {
        // From now on it may be marked nowhere, or on some mirrors only.
        region.isMarked = false;
        region.isChanging = true;
      }
      this.#change(Operation.unmark, stretch, () => this.#unmarked(stretch));
    }
    return stretches.length > 0;
  }

  #unmarked(stretch: RegionStretch): void {
    const wanted: number[] = [];
    for (const region of this.#regions.in(stretch)) {
      region.isChanging = false;
      region.waiting = region.waiting.filter(({ isOver }) => !isOver);
      if (region.waiting.length > 0) wanted.push(region.number);
      else this.#regions.dropIfClean(region);
    }
    this.#mark(wanted);
    this.#goOn();
  }

  #change(
    operation: typeof Operation.mark | typeof Operation.unmark,
    { first, count }: RegionStretch,
    done: (status: Status) => void,
  ): void {
    const start = first * this.#regionBytes;
    const end = Math.min((first + count) * this.#regionBytes, this.#sizeBytes);
    this.#changesOpen++;
    this.#driver.order(operation, unitOf<VolumeOffset>(start), end - start, (status) => {
      this.#changesOpen--;
      done(status);
    });
  }

  /** More is marked than is meant to be: what may be taken back is, and what must be flushed for that, too. */
  #makeRoom(): void {
    const nowMs = this.#parts.clock.now();
    if (nowMs < this.#roomAtMs) return;
    this.#roomAtMs = nowMs + roomEveryMs;
    if (!this.#takeBack(Number.POSITIVE_INFINITY) && this.#flushes.size === 0) this.#driver.flush();
  }

  #goOn(): void {
    const { clock, policy } = this.#parts;
    const drained = this.#drained;
    const isTooMuch = drained !== null || this.#regions.size > policy.dirtyRegionsMax;
    const idleUntilMs = isTooMuch ? Number.POSITIVE_INFINITY : clock.now() - policy.dirtyIdleMs;
    const isAny = this.#takeBack(idleUntilMs);
    if (drained !== null && !isAny && this.#changesOpen === 0) {
      this.#drained = null;
      drained();
    }
    this.#arm();
  }

  /** Looks again after a while, as long as there is something to take back. */
  #arm(): void {
    const { clock, policy } = this.#parts;
    if (this.#timer !== null || this.#regions.size === this.#regions.unflushed.size) return;
    this.#timer = clock.setTimeout(() => {
      this.#timer = null;
      this.#goOn();
    }, policy.dirtyIdleMs);
  }
}
