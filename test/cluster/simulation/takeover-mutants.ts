/** Rules of taking partitions over broken on purpose: a part of `mutants`. */
import type { Mutant } from './mutants.ts';

export const takeoverMutants = {
  forgetsWhatWasDone: {
    does: 'a new coordinator carries out again what a disk had done through its predecessor',
    patches: [
      {
        file: 'actors/switch/attachments.js',
        snippet: 'if (done.has(write.ioNumber) && !owed.some((each) => each.write === write))',
        replacement: 'if (false)',
      },
    ],
  },
  comparesNothing: {
    does: 'a new coordinator takes mirrors for equal where hosts have writes open',
    patches: [
      {
        file: 'actors/switch/switch-volume.js',
        snippet: `compared === 'unfinished' ? writes : compared`,
        replacement: `compared === 'unfinished' ? [] : compared`,
      },
    ],
  },
  takesDoubtsForNothing: {
    does: 'mirrors are compared only where writes are open, although a disk restarted or a host is gone',
    patches: [
      {
        file: 'actors/virtualizer/decisions.js',
        snippet: 'const areEqual = circumstances.wereEqual && known;',
        replacement: 'const areEqual = true;',
      },
    ],
  },
  goesOnWithoutBeingAsked: {
    does: 'a host goes on with what it has open, although it was taken for gone and nobody asked it',
    patches: [
      {
        file: 'actors/virtualizer/decisions.js',
        snippet: 'const goesOn = held !== null && !(renewed && isGone);',
        replacement: 'const goesOn = held !== null;',
      },
      {
        file: 'actors/switch/unfinished-writes.js',
        snippet: 'return firstEpoch < attachEpoch && !readOnly;',
        replacement: 'return false;',
      },
    ],
  },
  forgetsWhatIsOwed: {
    does: 'a new coordinator goes back to an older copy of a block, and takes for done the write that is lost by it',
    patches: [
      {
        file: 'actors/switch/settling-source.js',
        snippet: 'if (!isNewest && owed.length > 0)',
        replacement: 'if (false)',
      },
    ],
  },
  countsWhatWasCopiedOver: {
    does: 'what a disk did while its mirror was resyncing counts as done once that is in sync, although it was copied over',
    seed: 161,
    topology: 'two-tier',
    patches: [
      {
        file: 'actors/disk/disk-decisions.js',
        snippet: 'return io !== undefined && io.epoch >= (epochsMin[index] ?? 0);',
        replacement: 'return io !== undefined;',
      },
    ],
  },
  endsWritesInDoubt: {
    does: 'a host ends the writes of an attachment that it lost with an error before they are fenced',
    patches: [
      {
        file: 'actors/host/writes-in-doubt.js',
        snippet: 'if (io.isWrite && io.partsMade > 0)',
        replacement: 'if (false)',
      },
    ],
  },
} as const satisfies Record<string, Mutant>;
