/**
 * One copy of neighbouring blocks from the mirror that is right to all of them. Admitted like a write: the blocks are
 * held, verified bytes are read after that, and written whole under a fresh write number (DESIGN §6).
 */
import { Operation } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import type { VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { noData } from './frame-data.ts';
import { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import type { MirrorRun } from './mirror-runs.ts';
import type { Partition, PartitionIo } from './partition.ts';
import { PartitionEntry } from './partition-entry.ts';

export interface Copy {
  readonly run: MirrorRun;
  /** The range within the run; whole blocks. */
  readonly atBytes: number;
  readonly lengthBytes: number;
  /** Where it begins in the volume. */
  readonly start: VolumeOffset;
  /** The mirror to copy from, as an index into the run's legs. */
  readonly source: number;
  /** Whether it must be durable before it is done. */
  readonly fua: boolean;
  readonly done: () => void;
  /** The source cannot read it; nothing was changed. */
  readonly unreadable: () => void;
  readonly fail: (what: string) => void;
  readonly open: Set<LegRound>;
}

export class CopyIo extends PartitionEntry implements PartitionIo {
  readonly isRead = false;
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #partition: Partition;
  readonly #copy: Copy;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, partition: Partition, copy: Copy) {
    super(copy.start, copy.lengthBytes);
    this.#parts = parts;
    this.#volume = volume;
    this.#partition = partition;
    this.#copy = copy;
  }

  start(): void {
    if (this.#partition.enter(this)) this.granted();
  }

  /** Nobody is left to be told: the settling or resync that it belongs to ends with the epoch. */
  dropped(): void {}

  granted(): void {
    const { lengthBytes, source, unreadable: toldUnreadable } = this.#copy;
    const unreadable = new Set<number>();
    const asked = { operation: Operation.read, answerBytes: lengthBytes, unreadable };
    new LegRound(this.#parts, this.#volume, { ...this.#round(), ...asked }, ([data]) => {
      if (unreadable.size > 0) {
        this.#partition.leave(this);
        toldUnreadable();
      } else if (data !== undefined) this.#write(data);
    }).sendTo(source);
  }

  /** What is all zeros takes no room. */
  #write(data: FrameData): void {
    this.#partition.giveNumber(this);
    const { writeNumber } = this;
    const { fua } = this.#copy;
    const isZero = data.bytes.every((byte) => byte === 0);
    const operation = isZero ? Operation.writeZeroes : Operation.write;
    const round = { ...this.#round(), operation, answerBytes: 0, writeNumber, fua };
    new LegRound(this.#parts, this.#volume, round, () => {
      this.#partition.leave(this);
      this.#copy.done();
    }).sendToAll(isZero ? noData : data);
  }

  #round() {
    const { run, atBytes, lengthBytes, start, fail, open } = this.#copy;
    return { partition: this.#partition, run, atBytes, lengthBytes, start, fail, open };
  }
}
