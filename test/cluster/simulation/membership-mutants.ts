/**
 * Rules of membership broken on purpose (DESIGN I3, I4, I8): a part of `mutants`. Seeds may take long to meet what shows
 * them; an order of kills and restarts does at once.
 */
import type { Mutant } from './mutants.ts';

const members = 'actors/virtualizer/volume-members.js';
const resync = 'actors/switch/resync.js';

export const membershipMutants = {
  acknowledgesBeforeStale: {
    does: 'a write is acknowledged without a mirror whose disk is dead, before that is decided to be stale',
    killOrder: '2:2121@2:gathering.waiting#1',
    patches: [
      {
        file: 'actors/switch/leg-calls.js',
        snippet: 'call.deadLinks = none; call.isUnheard = false; } /** @returns',
        replacement: `call.deadLinks = none; call.isUnheard = false;
          if (call.owner.legsLeft > 1) { call.owner.legsLeft--; this.release(call); }
          } /** @returns`,
      },
    ],
  },
  servesLoneStale: {
    does: 'a mirror that is stale goes on alone',
    killOrder: '2:212',
    patches: [
      {
        file: 'actors/virtualizer/mirror-changes.js',
        snippet: "states[mirror] === 'in-sync' && isReadable(child, sets, has)",
        replacement: 'isReadable(child, sets, has)',
      },
    ],
  },
  promotesBeforeCopied: {
    does: 'a mirror is in sync before what it missed is copied',
    killOrder: '2:112',
    patches: [
      {
        file: members,
        snippet:
          'return this.#resyncedIn === last.generation && before?.instance === now?.instance;',
        replacement: 'return before?.instance === now?.instance;',
      },
    ],
  },
  forgetsWithTheDatabase: {
    does: 'what disks were told of who is in sync counts for nothing when the config database has lost it',
    killOrder: '2:121',
    patches: [
      {
        file: 'actors/virtualizer/disk-survey.js',
        snippet: '.flatMap(({ mirrorSets }) => mirrorSets);',
        replacement: '.flatMap(() => []);',
      },
    ],
  },
  asksAwayOnly: {
    does: 'what disks know of who is in sync counts only while one is away that the record names',
    patches: [
      {
        file: 'actors/virtualizer/membership.js',
        snippet: 'const lack = question.lackOf(disks, told);',
        replacement: 'const lack = lacking.length === 0 ? null : question.lackOf(disks, told);',
      },
      {
        file: members,
        snippet: 'neededBy: (told) => this.#neededBy(told),',
        replacement: 'neededBy: () => this.#neededBy([]),',
      },
    ],
  },
  copiesByTags: {
    does: 'a mirror is made equal block by block to whichever copy has the highest tag, in sync or not',
    killOrder: '2:2121@2:gathering.waiting#1',
    patches: [
      {
        file: resync,
        snippet: 'digestCount, tagRecordsBytes, }',
        replacement: 'digestCount, recordEpoch, recordWriteNumber, tagRecordsBytes, }',
      },
      {
        file: resync,
        snippet: 'this.#noteCopies(run, { atBytes, lengthBytes: count * blockBytes });',
        replacement: `for (let block = first; block < first + count; block++) {
          const ages = records.map((each) =>
            recordEpoch(each, block) * 1e9 + recordWriteNumber(each, block));
          const asked = [...run.legs.slice(0, 1), ...run.legs.slice(run.inSyncLegs)];
          const source = asked[ages.indexOf(Math.max(...ages))];
          const legs = [source, ...run.legs.filter((leg) => leg !== source)];
          const place = range.atBytes + block * blockBytes;
          this.#noteCopies({ ...run, legs }, { atBytes: place, lengthBytes: blockBytes });
        }`,
      },
    ],
  },
  takesCopiesForDisks: {
    does: 'a disk that was put back from a copy, and was started since, is taken for the one that was decided on',
    scene: 'restored-disks',
    patches: [
      {
        file: 'actors/virtualizer/disk-survey.js',
        snippet: 'if (!parsed.data.starts.includes(recorded))',
        replacement: 'if (instance < recorded)',
      },
      {
        file: 'actors/disk/open-disk.js',
        snippet: 'count * drawnInstances + random.integer(drawnInstances)',
        replacement: 'count * drawnInstances',
      },
    ],
  },
  trustsMarksOfCopies: {
    does: 'a disk that lacks the last decision is compared where hosts have marked only, also if it was put back from a copy',
    scene: 'restored-disks',
    patches: [
      {
        file: 'actors/virtualizer/decisions.js',
        snippet: '&& !someoneMissedLast(last, circumstances)',
        replacement: '',
      },
    ],
  },
} as const satisfies Record<string, Mutant>;
