/**
 * Rules about who decides, and about what an operator decides by force, broken on purpose (DESIGN V7, I4): a part of
 * `mutants`. Two virtualizers are there on two tiers only.
 */
import type { Mutant } from './mutants.ts';

const lease = 'actors/virtualizer/control-lease.js';
const claim = 'actors/virtualizer/control-claim.js';
const key = 'actors/virtualizer/volume-key.js';
const decider = 'actors/virtualizer/volume-decider.js';
const store = 'actors/virtualizer/record-store.js';
const choice = 'actors/virtualizer/forced-choice.js';
const forced = 'actors/virtualizer/forced-mirrors.js';

const takesWhatOthersHold = [
  {
    file: claim,
    snippet: 'if (last !== null && !isOwn && !isDeepStrictEqual(last, free))',
    replacement: 'if (false)',
  },
];
const ignoresSuccessors = [
  {
    file: lease,
    snippet: 'if (record !== null && !isOwn && record.controlEpoch >= controlEpoch)',
    replacement: 'if (false)',
  },
  {
    file: lease,
    snippet: 'if (behindSince === null || at - behindSince < leaseMs)',
    replacement: 'if (true)',
  },
  { file: key, snippet: 'if (value.controlEpoch > controlEpoch)', replacement: 'if (false)' },
  {
    file: decider,
    snippet: 'if (!isAhead || knownControlEpoch < controlEpoch)',
    replacement: 'if (true)',
  },
];

export const controlMutants = {
  takesOverAtOnce: {
    does: 'a virtualizer that stands by takes over without waiting, and without comparing who decides',
    patches: [
      {
        file: lease,
        snippet: 'if (record === null || record.incarnation === incarnation)',
        replacement: 'if (true)',
      },
      ...takesWhatOthersHold,
    ],
  },
  goesOnDeciding: {
    does: 'a virtualizer goes on deciding although another one has taken over',
    patches: ignoresSuccessors,
  },
  decidesOverOthers: {
    does: 'a virtualizer goes on deciding although another one has taken over, and writes over what that one has decided',
    patches: [
      ...ignoresSuccessors,
      {
        file: store,
        snippet: "if (result.outcome !== 'written') return done(result);",
        replacement: `if (result.outcome === 'conflict')
          return this.#database.read(this.#key, (now) => {
            this.#revision = now.revision ?? 0;
            this.write(value, done);
          });
          if (result.outcome !== 'written') return done(result);`,
      },
    ],
  },
  forcesAtALook: {
    does: 'an operator who only looks what force would mean has forced it',
    patches: [
      { file: choice, snippet: 'if (!isForced) this.#disks = before; else if', replacement: 'if' },
    ],
  },
  forcesForEver: {
    does: 'what an operator has forced once counts whenever a mirror is missing again',
    patches: [
      {
        file: 'actors/virtualizer/volume-members.js',
        snippet: 'this.forced.drop();',
        replacement: '',
      },
      {
        file: choice,
        snippet: "if (survey.outcome === 'missing' || survey.outcome === 'unknown')",
        replacement: 'if (true)',
      },
    ],
  },
  forcesWithoutNeed: {
    does: 'an operator’s force is done although nothing is missing',
    patches: [
      {
        file: choice,
        snippet: "if (record === null || this.#parts.survey().outcome !== 'missing')",
        replacement: 'if (record === null)',
      },
      {
        file: choice,
        snippet: "return survey.outcome === 'missing' ? null : survey;",
        replacement: 'this.#disks = disks; return null;',
      },
    ],
  },
  outranksNobody: {
    does: 'what an operator has forced counts for no more than what those who were away were told',
    patches: [
      {
        file: forced,
        snippet: 'eventCount: unitOf(record.eventCount + eventCountLeap)',
        replacement: 'eventCount: record.eventCount',
      },
    ],
  },
  believesWhoComesBack: {
    does: 'a mirror that an operator has overruled is in sync again as soon as it is back',
    patches: [
      {
        file: 'actors/virtualizer/mirror-changes.js',
        snippet: 'this.#states = new Map(',
        replacement: `this.counts = new Map(records.map((each) => [each.set, each.eventCount]));
          this.#states = new Map(`,
      },
      {
        file: 'actors/virtualizer/mirror-changes.js',
        snippet:
          "return isPresent && own.every(({ disk }) => returns(disk)) ? 'resyncing' : state;",
        replacement: `return isPresent && own.every(({ disk }) => returns(disk))
          ? (before.counts.get(set) > 2 ** 31 ? 'in-sync' : 'resyncing') : state;`,
      },
    ],
  },
} as const satisfies Record<string, Mutant>;
