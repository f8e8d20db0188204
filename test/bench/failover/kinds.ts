/** What is done to a cluster whose pause is measured: each kind with what is asked of it, and how a target is chosen. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { type FaultTarget, faultSchema } from '../../../protocols/faults.ts';
import type { ClusterOperator } from '../../tools/cluster-operator.ts';
import { faultStrike, killStrike, pauseStrike, type Strike } from '../../tools/strikes.ts';
import type { WaysInUse } from '../../tools/ways-in-use.ts';

export const kindNames = [
  'nothing',
  'link',
  'hba',
  'forwarder',
  'killed',
  'silent',
  'disk',
] as const;
export type KindName = (typeof kindNames)[number];

export interface InjectionKind {
  readonly name: KindName;
  readonly title: string;
  /** What is asked of the pauses' 99th percentile; null: nothing, it is shown only. */
  readonly pauseMsMax: number | null;
  /** Whether the volume must have got another coordinator before the pause counts as over. */
  readonly movesCoordinator: boolean;
  /** null where the topology has nothing of the kind in use. */
  choose(choice: Choice): Promise<Strike | null>;
}

export interface Choice {
  readonly operator: ClusterOperator;
  readonly ways: WaysInUse;
  readonly random: SeededRandom;
}

const quiet: Strike = { what: 'nothing', strike: async () => {}, heal: async () => {} };

function down(target: FaultTarget): Strike {
  return faultStrike(faultSchema.parse({ target, kind: 'down' }));
}

/** Chooses one of those that are in use. */
function chosen(
  of: (ways: WaysInUse) => readonly string[],
  strike: (id: string, operator: ClusterOperator) => Strike | Promise<Strike>,
): InjectionKind['choose'] {
  return async ({ operator, ways, random }) => {
    const ids = of(ways);
    return ids.length === 0 ? null : strike(random.pick(ids), operator);
  };
}

const killed = (id: string, operator: ClusterOperator) => killStrike(operator, id);
const paused = (id: string, operator: ClusterOperator) => pauseStrike(operator, id);

function kind(
  name: KindName,
  title: string,
  pauseMsMax: number | null,
  choose: InjectionKind['choose'],
  movesCoordinator = false,
): InjectionKind {
  return { name, title, pauseMsMax, movesCoordinator, choose };
}

export const kinds: readonly InjectionKind[] = [
  kind('nothing', 'nothing (for comparison)', null, async () => quiet),
  kind(
    'link',
    'link down',
    50,
    chosen(
      ({ links }) => links,
      (id) => down(`link:${id}`),
    ),
  ),
  kind(
    'hba',
    'HBA down',
    50,
    chosen(
      ({ hbas }) => hbas,
      (id) => down(`hba:${id}`),
    ),
  ),
  kind(
    'forwarder',
    'switch in the path killed,\nnot a coordinator',
    50,
    chosen(({ forwarders }) => forwarders, killed),
  ),
  kind(
    'killed',
    'coordinator killed',
    300,
    chosen(({ coordinators }) => coordinators, killed),
    true,
  ),
  kind(
    'silent',
    'coordinator silent\n(SIGSTOP, SIGCONT)',
    3000,
    chosen(({ coordinators }) => coordinators, paused),
    true,
  ),
  kind(
    'disk',
    'disk of a mirror killed',
    null,
    chosen(({ disks }) => disks, killed),
  ),
];
