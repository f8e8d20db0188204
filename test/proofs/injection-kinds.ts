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
import type { WaysInUse } from '../tools/ways-in-use.ts';
import type { SignName } from './strike-signs.ts';

export interface InjectionKind {
  readonly name: string;
  /** It was met when any of these was counted. */
  readonly metBy: readonly SignName[];
  choose(choice: InjectionChoice): Promise<ChosenStrike>;
}

export interface ChosenStrike {
  /** The id of what is struck. */
  readonly target: string;
  readonly strike: Strike;
}

export interface InjectionChoice {
  readonly operator: ClusterOperator;
  readonly targets: InjectionTargets;
  readonly random: SeededRandom;
  /** Over what the volume's I/O goes now. */
  readonly ways: WaysInUse;
  /** Those of the volume's disks that answer its reads now. */
  disksRead(): Promise<readonly string[]>;
}

/** What belongs to a volume, by the topology. */
export interface InjectionTargets {
  readonly hbas: readonly string[];
  readonly links: readonly string[];
  readonly switches: readonly string[];
  readonly disks: readonly string[];
  /** Those that carry I/O. */
  readonly fabrics: readonly string[];
  /** The fabric of commands. */
  readonly control: string;
}

/** How much slower a slow disk is. */
const slowMs = 20;

interface KindParts extends Pick<InjectionKind, 'name' | 'metBy'> {
  /** What may be struck; at least one. */
  readonly of: (choice: InjectionChoice) => readonly string[] | Promise<readonly string[]>;
  readonly strikeOf: (id: string, operator: ClusterOperator) => Strike | Promise<Strike>;
}

function kind({ name, metBy, of, strikeOf }: KindParts): InjectionKind {
  const choose = async (choice: InjectionChoice) => {
    const target = choice.random.pick(await of(choice));
    return { target, strike: await strikeOf(target, choice.operator) };
  };
  return { name, metBy, choose };
}

function fault(target: FaultTarget, more: object): Strike {
  return faultStrike(faultSchema.parse({ target, ...more }));
}

/** Of all that could be struck what is in use; all of it when nothing of it is. */
function usedOf(all: readonly string[], used: readonly string[]): readonly string[] {
  const both = all.filter((id) => used.includes(id));
  return both.length > 0 ? both : all;
}

const switchesInUse = ({ targets, ways }: InjectionChoice) =>
  usedOf(targets.switches, [...ways.coordinators, ...ways.forwarders]);

/** A way was lost: hosts sent again what was under way there, or switches found nobody at the end of a link. */
const wayLost: readonly SignName[] = ['re-issues', 'failovers', 'dead links'];
/** Whoever is silent is found out by waiting; coordinators that wait for disks send again, and nobody else knows. */
const wayLostSilently: readonly SignName[] = [...wayLost, 'time-outs', 'retransmissions'];

const everywhere: readonly InjectionKind[] = [
  kind({
    name: 'link down',
    metBy: wayLost,
    of: ({ targets, ways }) => usedOf(targets.links, ways.links),
    strikeOf: (id) => fault(`link:${id}`, { kind: 'down' }),
  }),
  kind({
    name: 'HBA down',
    metBy: [...wayLost, 'frames over other HBAs'],
    of: ({ targets, ways }) => usedOf(targets.hbas, ways.hbas),
    strikeOf: (id) => fault(`hba:${id}`, { kind: 'down' }),
  }),
  kind({
    name: 'switch killed',
    metBy: wayLost,
    of: switchesInUse,
    strikeOf: (id, operator) => killStrike(operator, id),
  }),
  kind({
    name: 'switch stopped',
    metBy: wayLostSilently,
    of: switchesInUse,
    strikeOf: (id, operator) => pauseStrike(operator, id),
  }),
  kind({
    name: 'read errors',
    metBy: ['mirror retries', 'repairs'],
    of: async (choice) => usedOf(choice.targets.disks, await choice.disksRead()),
    strikeOf: (id) => fault(`disk:${id}`, { kind: 'read-error' }),
  }),
  kind({
    // Any of them: every mirror is written.
    name: 'slow disk',
    metBy: ['I/Os of the disk'],
    of: ({ targets }) => targets.disks,
    strikeOf: (id) => fault(`disk:${id}`, { kind: 'slow', delayMs: slowMs }),
  }),
  kind({
    name: 'partition',
    metBy: wayLostSilently,
    of: ({ operator, targets, ways }) => {
      const hosts = operator.topology.hosts.filter(({ hbas }) =>
        hbas.some(({ id }) => targets.hbas.includes(id)),
      );
      const others = [...hosts.map(({ id }): string => id), ...targets.disks];
      return ways.coordinators.flatMap((id) => others.map((other) => `${other}/${id}`));
    },
    strikeOf: (id) => fault(`partition:${id}`, { kind: 'cut' }),
  }),
  kind({
    name: 'NATS server restarted',
    metBy: wayLostSilently,
    of: ({ targets }) => targets.fabrics,
    strikeOf: (id, operator) => natsStrike(operator, id),
  }),
];

/** Of a server that carries I/O, until it is healed: only where there is another one. */
const natsServerLost = kind({
  name: 'NATS server lost',
  metBy: wayLostSilently,
  of: ({ targets }) => targets.fabrics,
  strikeOf: natsLossStrike,
});

/** Where it carries no I/O: none is to notice, so that its restart itself is what shows. */
const controlServerRestarted = kind({
  name: 'NATS server for control restarted',
  metBy: ['restarts of the server'],
  of: ({ targets }) => [targets.control],
  strikeOf: (id, operator) => natsStrike(operator, id),
});

export interface InjectedTopology {
  readonly shipped: NonNullable<TestTopologyOptions['shipped']>;
  readonly kinds: readonly InjectionKind[];
}

export const injectedTopologies: readonly InjectedTopology[] = [
  { shipped: 'default', kinds: everywhere },
  { shipped: 'two-tier', kinds: everywhere },
  { shipped: 'two-fabrics', kinds: [...everywhere, natsServerLost, controlServerRestarted] },
];

/** What a volume's I/O can go over. */
export function targetsOf({ topology }: ClusterOperator, volume: string): InjectionTargets {
  const found = topology.volumes.find(({ id }) => id === volume);
  if (found === undefined) throw new Error(`there is no volume ${volume}`);
  const disks = [...new Set(disksOf(found.layout).map(({ disk }): string => disk))];
  const hosts = topology.hosts.filter(({ id }) => found.hosts.includes(id));
  const others = new Set<string>(
    topology.disks.map(({ id }) => id).filter((id) => !disks.includes(id)),
  );
  const fabrics = topology.fabrics.map(({ id }): string => id);
  return {
    hbas: hosts.flatMap(({ hbas }) => hbas.map(({ id }) => id)),
    links: topology.links
      .filter(({ ends }) => !ends.some((end) => others.has(end)))
      .map(({ id }) => id),
    switches: topology.switches.map(({ id }) => id),
    disks,
    fabrics: fabrics.length === 1 ? fabrics : fabrics.filter((id) => id !== topology.control),
    control: topology.control,
  };
}
