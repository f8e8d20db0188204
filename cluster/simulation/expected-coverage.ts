/**
 * What a batch of runs must have met, so that its silence means something: every kind of fault with I/O under way, every
 * special error code, every transition that the machines allow. What the simulation cannot meet yet is named here, each
 * with the reason; what is named and occurs all the same is an error too, so that the table stays true.
 */
import { Status } from '../../protocols/codes.ts';
import type { Counts, CoverageCounts } from './coverage.ts';
import { faultNames } from './faults.ts';
import { possibleTransitions } from './machine-transitions.ts';

/** Fewer runs than this are not asked to have met everything. */
export const completeRunsMin = 200;

interface Exemption {
  readonly why: string;
  /** As coverage names them. */
  readonly what: readonly string[];
}

export const exemptCodes: readonly Exemption[] = [
  { why: 'no medium fails in the simulation yet', what: ['media', 'mirrorRead'] },
  {
    why: 'a host that knows the generation knows its coordinators and attachments: an older one is refused before',
    what: ['notCoordinator', 'masked'],
  },
  { why: 'consumers ask for nothing that a volume does not have', what: ['range', 'invalid'] },
  { why: 'no disk runs out of space: stores have their size from the start', what: ['noSpace'] },
];

export const exemptTransitions: readonly Exemption[] = [];

/** Something that can be expected, what of it was met, and what is exempt. */
interface Expectation {
  readonly kind: string;
  readonly names: readonly string[];
  readonly met: Counts;
  readonly exempt: readonly Exemption[];
}

/** What is expected and was never met, as phrases. */
export function missingFrom(counts: CoverageCounts): readonly string[] {
  return expectations(counts).flatMap(({ kind, names, met, exempt }) => {
    const exemptNames = namesOf(exempt);
    return names
      .filter((name) => met[name] === undefined && !exemptNames.includes(name))
      .map((name) => `${kind} ${name}`);
  });
}

/** What is exempt and was met all the same, or does not exist: entries of the tables that are not true. */
export function untrueExemptions(counts: CoverageCounts): readonly string[] {
  return expectations(counts).flatMap(({ kind, names, met, exempt }) =>
    namesOf(exempt)
      .filter((name) => met[name] !== undefined || !names.includes(name))
      .map((name) => `${kind} ${name}`),
  );
}

function expectations(counts: CoverageCounts): readonly Expectation[] {
  return [
    { kind: 'fault', names: faultNames, met: counts.faultsInFlight, exempt: [] },
    { kind: 'code', names: Object.keys(Status), met: counts.codes, exempt: exemptCodes },
    {
      kind: 'transition',
      names: possibleTransitions(),
      met: counts.transitions,
      exempt: exemptTransitions,
    },
  ];
}

function namesOf(exemptions: readonly Exemption[]): readonly string[] {
  return exemptions.flatMap(({ what }) => what);
}
