/** What is done to a cluster whose pause is measured: each kind with what is asked of it, and how a target is chosen. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { type FaultTarget, faultSchema, faultTargetSchema } from '../../../protocols/faults.ts';
import { idOf } from '../../../protocols/ids.ts';
import type { ClusterOperator } from '../../tools/cluster-operator.ts';
import { onlyWays } from '../../tools/only-ways.ts';
import {
  faultStrike,
  killStrike,
  moveStrike,
  pauseStrike,
  type Strike,
} from '../../tools/strikes.ts';
import type { WaysInUse } from '../../tools/ways-in-use.ts';

export const kindNames = [
  'nothing',
  'link',
  'hba',
  'only-way',
  'forwarder',
  'killed',
  'silent',
  'moved',
  'disk',
] as const;
export type KindName = (typeof kindNames)[number];

export interface InjectionKind {
  readonly name: KindName;
  readonly title: string;
  /** What is asked of the pauses' 99th percentile; null: nothing, it is shown only. */
  readonly pauseMsMax: number | null;
  /** The same of the longest I/O while it is healed. */
  readonly healingMsMax: number | null;
  /** The share of its injections that some I/O must have met, or nothing is shown; null where there is nothing to meet. */
  readonly metShareMin: number | null;
  /** Whether the volume must have got another coordinator before the pause counts as over. */
  readonly movesCoordinator: boolean;
  /** Whether healing it starts a process, whose code is slow until it has run for a while. */
  readonly startsProcess: boolean;
  /** null where the topology has nothing of the kind in use. */
  choose(choice: Choice): Promise<Strike | null>;
}

export interface Choice {
  readonly operator: ClusterOperator;
  readonly volume: string;
  readonly ways: WaysInUse;
  readonly random: SeededRandom;
}

const quiet: Strike = { what: 'nothing', strike: async () => {}, heal: async () => {} };

function down(target: FaultTarget): Strike {
  return faultStrike(faultSchema.parse({ target, kind: 'down' }));
}

/** Chooses one of those that are in use. */
function chosen(
  of: (ways: WaysInUse, choice: Choice) => readonly string[],
  strike: (id: string, operator: ClusterOperator) => Strike | Promise<Strike>,
): InjectionKind['choose'] {
  return async (choice) => {
    const { operator, ways, random } = choice;
    const ids = of(ways, choice);
    return ids.length === 0 ? null : strike(random.pick(ids), operator);
  };
}

/** Links and HBAs without which a host of the volume cannot reach a coordinator. */
function onlyWaysOf({ operator, volume, ways }: Choice) {
  return onlyWays(operator.topology, volume, ways.coordinators, ways);
}

/** To another of the switches that the topology names for the volume. */
async function movedPartition(choice: Choice): Promise<Strike | null> {
  const { operator, volume, random } = choice;
  const { coordinators } = await operator.status();
  const own = coordinators.filter((each) => each.volume === volume);
  const { partition, switch: from } = random.pick(own);
  const named = operator.topology.volumes.find(({ id }) => id === volume)?.coordinators ?? [];
  const others = named.filter((id) => id !== from);
  if (others.length === 0) return null;
  const to = random.pick(others);
  return moveStrike({ volume: idOf(volume), partition: Number(partition), to });
}

function without(ids: readonly string[], others: readonly string[]): readonly string[] {
  return ids.filter((id) => !others.includes(id));
}

const killed = (id: string, operator: ClusterOperator) => killStrike(operator, id);
const paused = (id: string, operator: ClusterOperator) => pauseStrike(operator, id);

/**
 * A way that comes back is taken again once it is known to work: nothing is lost, so nothing is to be found out by waiting,
 * and nothing is sent again. It may delay no I/O more than the loss of one.
 */
const wayBackMsMax = 50;
/**
 * A coordinator that comes back, or that an operator chooses, begins when what is open is done, the decision is durable,
 * and each disk knows of it: its writes wait for that, but not for anybody who does not answer. So it may take more than a
 * way, and much less than a coordinator that is lost. A process that starts or wakes up meanwhile is in this, too.
 */
const coordinatorBackMsMax = 100;
/** What is struck is in use as far as anybody knows, a moment before. */
const metShareMin = 0.5;
/** An HBA that loses its connection between two answers has lost nothing: what comes next takes another one. */
const hbaMetShareMin = 0.25;

type KindParts = Pick<InjectionKind, 'name' | 'title' | 'choose'> & Partial<InjectionKind>;

function kind(parts: KindParts): InjectionKind {
  return {
    pauseMsMax: null,
    healingMsMax: null,
    metShareMin,
    movesCoordinator: false,
    startsProcess: false,
    ...parts,
  };
}

export const kinds: readonly InjectionKind[] = [
  kind({
    name: 'nothing',
    title: 'nothing (for comparison)',
    metShareMin: null,
    choose: async () => quiet,
  }),
  kind({
    name: 'link',
    title: 'link down',
    pauseMsMax: 50,
    healingMsMax: wayBackMsMax,
    choose: chosen(
      ({ links }, choice) => without(links, onlyWaysOf(choice).links),
      (id) => down(`link:${id}`),
    ),
  }),
  kind({
    name: 'hba',
    title: 'HBA down',
    pauseMsMax: 50,
    healingMsMax: wayBackMsMax,
    metShareMin: hbaMetShareMin,
    choose: chosen(
      ({ hbas }, choice) => without(hbas, onlyWaysOf(choice).hbas),
      (id) => down(`hba:${id}`),
    ),
  }),
  kind({
    name: 'only-way',
    title: "link or HBA down that is a host's\nonly way to a coordinator",
    pauseMsMax: 300,
    healingMsMax: coordinatorBackMsMax,
    metShareMin: hbaMetShareMin,
    movesCoordinator: true,
    choose: chosen(
      (_, choice) => {
        const { links, hbas } = onlyWaysOf(choice);
        return [...links.map((id) => `link:${id}`), ...hbas.map((id) => `hba:${id}`)];
      },
      (target) => down(faultTargetSchema.parse(target)),
    ),
  }),
  kind({
    name: 'forwarder',
    title: 'switch in the path killed,\nnot a coordinator',
    pauseMsMax: 50,
    healingMsMax: coordinatorBackMsMax,
    startsProcess: true,
    choose: chosen(({ forwarders }) => forwarders, killed),
  }),
  kind({
    name: 'killed',
    title: 'coordinator killed',
    pauseMsMax: 300,
    healingMsMax: coordinatorBackMsMax,
    movesCoordinator: true,
    startsProcess: true,
    choose: chosen(({ coordinators }) => coordinators, killed),
  }),
  kind({
    name: 'silent',
    title: 'coordinator silent\n(SIGSTOP, SIGCONT)',
    pauseMsMax: 3000,
    healingMsMax: coordinatorBackMsMax,
    movesCoordinator: true,
    choose: chosen(({ coordinators }) => coordinators, paused),
  }),
  kind({
    name: 'moved',
    title: 'coordination moved as planned',
    pauseMsMax: coordinatorBackMsMax,
    healingMsMax: coordinatorBackMsMax,
    metShareMin: null,
    movesCoordinator: true,
    choose: movedPartition,
  }),
  kind({
    name: 'disk',
    title: 'disk of a mirror killed',
    startsProcess: true,
    choose: chosen(({ disks }) => disks, killed),
  }),
];
