/**
 * Gives mirrors that are made equal the marks that hosts have there (DESIGN H10): a host takes it for granted that what
 * it has marked is marked on all mirrors in sync, whichever these become. What is marked meanwhile goes to them, too.
 */
import { Operation } from '../../protocols/codes.ts';
import type { AttachmentRecord } from '../../protocols/control-data.ts';
import { blockBitsBytes } from '../../protocols/frames/block-bits.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import { commonRange, markedRanges } from './marked-blocks.ts';
import { type MirrorRun, piecesIn, type RunRange } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { ownMarkNumber } from './region-marks.ts';
import type { ResyncCopyTask, Step } from './resync-copies.ts';

/** What the resync gives. */
export interface MarkTransferTask extends Pick<ResyncCopyTask, 'next' | 'ended' | 'trouble'> {
  /** By number: those that it makes equal. */
  readonly partitions: ReadonlyMap<number, Partition>;
}

export class MarkTransfer {
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #task: MarkTransferTask;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, task: MarkTransferTask) {
    this.#parts = parts;
    this.#volume = volume;
    this.#task = task;
  }

  /** Notes to ask a mirror in sync what hosts have marked of a run, and to mark that on those that are not. */
  note(run: MirrorRun): void {
    for (const attachment of this.#volume.load.attachments)
      if (!attachment.readOnly) this.#ask(run, attachment);
  }

  #ask(run: MirrorRun, onBehalfOf: AttachmentRecord): void {
    const { ended, next, partitions, trouble } = this.#task;
    const { lengthBytes } = run;
    const source = { ...run, legs: run.legs.slice(0, 1), inSyncLegs: 1 };
    const start = unitOf<VolumeOffset>(run.pieces[0]?.start ?? 0);
    const asked = { operation: Operation.marks, answerBytes: blockBitsBytes(lengthBytes) };
    const begin = (step: Step, open: Set<LegRound>): void => {
      const [partition] = partitions.values();
      if (partition === undefined) return;
      const fail = (what: string) => trouble(partition, what);
      const round = { partition, run: source, atBytes: 0, lengthBytes, start, ...asked };
      const numbers = { onBehalfOf, fail, open };
      new LegRound(this.#parts, this.#volume, { ...round, ...numbers }, (answers) => {
        const bits = answers.map(({ bytes }) => bytes);
        for (const range of markedRanges(bits, lengthBytes)) this.#mark(run, range, onBehalfOf);
        ended(step);
      }).sendToAll();
    };
    next({ partition: null, bytes: 0, copyBytes: 0, begin });
  }

  #mark(run: MirrorRun, range: RunRange, onBehalfOf: AttachmentRecord): void {
    const { ended, next, partitions, trouble } = this.#task;
    const targets = { ...run, legs: run.legs.slice(run.inSyncLegs), inSyncLegs: 0 };
    for (const piece of piecesIn(run, range, partitions)) {
      const partition = partitions.get(piece.partition);
      const own = commonRange(range, piece);
      if (partition === undefined || own === null) continue;
      const start = unitOf<VolumeOffset>(piece.start + (own.atBytes - piece.atBytes));
      const asked = { operation: Operation.mark, answerBytes: 0, writeNumber: ownMarkNumber };
      const fail = (what: string) => trouble(partition, what);
      const begin = (step: Step, open: Set<LegRound>): void => {
        const round = { partition, run: targets, ...own, start, ...asked, onBehalfOf, fail, open };
        const done = () => ended(step);
        new LegRound(this.#parts, this.#volume, round, done).sendToAll();
      };
      next({ partition, bytes: 0, copyBytes: 0, begin });
    }
  }
}
