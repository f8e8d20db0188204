/**
 * Rules about what survives a power cut, broken on purpose: those of a disk one by one (the order in which journal, home
 * locations, checkpoint and superblock become durable), and one of the SAN as a whole.
 */
import type { Patch } from '../../tools/mutated-build.ts';
import { mutants } from '../simulation/mutants.ts';

export interface PowerCutMutant {
  /** What the broken program does, as a sentence. */
  readonly does: string;
  readonly patches: readonly Patch[];
  /** Which recording shows it, and how many of its points are enough: each so manieth. */
  readonly recording: string;
  readonly every: number;
}

const superblocks = 'actors/disk/superblock-store.js';
const writeBehind = 'actors/disk/write-behind.js';
const disk = { recording: 'disk:3', every: 1 };

export const powerCutMutants = {
  acknowledgesFuaEarly: { ...mutants.acknowledgesFuaEarly, ...disk },
  acknowledgesFlushEarly: { ...mutants.acknowledgesFlushEarly, ...disk },
  movesHomeBeforeJournal: { ...mutants.movesHomeBeforeJournal, ...disk },
  countsCheckpointEarly: {
    does: 'a checkpoint counts before what it moved home is durable',
    patches: [
      {
        file: writeBehind,
        snippet: 'this.#parts.journal.commit.request((flushError) => this.#record(flushError));',
        replacement: 'this.#record(null);',
      },
    ],
    ...disk,
  },
  forgetsIosAtCheckpoints: {
    does: 'a checkpoint releases the records of I/Os that must be remembered, and does not write them again',
    patches: [
      {
        file: writeBehind,
        snippet: 'journal.appendIds([...remembered.entries(), ...marks.entries()]);',
        replacement: '',
      },
    ],
    ...disk,
  },
  writesSuperblockWithoutTwin: {
    does: 'a superblock has one copy only',
    patches: [{ file: superblocks, snippet: 'writeCopy(copy + 1);', replacement: 'done(null);' }],
    ...disk,
  },
  writesBothSuperblocksAtOnce: {
    does: 'the second copy of a superblock is written before the first one is durable',
    patches: [
      {
        file: superblocks,
        snippet: 'store.flush((flushError) => {',
        replacement:
          '((ended) => (copy === 0 ? ended(null) : store.flush(ended)))((flushError) => {',
      },
    ],
    ...disk,
  },
  skipsSettling: { ...mutants.skipsSettling, recording: 'default:1', every: 40 },
} as const satisfies Record<string, PowerCutMutant>;
