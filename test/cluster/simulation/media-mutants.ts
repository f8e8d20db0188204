/** Rules about bad media, mirror retry and repair, broken on purpose: part of `mutants`. */
import type { Mutant } from './mutants.ts';

const admission = 'actors/switch/admission.js';
const mirrorRetry = 'actors/host/mirror-retry-machine.js';

export const mediaMutants = {
  repairsFromBadMirrors: {
    does: 'a repair takes the block of the mirror that cannot be read for the right one',
    patches: [
      {
        file: 'actors/switch/repair.js',
        snippet: 'bytes: unreadable.has(mirror) ? null : (answers[mirror]?.bytes ?? null),',
        replacement: `bytes: unreadable.has(mirror)
          ? new Uint8Array(blockBytes)
          : (unreadable.size > 0 ? null : (answers[mirror]?.bytes ?? null)),`,
      },
      {
        file: 'actors/switch/repair-choice.js',
        snippet: 'if (differs || !fitsTag(chosen, right))',
        replacement: 'if (false)',
      },
    ],
  },
  repairsWithoutHold: {
    does: 'a repair does not hold its blocks: it overwrites what is written meanwhile',
    patches: [
      {
        file: admission,
        snippet: 'if (one.isRead && other.isRead) return false;',
        replacement: `if (one.isRead && other.isRead) return false;
          if (one.request?.operation === 10 || other.request?.operation === 10) return false;`,
      },
    ],
  },
  handsOutRottenBlocks: {
    does: 'what a failed mirror gives is taken all the same: checksums of stored blocks are not looked at',
    patches: [
      {
        file: 'actors/disk/read-operation.js',
        snippet: 'if (expected === noBytes || checksumOf(this.#blockAt(index)) === expected)',
        replacement: 'if (true)',
      },
      {
        file: 'actors/disk/read-operation.js',
        snippet: 'const checksum = isWhole ? whole :',
        replacement: 'const checksum =',
      },
    ],
  },
  failsForOneSector: {
    does: 'a disk fails as a whole for one sector of its journal that it cannot read',
    patches: [
      {
        file: 'actors/disk/slice-runs.js',
        snippet: "if (error?.kind !== 'media')",
        replacement: 'if (true)',
      },
    ],
  },
  refusesLastMirror: {
    does: 'a host does not read the last mirror that is left, and gives its consumer an error',
    patches: [
      {
        file: mirrorRetry,
        snippet: 'candidatesAfter(context, event).length > 0',
        replacement: 'candidatesAfter(context, event).length > 1',
      },
      {
        file: mirrorRetry,
        snippet: 'untriedOf(context, event.disks).length > 0',
        replacement: 'untriedOf(context, event.disks).length > 1',
      },
      {
        file: mirrorRetry,
        snippet: 'untriedOf(context, [...event.disks, ...event.away]).length === 0',
        replacement: 'true',
      },
      {
        file: mirrorRetry,
        snippet: "event.type === 'repair.ended' && event.isGood",
        replacement: 'false',
      },
    ],
  },
  givesUpAfterTwoMirrors: {
    does: 'a host gives a read up when two mirrors have failed under it, however many there are',
    patches: [
      {
        file: mirrorRetry,
        snippet: 'candidatesAfter(context, event).length > 0',
        replacement: 'context.failed.length < 1 && candidatesAfter(context, event).length > 0',
      },
      {
        file: mirrorRetry,
        snippet: 'untriedOf(context, event.disks).length > 0',
        replacement: 'context.failed.length < 2 && untriedOf(context, event.disks).length > 0',
      },
      {
        file: mirrorRetry,
        snippet: 'untriedOf(context, [...event.disks, ...event.away]).length === 0',
        replacement: 'true',
      },
      {
        file: mirrorRetry,
        snippet: "event.type === 'repair.ended' && event.isGood",
        replacement: 'false',
      },
    ],
  },
  mendsNothing: {
    does: 'a range of which each mirror lacks another block is given up, although every block is good somewhere',
    patches: [
      {
        file: mirrorRetry,
        snippet: "event.type === 'repair.ended' && event.isGood",
        replacement: 'false',
      },
    ],
  },
  callsDataNothing: {
    does: 'disks say of blocks that hold data that nothing is stored there',
    patches: [
      {
        file: 'actors/disk/tag-queries.js',
        snippet: 'kind === TagKind.data || kind === TagKind.damaged;',
        replacement: 'kind === TagKind.damaged;',
      },
    ],
  },
  scrubsNothing: {
    does: 'a scrub takes every block for good that its disk says is bad',
    patches: [
      {
        file: 'actors/switch/scrub.js',
        snippet:
          'const isBad = (index) => answers.some((answer) => hasBlockBit(answer.bytes, index));',
        replacement: 'const isBad = () => false;',
      },
    ],
  },
} as const satisfies Record<string, Mutant>;
