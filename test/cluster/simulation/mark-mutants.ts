/** Rules of the dirty region log broken on purpose: a part of `mutants`. */
import type { Mutant } from './mutants.ts';

const hostRegions = 'actors/host/dirty-regions.js';

export const markMutants = {
  writesBeforeItMarks: {
    does: 'a host asks for marks, and writes before any mirror has noted them',
    patches: [
      { file: hostRegions, snippet: 'return !isMarked;', replacement: 'return false;' },
      { file: hostRegions, snippet: 'region.waiting.push(waiting);', replacement: '' },
      { file: hostRegions, snippet: 'this.waiting.add(waiting);', replacement: '' },
    ],
  },
  answersMarksUnnoted: {
    does: 'a disk answers a mark, and notes it in its memory only',
    patches: [
      {
        file: 'actors/disk/mark-changes.js',
        snippet: 'const entries = entriesOf(device, change);',
        replacement: `const all = entriesOf(device, change);
          for (const entry of all) applyEntry(device.parts, entry, -1);
          const entries = [];`,
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
    scene: 'lone-marks',
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
  marksOnlyWhereOthersAre: {
    scene: 'lone-marks',
    does: 'a mirror that is alone does not note what its host marks',
    patches: [
      {
        file: 'actors/switch/mirror-runs.js',
        snippet: 'return inSyncLegs > 0 && isMirrored;',
        replacement: 'return legs > 1;',
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
