/** What is done to a cluster while fio verifies what it writes: one list for each shipped topology. */
import type { SeededRandom } from '../../cluster/simulation/random.ts';
import { type FaultTarget, faultSchema } from '../../protocols/faults.ts';
import { disksOf } from '../../protocols/topology/layout-form.ts';
import type { ClusterOperator } from '../tools/cluster-operator.ts';
import {
  faultStrike,
  killStrike,
  natsLossStrike,
  natsStrike,
  pauseStrike,
  type Strike,
} from '../tools/strikes.ts';
import type { TestTopologyOptions } from '../tools/test-topology.ts';

export interface InjectionKind {
  readonly name: string;
  /** Chooses a target: anything of the kind, whether I/O goes over it now or not. */
  choose(choice: InjectionChoice): Strike | Promise<Strike>;
}

export interface InjectionChoice {
  readonly operator: ClusterOperator;
  readonly targets: InjectionTargets;
  readonly random: SeededRandom;
}

/** What belongs to a volume, by the topology. */
export interface InjectionTargets {
  readonly hbas: readonly string[];
  readonly links: readonly string[];
  readonly switches: readonly string[];
  readonly disks: readonly string[];
  readonly fabrics: readonly string[];
}

/** How much slower a slow disk is. */
const slowMs = 20;

function fault(target: FaultTarget, more: object): Strike {
  return faultStrike(faultSchema.parse({ target, ...more }));
}

const everywhere: readonly InjectionKind[] = [
  {
    name: 'link down',
    choose: ({ targets, random }) => fault(`link:${random.pick(targets.links)}`, { kind: 'down' }),
  },
  {
    name: 'HBA down',
    choose: ({ targets, random }) => fault(`hba:${random.pick(targets.hbas)}`, { kind: 'down' }),
  },
  {
    name: 'switch killed',
    choose: ({ operator, targets, random }) => killStrike(operator, random.pick(targets.switches)),
  },
  {
    name: 'switch stopped',
    choose: ({ operator, targets, random }) => pauseStrike(operator, random.pick(targets.switches)),
  },
  {
    name: 'read errors',
    choose: ({ targets, random }) =>
      fault(`disk:${random.pick(targets.disks)}`, { kind: 'read-error' }),
  },
  {
    name: 'slow disk',
    choose: ({ targets, random }) =>
      fault(`disk:${random.pick(targets.disks)}`, { kind: 'slow', delayMs: slowMs }),
  },
  {
    name: 'partition',
    choose: ({ operator: { topology }, targets, random }) => {
      const others = [...topology.hosts.map(({ id }): string => id), ...targets.disks];
      const [one, other] = [random.pick(targets.switches), random.pick(others)];
      const target = random.pick([
        `partition:${one}/${other}`,
        `partition:${other}/${one}`,
      ] as const);
      return fault(target, { kind: random.pick(['cut', 'one-way']) });
    },
  },
  {
    name: 'NATS server restarted',
    choose: ({ operator, targets, random }) => natsStrike(operator, random.pick(targets.fabrics)),
  },
];

/** Of a server that carries I/O, until it is healed: only where there is another one. */
const natsServerLost: InjectionKind = {
  name: 'NATS server lost',
  choose: ({ operator, targets, random }) => {
    const io = targets.fabrics.filter((fabric) => fabric !== operator.topology.control);
    return natsLossStrike(random.pick(io));
  },
};

export interface InjectedTopology {
  readonly shipped: NonNullable<TestTopologyOptions['shipped']>;
  readonly kinds: readonly InjectionKind[];
}

export const injectedTopologies: readonly InjectedTopology[] = [
  { shipped: 'default', kinds: everywhere },
  { shipped: 'two-tier', kinds: everywhere },
  { shipped: 'two-fabrics', kinds: [...everywhere, natsServerLost] },
];

/** The links, switches and disks that a volume's I/O can go over. */
export function targetsOf({ topology }: ClusterOperator, volume: string): InjectionTargets {
  const found = topology.volumes.find(({ id }) => id === volume);
  if (found === undefined) throw new Error(`there is no volume ${volume}`);
  const disks = [...new Set(disksOf(found.layout).map(({ disk }): string => disk))];
  const hosts = topology.hosts.filter(({ id }) => found.hosts.includes(id));
  const others = new Set<string>(
    topology.disks.map(({ id }) => id).filter((id) => !disks.includes(id)),
  );
  return {
    hbas: hosts.flatMap(({ hbas }) => hbas.map(({ id }) => id)),
    links: topology.links
      .filter(({ ends }) => !ends.some((end) => others.has(end)))
      .map(({ id }) => id),
    switches: topology.switches.map(({ id }) => id),
    disks,
    fabrics: topology.fabrics.map(({ id }) => id),
  };
}
