/** What strikes alone: each kind chooses a target, which may then be struck several times, each time for a while. */
import { subjectsOf } from '../../protocols/subjects.ts';
import type { FaultName } from './faults.ts';
import { isMissable } from './missable.ts';
import { actorOf } from './network-strikes.ts';
import type { SeededRandom } from './random.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { type FaultTargets, isRunning, takeDown } from './strike.ts';
import type { World } from './world.ts';

/** Does it, and says what it did, and how long that lasts; null when it cannot be done now. */
export type LoneStrike = (
  targets: FaultTargets,
  random: SeededRandom,
) => { readonly what: string; readonly lastsMs: number } | null;

export interface LoneKind {
  readonly name: FaultName;
  readonly choose: (targets: FaultTargets, random: SeededRandom) => LoneStrike;
}

/** Of what cannot be missed for long: much less than I/O is tried. */
const shortMsMax = 1200;
/** Of what can be missed: longer than I/O is tried. */
const longMsMax = 9000;
const flapsMin = 3;
const flapsMax = 5;

/** How long something is missed. */
function missedMs(isLongAllowed: boolean, random: SeededRandom): number {
  const isLong = isLongAllowed && random.integer(2) === 0;
  return isLong ? random.between(shortMsMax, longMsMax) : random.between(20, shortMsMax);
}

function nodesOf(world: World, kind: SimulatedNode['kind']): readonly SimulatedNode[] {
  return world.nodes.filter((node) => node.kind === kind);
}

const linkDown: LoneKind['choose'] = ({ world }, chance) => {
  const { id } = chance.pick(world.topology.links);
  const isLongAllowed = isMissable(world.topology, id);
  return (targets, random) => {
    const lastsMs = missedMs(isLongAllowed, random);
    takeDown(targets, `link:${id}`, 0, lastsMs);
    return { what: `${id} for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

/** All links come and go a few times, as when a chassis is plugged: so soon again that nobody trusts them for a while. */
const linksFlap: LoneKind['choose'] = () => (targets, random) => {
  const times = flapsMin + random.integer(flapsMax - flapsMin + 1);
  const [downMs, upMs] = [random.between(50, 250), random.between(600, 1200)];
  for (const { id } of targets.world.topology.links)
    for (let flap = 0; flap < times; flap++)
      takeDown(targets, `link:${id}`, flap * (downMs + upMs), downMs);
  const what = `all, ${times} times for ${downMs.toFixed(0)} ms, up for ${upMs.toFixed(0)} ms`;
  return { what, lastsMs: times * (downMs + upMs) };
};

const oneWayLink: LoneKind['choose'] = ({ world }, chance) => {
  const { id, ends } = chance.pick(world.topology.links);
  const receiver = actorOf(world, chance.pick([...ends]));
  const isLongAllowed = isMissable(world.topology, id);
  const subject = subjectsOf(world.topology.cluster).io(receiver, id);
  return (_, random) => {
    const lastsMs = missedMs(isLongAllowed, random);
    world.network.silence(subject);
    world.clock.setTimeout(() => world.network.endSilence(subject), lastsMs);
    return { what: `${id} towards ${receiver.id} for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

/** A switch and a host, or a disk: a switch waits for a silent disk longer than I/O is tried here. */
const cutApart: LoneKind['choose'] = ({ world }, chance) => {
  const { topology } = world;
  const { id } = chance.pick(topology.switches);
  const other = chance.pick([...topology.hosts, ...topology.disks]).id;
  const isHost = topology.hosts.some((host) => host.id === other);
  const target = chance.pick([`partition:${id}/${other}`, `partition:${other}/${id}`] as const);
  const kind = chance.pick(['cut', 'one-way'] as const);
  const isLongAllowed = isHost && isMissable(topology, id);
  return (_, random) => {
    const lastsMs = missedMs(isLongAllowed, random);
    world.inject({ kind, target });
    world.clock.setTimeout(() => world.heal(target), lastsMs);
    return { what: `${target} ${kind} for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

const hbaDown: LoneKind['choose'] = ({ world }, chance) => {
  const { id } = chance.pick(world.topology.hosts.flatMap(({ hbas }) => hbas));
  const isLongAllowed = isMissable(world.topology, id);
  return (targets, random) => {
    const lastsMs = missedMs(isLongAllowed, random);
    takeDown(targets, `hba:${id}`, 0, lastsMs);
    return { what: `${id} for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

/** All HBAs come and go together a few times, as when a fabric does: no host has one left that it trusts. */
const hbasFlap: LoneKind['choose'] = () => (targets, random) => {
  const times = flapsMin + random.integer(flapsMax - flapsMin + 1);
  const [downMs, upMs] = [random.between(50, 250), random.between(100, 1200)];
  for (const { id } of targets.world.topology.hosts.flatMap(({ hbas }) => hbas))
    for (let flap = 0; flap < times; flap++)
      takeDown(targets, `hba:${id}`, flap * (downMs + upMs), downMs);
  const what = `all, ${times} times for ${downMs.toFixed(0)} ms, up for ${upMs.toFixed(0)} ms`;
  return { what, lastsMs: times * (downMs + upMs) };
};

/** Those that are there again only after a while must be such as can be missed. */
const crashSwitch: LoneKind['choose'] = ({ world }, chance) => {
  const switches = nodesOf(world, 'switch').filter(({ node }) =>
    node.actors.every(({ id }) => isMissable(world.topology, id)),
  );
  const node = switches.length === 0 ? null : chance.pick(switches);
  return ({ crash }) => {
    if (node === null || !isRunning(node)) return null;
    crash(node);
    return { what: node.node.id, lastsMs: 0 };
  };
};

const diskAway: LoneKind['choose'] = ({ world }, chance) => {
  const node = chance.pick(nodesOf(world, 'disk'));
  return ({ crash }, random) => {
    if (!isRunning(node)) return null;
    const awayMs = missedMs(true, random);
    crash(node, awayMs);
    return { what: `${node.node.id} for ${awayMs.toFixed(0)} ms`, lastsMs: awayMs };
  };
};

const pauseSwitch: LoneKind['choose'] = ({ world }, chance) => {
  const node = chance.pick(nodesOf(world, 'switch'));
  const isLongAllowed = node.node.actors.every(({ id }) => isMissable(world.topology, id));
  return (_, random) => pause(world, node, missedMs(isLongAllowed, random));
};

const pauseDisk: LoneKind['choose'] = ({ world }, chance) => {
  const node = chance.pick(nodesOf(world, 'disk'));
  return (_, random) => pause(world, node, missedMs(true, random));
};

/** Nothing has to be decided while everything else is well. */
const pauseVirtualizer: LoneKind['choose'] = ({ world }, chance) => {
  const node = chance.pick(nodesOf(world, 'virtualizer'));
  return (_, random) => pause(world, node, missedMs(true, random));
};

function pause(world: World, node: SimulatedNode, lastsMs: number): ReturnType<LoneStrike> {
  const { process } = node;
  if (process === null || !isRunning(node)) return null;
  process.pause();
  world.clock.setTimeout(() => process.resume(), lastsMs);
  return { what: `${process.name} for ${lastsMs.toFixed(0)} ms`, lastsMs };
}

const crashVirtualizer: LoneKind['choose'] = ({ world }, chance) => {
  const node = chance.pick(nodesOf(world, 'virtualizer'));
  return ({ crash }) => {
    if (!isRunning(node)) return null;
    crash(node);
    return { what: node.node.id, lastsMs: 0 };
  };
};

const slowSwitch: LoneKind['choose'] = ({ world }, chance) => {
  const target = `switch:${chance.pick(world.topology.switches).id}` as const;
  return (_, random) => {
    const [delayMs, lastsMs] = [random.between(8, 60), random.between(100, longMsMax)];
    world.inject({ kind: 'slow', target, delayMs });
    world.clock.setTimeout(() => world.heal(target), lastsMs);
    return { what: `${target} by ${delayMs.toFixed(0)} ms for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

const slowDisk: LoneKind['choose'] = ({ world }, chance) => {
  const disk = chance.pick(world.topology.disks).id;
  return ({ conditions }, random) => {
    const [times, lastsMs] = [random.pick([10, 50]), random.between(100, longMsMax)];
    conditions.add({ slow: { disk, times } }, lastsMs);
    return { what: `${disk} ${times} times for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

const diskReadError: LoneKind['choose'] = ({ world }, chance) => {
  const target = `disk:${chance.pick(world.topology.disks).id}` as const;
  return (_, random) => {
    const lastsMs = random.between(100, longMsMax);
    world.inject({ kind: 'read-error', target });
    world.clock.setTimeout(() => world.heal(target), lastsMs);
    return { what: `${target} for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

const disconnect: LoneKind['choose'] = ({ world }, chance) => {
  const node = chance.pick(world.nodes);
  return (_, random) => {
    if (!isRunning(node) || node.buses.length === 0) return null;
    const bus = random.pick([...node.buses]);
    const lastsMs = random.between(0, 600);
    bus.cut(lastsMs);
    return { what: `${bus.name} for ${lastsMs.toFixed(0)} ms`, lastsMs };
  };
};

const moveCoordinators: LoneKind['choose'] =
  () =>
  ({ operator }, random) => {
    const what = operator.move(random);
    return what === null ? null : { what, lastsMs: 0 };
  };

export const loneKinds: readonly LoneKind[] = [
  { name: 'linkDown', choose: linkDown },
  { name: 'linkFlap', choose: linksFlap },
  { name: 'oneWayLink', choose: oneWayLink },
  { name: 'cutApart', choose: cutApart },
  { name: 'hbaDown', choose: hbaDown },
  { name: 'hbaFlap', choose: hbasFlap },
  { name: 'crashSwitch', choose: crashSwitch },
  { name: 'diskAway', choose: diskAway },
  { name: 'standstill', choose: pauseSwitch },
  { name: 'standstill', choose: pauseSwitch },
  { name: 'pause', choose: pauseDisk },
  { name: 'pause', choose: pauseVirtualizer },
  { name: 'crashVirtualizer', choose: crashVirtualizer },
  { name: 'slowSwitch', choose: slowSwitch },
  { name: 'slowDisk', choose: slowDisk },
  { name: 'diskReadError', choose: diskReadError },
  { name: 'disconnect', choose: disconnect },
  { name: 'moveCoordinators', choose: moveCoordinators },
];
