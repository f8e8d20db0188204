/** The signs by which a strike is seen to be met: what is counted between it and its healing, and of whom. */
import type { StatusReport } from '../../cluster/status-report.ts';
import type { ClusterOperator } from '../tools/cluster-operator.ts';
import { untilAsync } from '../tools/until.ts';
import { countersOf } from '../tools/ways-in-use.ts';

export const signNames = [
  're-issues',
  'failovers',
  'dead links',
  'time-outs',
  'retransmissions',
  'mirror retries',
  'repairs',
  'I/Os of the disk',
  'frames over other HBAs',
  'restarts of the server',
] as const;
export type SignName = (typeof signNames)[number];

/** How often each was counted. */
export type SignCounts = Readonly<Partial<Record<SignName, number>>>;

/** Where signs are looked for. */
export interface SignPlace {
  readonly operator: ClusterOperator;
  /** The id of what is struck. */
  readonly target: string;
}

interface Look extends SignPlace {
  readonly status: StatusReport;
}

/** Of all hosts, or all switches. */
const counted =
  (counter: string) =>
  ({ status }: Look): number =>
    status.counters[counter] ?? 0;

const signs: Readonly<Record<SignName, (look: Look) => number | Promise<number>>> = {
  're-issues': counted('reissues'),
  failovers: counted('failovers'),
  'dead links': ({ operator }) => operator.linkDowns,
  'time-outs': counted('timeouts'),
  // Of coordinators to disks: hosts know nothing of it.
  retransmissions: async ({ operator }) => {
    const ids = operator.topology.switches.map(({ id }): string => id);
    const counters = await Promise.all(ids.map((id) => countersOf(operator, 'switch', id)));
    return counters.reduce((sum, { retransmissions = 0 }) => sum + retransmissions, 0);
  },
  'mirror retries': counted('mirrorRetries'),
  repairs: counted('repairs'),
  'I/Os of the disk': async ({ operator, target }) => {
    const { reads = 0, writes = 0 } = await countersOf(operator, 'disk', target);
    return reads + writes;
  },
  // One that was in use may have lost nothing: what came after its last answer went elsewhere.
  'frames over other HBAs': async ({ operator, target }) => {
    const host = operator.topology.hosts.find(({ hbas }) => hbas.some(({ id }) => id === target));
    const others = host?.hbas.map(({ id }): string => id).filter((id) => id !== target) ?? [];
    const counters = await Promise.all(others.map((id) => countersOf(operator, 'hba', id)));
    return counters.reduce((sum, { sentFrames = 0 }) => sum + sentFrames, 0);
  },
  'restarts of the server': ({ status, target }) =>
    status.nats.servers.find(({ fabric }) => fabric === target)?.restarts ?? 0,
};

const statusTimeoutMs = 30_000;

/** What was counted so far. Waits until every host says what it has. */
export async function countSigns(
  names: readonly SignName[],
  place: SignPlace,
): Promise<SignCounts> {
  let status: StatusReport | null = null;
  const isComplete = async () => {
    status = await place.operator.status();
    return status.actors.every(({ kind, state }) => kind !== 'host' || state !== 'silent');
  };
  await untilAsync(isComplete, 'all hosts to say what they have counted', statusTimeoutMs);
  if (status === null) throw new Error('there is no status');
  const counts: [SignName, number][] = [];
  for (const name of names) counts.push([name, await signs[name]({ ...place, status })]);
  return Object.fromEntries(counts);
}

/** What was counted after `before`. */
export function signsSince(before: SignCounts, after: SignCounts): SignCounts {
  const names = signNames.filter((name) => after[name] !== undefined);
  return Object.fromEntries(
    names.map((name) => [name, Math.max(0, (after[name] ?? 0) - (before[name] ?? 0))]),
  );
}

/** Fewer are no sign: what a busy machine answers late is sent again, too, and looking at links takes frames. */
const leastOf: Readonly<Partial<Record<SignName, number>>> = {
  retransmissions: 8,
  'frames over other HBAs': 50,
};

/** True when there is any sign. */
export function isMet(since: SignCounts): boolean {
  return signNames.some((name) => (since[name] ?? 0) >= (leastOf[name] ?? 1));
}

/** `3 re-issues, 1 failovers`; `not met`. */
export function signsText(since: SignCounts): string {
  if (!isMet(since)) return 'not met';
  return signNames
    .filter((name) => (since[name] ?? 0) > 0)
    .map((name) => `${since[name]} ${name}`)
    .join(', ');
}
