/**
 * What a batch of runs must have met, so that its silence means something: every kind of fault with I/O under way, every
 * special error code, every transition that the machines allow. What the simulation cannot meet is named here, each with
 * the reason; what is named and occurs all the same is an error too, so that the table stays true. A few are so rare that
 * a batch may meet them or not: the machines' own tests see to these.
 */
import { Status } from '../../protocols/codes.ts';
import { type Counts, type CoverageCounts, loadMoves, mirrorChanges } from './coverage.ts';
import { possiblePolicyNames } from './drawn-policies.ts';
import { faultNames } from './faults.ts';
import { possibleTransitions } from './machine-transitions.ts';

/** Fewer runs than this are not asked to have met everything. */
export const completeRunsMin = 200;

interface Exemption {
  readonly why: string;
  /** As coverage names them. */
  readonly what: readonly string[];
  /** It can occur, and seldom does. */
  readonly isRare?: boolean;
}

const exemptCodes: readonly Exemption[] = [
  {
    why: 'a host that knows the generation knows its attachments: an older one is refused before',
    what: ['masked'],
  },
  { why: 'consumers ask for nothing that a volume does not have', what: ['range', 'invalid'] },
  { why: 'no disk runs out of space: stores have their size from the start', what: ['noSpace'] },
];

const exemptTransitions: readonly Exemption[] = [
  {
    why: 'media neither fail to open nor to sync, nor hold another disk: the disk’s own tests see to that',
    what: [
      'disk: absent > refused on store.refused',
      'disk: replaying > refused on store.refused',
      'disk: replaying > refused on store.failed',
      'disk: unassembled > failed on store.failed',
      'disk: serving > failed on store.failed',
      'disk: refused > stopping on stop.requested',
      'disk: failed > stopping on stop.requested',
    ],
  },
  {
    why: 'a store is there before anybody can ask its disk to stop',
    what: ['disk: absent > stopped on stop.requested'],
  },
  {
    why: 'a lease that has just been taken must run out while the volumes are listed: the database must be away for that long, and back at once',
    what: ['virtualizer: starting.listing > standby on control.lost'],
    isRare: true,
  },
  {
    why: 'what there is no room for is refused before it is defined',
    what: ['volume: deciding > ending.draining.looking on decision.impossible'],
  },
  {
    why: 'a disk must be silent, and at once somebody whose place has been given away, and nobody have seen either of them end',
    what: ['volume: deciding > gathering.resting on decision.impossible'],
    isRare: true,
  },
  {
    why: 'the last write of a virtualizer that died must come between the reading of the record and its end, seconds later',
    what: ['volume: reading.asking > ending.retiring on record.read'],
    isRare: true,
  },
  {
    why: 'no switch knows a later generation of a volume than that of its end, unless another virtualizer decided it',
    what: ['volume: ending.unloading > ended on member.refused'],
  },
  {
    why: 'I/O ends by its deadline, which is shorter here than what letting go waits for it: only a repair that is begun meanwhile lasts longer',
    what: [
      'attachment: draining > detaching on after drainDelay',
      'attachment: flushing > detaching on after drainDelay',
    ],
    isRare: true,
  },
  {
    why: 'the last flush takes milliseconds: other control data must arrive within them',
    what: ['attachment: flushing > detaching on controlData.received'],
    isRare: true,
  },
  {
    why: 'topologies do not change here, and who is gone keeps its place: only a late copy of a request of its former process takes it from a host, at a virtualizer that has only just begun',
    what: [
      'attachment: assembling > attaching on controlData.received',
      'attachment: serving > attaching on controlData.received',
      'attachment: interrupted > attaching on controlData.received',
    ],
    isRare: true,
  },
  {
    why: 'hosts report their trouble long before a decision is overdue, and all of them must have got over it without another fault',
    what: [
      'volume: fencing > gathering.resting on after confirmDeadline',
      'volume: loading > gathering.resting on after confirmDeadline',
    ],
    isRare: true,
  },
  {
    why: 'a process that refuses has been replaced since it was looked for, and the virtualizer hears of that within milliseconds',
    what: [
      'volume: loading > gathering.resting on member.refused',
      'volume: ending.forgetting > ending.unloading on member.refused',
    ],
    isRare: true,
  },
];

export interface Exemptions {
  readonly codes: readonly Exemption[];
  readonly transitions: readonly Exemption[];
}

export const exemptions: Exemptions = { codes: exemptCodes, transitions: exemptTransitions };

/** Something that can be expected, what of it was met, and what is exempt. */
interface Expectation {
  readonly kind: string;
  readonly names: readonly string[];
  readonly met: Counts;
  readonly exemptNames: readonly string[];
}

/** What is expected and was never met, as phrases. */
export function missingFrom(counts: CoverageCounts, exempt = exemptions): readonly string[] {
  return expectations(counts, exempt).flatMap(({ kind, names, met, exemptNames }) => {
    return names
      .filter((name) => met[name] === undefined && !exemptNames.includes(name))
      .map((name) => `${kind} ${name}`);
  });
}

/** What is exempt and was met all the same, or does not exist: entries of the tables that are not true. */
export function untrueExemptions(counts: CoverageCounts, exempt = exemptions): readonly string[] {
  const rare = namesOf([...exempt.codes, ...exempt.transitions].filter(({ isRare }) => isRare));
  return expectations(counts, exempt).flatMap(({ kind, names, met, exemptNames }) => {
    const occurs = (name: string) => met[name] !== undefined && !rare.includes(name);
    return exemptNames
      .filter((name) => occurs(name) || !names.includes(name))
      .map((name) => `${kind} ${name}`);
  });
}

function expectations(counts: CoverageCounts, exempt: Exemptions): readonly Expectation[] {
  return [
    { kind: 'policy', names: possiblePolicyNames, met: counts.policies, exemptNames: [] },
    { kind: 'fault', names: faultNames, met: counts.faultsInFlight, exemptNames: [] },
    {
      kind: 'code',
      names: Object.keys(Status),
      met: counts.codes,
      exemptNames: namesOf(exempt.codes),
    },
    { kind: 'read from', names: ['disk', 'cache'], met: counts.reads, exemptNames: [] },
    {
      kind: 'load move',
      names: Object.values(loadMoves),
      met: counts.loadMoves,
      exemptNames: [],
    },
    { kind: 'mirror', names: mirrorChanges, met: counts.mirrors, exemptNames: [] },
    {
      kind: 'transition',
      names: possibleTransitions(),
      met: counts.transitions,
      exemptNames: namesOf(exempt.transitions),
    },
  ];
}

function namesOf(exemptions: readonly Exemption[]): readonly string[] {
  return exemptions.flatMap(({ what }) => what);
}
