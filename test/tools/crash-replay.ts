/**
 * Goes through a write log entry by entry, and gives for the moment behind any of them what a power cut then leaves on
 * each disk: everything that a completed flush covers, and of the rest all, nothing, or a random part in which writes
 * are torn at sectors. A flush covers what had been confirmed when it was asked for; nothing else is promised.
 */
import type { SeededRandom } from '../../cluster/simulation/random.ts';
import { SectorImage } from '../../cluster/simulation/sector-image.ts';
import { assertNever } from '../../protocols/codes.ts';
import type { LogEntry, LoggedFlush, LoggedWrite, StoreEntry } from './write-log.ts';

/** What is left of writes that no flush covered. */
export const survivals = ['all', 'nothing', 'some'] as const;
export type Survival = (typeof survivals)[number];

interface ReplayedDisk {
  readonly durable: SectorImage;
  /** In the order in which they were asked for. */
  uncovered: LoggedWrite[];
  readonly confirmed: Set<LoggedWrite>;
  /** What each flush that is under way is going to cover. */
  readonly flushes: Map<LoggedFlush, ReadonlySet<LoggedWrite>>;
}

export class CrashReplay<Mark> {
  readonly #entries: readonly LogEntry<Mark>[];
  readonly #onMark: (mark: Mark) => void;
  readonly #disks: ReadonlyMap<string, ReplayedDisk>;
  #behind = 0;

  /**
   * @param bases by disk, what was durable when the log began; stays as it is
   * @param onMark told of each mark that is passed
   */
  constructor(
    entries: readonly LogEntry<Mark>[],
    bases: ReadonlyMap<string, SectorImage>,
    onMark: (mark: Mark) => void,
  ) {
    this.#entries = entries;
    this.#onMark = onMark;
    this.#disks = new Map(
      [...bases].map(([disk, base]) => {
        const durable = new SectorImage();
        base.copyInto(durable, null);
        return [disk, { durable, uncovered: [], confirmed: new Set(), flushes: new Map() }];
      }),
    );
  }

  /** Goes on until so many entries are behind. */
  advanceTo(count: number): void {
    for (; this.#behind < count; this.#behind++) {
      const entry = this.#entries[this.#behind];
      if (entry === undefined) return;
      if (entry.kind === 'mark') this.#onMark(entry.mark);
      else this.#take(this.#disk(entry.disk), entry);
    }
  }

  /** Whether a flush covers everything that the disk was asked to write: there is but one thing to be left then. */
  isCovered(disk: string): boolean {
    return this.#disk(disk).uncovered.length === 0;
  }

  /** What is on a disk when the power fails here. @param random used up for 'some' */
  image(disk: string, survival: Survival, random: SeededRandom): SectorImage {
    const { durable, uncovered } = this.#disk(disk);
    const image = new SectorImage();
    durable.copyInto(image, null);
    switch (survival) {
      case 'all':
        for (const { atBytes, bytes } of uncovered) image.write(atBytes, [bytes], null);
        break;
      case 'nothing':
        break;
      case 'some':
        keepSome(uncovered, image, random);
        break;
      default:
        assertNever(survival, 'survival');
    }
    return image;
  }

  #disk(id: string): ReplayedDisk {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new RangeError(`the log has no disk ${id}`);
    return disk;
  }

  #take(disk: ReplayedDisk, entry: StoreEntry): void {
    switch (entry.kind) {
      case 'write':
        disk.uncovered.push(entry.write);
        break;
      case 'written':
        disk.confirmed.add(entry.write);
        break;
      case 'abandoned':
        disk.uncovered = disk.uncovered.filter((write) => write !== entry.write);
        break;
      case 'flush':
        disk.flushes.set(entry.flush, new Set(disk.confirmed));
        break;
      case 'flushed':
        cover(disk, disk.flushes.get(entry.flush) ?? new Set());
        disk.flushes.delete(entry.flush);
        break;
      default:
        assertNever(entry, 'log entry');
    }
  }
}

function cover(disk: ReplayedDisk, covered: ReadonlySet<LoggedWrite>): void {
  for (const write of disk.uncovered)
    if (covered.has(write)) {
      disk.durable.write(write.atBytes, [write.bytes], null);
      disk.confirmed.delete(write);
    }
  disk.uncovered = disk.uncovered.filter((write) => !covered.has(write));
}

/** Half of the times the medium took writes in order and broke off in one; otherwise it took them as it liked. */
function keepSome(writes: readonly LoggedWrite[], image: SectorImage, random: SeededRandom): void {
  const coin = () => random.integer(2) === 0;
  const breaksOffAt = coin() ? random.integer(writes.length + 1) : null;
  for (const [index, { atBytes, bytes }] of writes.entries()) {
    const fate = breaksOffAt === null ? random.integer(3) : Math.sign(index - breaksOffAt) + 1;
    if (fate === 2) continue;
    image.write(atBytes, [bytes], fate === 0 ? null : coin);
  }
}
