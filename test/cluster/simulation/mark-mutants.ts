/** Rules of the dirty region log broken on purpose: a part of `mutants`. */
import type { Mutant } from './mutants.ts';

export const markMutants = {
  writesBeforeItMarks: {
    does: 'a host asks for marks, and writes before any mirror has noted them',
    patches: [
      {
        file: 'actors/host/dirty-regions.js',
        snippet: 'waiting.regionsLeft++;',
        replacement: '',
      },
      {
        file: 'actors/host/dirty-regions.js',
        snippet: 'region.waiting.push(waiting);',
        replacement: '',
      },
    ],
  },
  answersMarksEarly: {
    does: 'a disk answers a mark before it is durable',
    patches: [
      {
        file: 'actors/disk/mark-changes.js',
        snippet: `else if (change.kind === 'unmark')`,
        replacement: 'else if (true)',
      },
    ],
  },
  takesBackUnflushed: {
    does: 'a host takes marks back before a flush has covered what it wrote',
    patches: [
      {
        file: 'actors/host/dirty-region.js',
        snippet: 'return isMarked && !isChanging && isFlushed && idleSinceMs <= idleUntilMs;',
        replacement: 'return isMarked && !isChanging && openWrites === 0;',
      },
      {
        file: 'actors/host/dirty-region.js',
        snippet: 'isMarked, isChanging, isFlushed, idleSinceMs }',
        replacement: 'isMarked, isChanging, openWrites }',
      },
      {
        file: 'actors/host/dirty-regions.js',
        snippet: 'this.#regions.size === this.#unflushed.size',
        replacement: 'this.#regions.size === 0',
      },
    ],
  },
  takesBackOfTheLiving: {
    does: 'a settling takes back the marks of hosts that go on',
    patches: [
      {
        file: 'actors/disk/mark-changes.js',
        snippet: `host === '' ? isGone : isOwn`,
        replacement: `host === '' ? () => true : isOwn`,
      },
    ],
  },
  handsNoMarksOn: {
    does: 'a mirror that was made equal does not get the marks of hosts',
    patches: [
      {
        file: 'actors/switch/mark-transfer.js',
        snippet: 'if (!attachment.readOnly)',
        replacement: 'if (false)',
      },
    ],
  },
  looksAtNoMarks: {
    does: 'a settling finds nothing marked',
    patches: [
      {
        file: 'actors/switch/settling-marks.js',
        snippet: 'const ranges = markedRanges(answers, lengthBytes);',
        replacement: 'const ranges = [];',
      },
    ],
  },
  forgetsMarksWithTheJournal: {
    does: 'a checkpoint of a disk does not write its marks again',
    patches: [
      {
        file: 'actors/disk/write-behind.js',
        snippet: ', ...marks.entries()]',
        replacement: ']',
      },
    ],
  },
} satisfies Readonly<Record<string, Mutant>>;
