/**
 * Which policies a simulated cluster has: drawn from the seed, out of a stream that nothing else uses, so that whatever
 * else a seed draws is the same under all of them.
 */
import type { Policies } from '../../protocols/topology/policies.ts';
import { SeededRandom } from './random.ts';

/** Those of a topology that are drawn. */
export interface DrawnPolicies {
  readonly path: Policies['path'];
  readonly route: Policies['route'];
  readonly failback: Policies['failover']['failback'];
  readonly metric: Policies['imbalance']['metric'];
  /** Seconds. */
  readonly noPathRetry: number;
  readonly staleAfterMs: Policies['membership']['staleAfterMs'];
}

const choices = {
  path: ['hops', 'leastOutstanding', 'serviceTime'],
  route: ['whole', 'firstHop'],
  failback: ['immediate', 'manual', 'followOver'],
  metric: ['answerTime', 'queueDelay', 'none'],
} as const satisfies Partial<Record<keyof DrawnPolicies, readonly string[]>>;

/** As topologies have them that say nothing of it. */
export const usualPolicies: DrawnPolicies = {
  path: 'hops',
  route: 'whole',
  failback: 'immediate',
  metric: 'answerTime',
  noPathRetry: 30,
  staleAfterMs: 2000,
};

/** One seed of so many holds I/O without any way for less long than its deadline, so that it comes to an end. */
const impatientSeedsIn = 3;
const noPathRetryMin = 1.2;
const noPathRetryMax = 2;
const staleSoonMsMax = 1000;

/** @param isPatient no I/O may end before its deadline, as where consumers must see no error */
export function drawnPolicies(seed: string | number, isPatient: boolean): DrawnPolicies {
  const random = new SeededRandom(seed).fork('policies');
  const drawn = {
    path: random.pick(choices.path),
    route: random.pick(choices.route),
    failback: random.pick(choices.failback),
    metric: random.pick(choices.metric),
  };
  const isImpatient = random.integer(impatientSeedsIn) === 0;
  const noPathRetry = random.between(noPathRetryMin, noPathRetryMax);
  const { noPathRetry: usual, staleAfterMs: usualMs } = usualPolicies;
  // Where consumers must see no error, a disk is given up well before their I/O is.
  const soonMs = Math.round(random.between(0, staleSoonMsMax));
  const staleAfterMs = isPatient || random.integer(2) === 0 ? soonMs : usualMs;
  return {
    ...drawn,
    noPathRetry: isImpatient && !isPatient ? noPathRetry : usual,
    staleAfterMs,
  };
}

const patienceNames = { short: 'noPathRetry short', long: 'noPathRetry long' } as const;
const graceNames = { soon: 'stale soon', late: 'stale late' } as const;

/** The policies of a cluster by name, for those that count how often each was in force. */
export function policyNames(policies: Policies): readonly string[] {
  const { path, route, failover, imbalance, membership } = policies;
  const isSoon = membership.staleAfterMs < usualPolicies.staleAfterMs;
  return [
    `path ${path}`,
    `route ${route}`,
    `failback ${failover.failback}`,
    `metric ${imbalance.metric}`,
    isImpatient(policies) ? patienceNames.short : patienceNames.long,
    isSoon ? graceNames.soon : graceNames.late,
  ];
}

/** I/O without any way ends before its deadline. */
export function isImpatient({ noPathRetry, ioDeadlineMs }: Policies): boolean {
  return noPathRetry * 1000 < ioDeadlineMs;
}

/** All names that there are. */
export const possiblePolicyNames: readonly string[] = [
  ...Object.entries(choices).flatMap(([policy, values]) =>
    values.map((value) => `${policy} ${value}`),
  ),
  ...Object.values(patienceNames),
  ...Object.values(graceNames),
];
