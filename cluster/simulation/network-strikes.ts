/** What befalls connections, links and servers. */
import type { FaultTarget } from '../../protocols/faults.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import { targetProblem } from '../faults/fault-targets.ts';
import type { SimulatedServer } from './server.ts';
import {
  deafen,
  isRunning,
  pickBus,
  pickNode,
  pickNodes,
  type Strike,
  takeDown,
} from './strike.ts';
import type { World } from './world.ts';

const longPartitionsIn = 6;
const longPartitionMsMax = 16_000;
const flapsMin = 3;
const flapsMax = 8;
const serverAwayTimesMax = 8;
/** Of several servers one in so many that are struck stands still. */
const pausedServersIn = 3;

export const disconnect: Strike = ({ world }, random) => {
  const bus = pickBus(world, random);
  if (bus === null) return null;
  const downMs = random.between(0, 600);
  bus.cut(downMs);
  return `${bus.name} for ${downMs.toFixed(0)} ms`;
};

export const stall: Strike = ({ world }, random) => {
  const bus = pickBus(world, random);
  if (bus === null) return null;
  const stalledMs = random.between(50, 5000);
  bus.stall();
  world.clock.setTimeout(() => bus.release(), stalledMs);
  return `${bus.name} for ${stalledMs.toFixed(0)} ms`;
};

/** One way, between two processes; seldom for longer than anybody waits for a command. */
export const partition: Strike = ({ world }, random) => {
  const [from, to] = pickNodes(world, random, 2).map(({ node }) => node.id);
  if (from === undefined || to === undefined) return null;
  const isLong = random.integer(longPartitionsIn) === 0;
  const lastsMs = random.between(100, isLong ? longPartitionMsMax : 4000);
  world.network.partition(from, to);
  world.clock.setTimeout(() => world.network.heal(from, to), lastsMs);
  return `${from} to ${to} for ${lastsMs.toFixed(0)} ms`;
};

/**
 * Two actors hear nothing of each other, or one nothing of the other: the same that an operator asks for. Half the time
 * they are the ends of a link, else any two.
 */
export const cutApart: Strike = ({ world }, random) => {
  const target = random.pick(partitionsOf(world, random.integer(2) === 0));
  const kind = random.pick(['cut', 'one-way'] as const);
  const isLong = random.integer(longPartitionsIn) === 0;
  const lastsMs = random.between(100, isLong ? longPartitionMsMax : 4000);
  world.inject({ kind, target });
  world.clock.setTimeout(() => world.heal(target), lastsMs);
  return `${target} ${kind} for ${lastsMs.toFixed(0)} ms`;
};

/** All partitions that can be, of either direction. */
function partitionsOf({ topology }: World, areLinked: boolean): readonly FaultTarget[] {
  const actors = topology.nodes.flatMap((node) => node.actors.map(({ id }) => id));
  const pairs = areLinked
    ? topology.links.flatMap(({ ends: [one, other] }) => [
        [one, other],
        [other, one],
      ])
    : actors.flatMap((one) => actors.map((other) => [one, other]));
  return pairs
    .map(([one, other]) => `partition:${one}/${other}` as const)
    .filter((target) => targetProblem(topology, target) === '');
}

/**
 * A NATS server ends and is started again; the one for control takes the config database with it. Where there are
 * several, it may be away for longer than a consumer would wait, or stand still instead.
 */
export const serverRestart: Strike = ({ world }, random) => {
  const { servers } = world.network;
  const server = random.pick([...servers]);
  if (!server.up || !world.hasPower) return null;
  const downMs = random.between(30, 1500);
  if (servers.length === 1) return restartServer(world, server, downMs);
  const awayMs = downMs * (1 + random.integer(serverAwayTimesMax));
  return random.integer(pausedServersIn) === 0
    ? pauseServer(world, server, awayMs)
    : restartServer(world, server, awayMs);
};

function restartServer(world: World, server: SimulatedServer, downMs: number): string {
  const holdsDatabase = server.name === world.topology.control;
  server.stop();
  if (holdsDatabase) world.database.stop();
  world.clock.setTimeout(() => {
    server.start();
    if (holdsDatabase) world.database.start();
  }, downMs);
  return `${server.name} for ${downMs.toFixed(0)} ms`;
}

function pauseServer(world: World, server: SimulatedServer, pausedMs: number): string {
  const holdsDatabase = server.name === world.topology.control;
  server.pause();
  if (holdsDatabase) world.database.pause();
  world.clock.setTimeout(() => {
    // A power cut may have ended it meanwhile.
    if (world.hasPower) server.resume();
    if (holdsDatabase) world.database.resume();
  }, pausedMs);
  return `${server.name} stands still for ${pausedMs.toFixed(0)} ms`;
}

/** A link carries nothing for a while, in either direction. */
export const linkDown: Strike = (targets, random) => {
  const { id } = random.pick(targets.world.topology.links);
  const downMs = random.between(20, 4000);
  takeDown(targets, `link:${id}`, 0, downMs);
  return `${id} for ${downMs.toFixed(0)} ms`;
};

/** A link comes and goes several times within seconds, as one with a bad plug does. */
export const linkFlap: Strike = (targets, random) => {
  const { id } = random.pick(targets.world.topology.links);
  const times = flapsMin + random.integer(flapsMax - flapsMin + 1);
  const downMs = random.between(20, 400);
  const upMs = random.between(5, 400);
  for (let flap = 0; flap < times; flap++)
    takeDown(targets, `link:${id}`, flap * (downMs + upMs), downMs);
  return `${id}, ${times} times for ${downMs.toFixed(0)} ms, up for ${upMs.toFixed(0)} ms`;
};

/** What is sent over a link in one direction is lost, and nobody is told: its ends see each other all the same. */
export const oneWayLink: Strike = ({ world }, random) => {
  const { cluster, links } = world.topology;
  const { id, ends } = random.pick(links);
  const receiver = actorOf(world, random.pick([...ends]));
  const lastsMs = random.between(50, 6000);
  const subject = subjectsOf(cluster).io(receiver, id);
  world.network.silence(subject);
  world.clock.setTimeout(() => world.network.endSilence(subject), lastsMs);
  return `${id} towards ${receiver.id} for ${lastsMs.toFixed(0)} ms`;
};

/**
 * A disk hears no I/O any more, over no link, and commands all the same, so that nobody takes it for gone: what is
 * written waits until somebody gives up. About that time coordinators are moved, or a host lets go. Often the mirrors of
 * a part of the volume could not be read just before.
 */
export const deafDisk: Strike = (targets, random) => {
  const { world, operator, restart, later } = targets;
  const { disks } = world.topology;
  const { id } = random.pick(disks);
  const giveUpMs = world.topology.policies.ioDeadlineMs;
  const lastsMs = random.between(giveUpMs + 200, giveUpMs + 1500);
  const unreadableMs = random.pick([0, random.between(20, 200)]);
  const then = random.pick(['nothing', 'moves', 'moves', 'leaves'] as const);
  const thenMs = random.between(giveUpMs - 450, giveUpMs + 100);
  const host = pickNode(world, random, 'host');
  const mover = random.fork('move');
  if (unreadableMs > 0)
    for (const disk of disks) {
      const target = `disk:${disk.id}` as const;
      world.inject({ kind: 'read-error', target });
      world.clock.setTimeout(() => world.heal(target), unreadableMs + 1000);
    }
  deafen(targets, id, unreadableMs, lastsMs);
  later(unreadableMs + thenMs, () => {
    if (then === 'moves') operator.move(mover);
    else if (then === 'leaves' && host !== null && isRunning(host)) restart(host);
  });
  const unreadable = unreadableMs > 0 ? `, unreadable ${unreadableMs.toFixed(0)} ms before` : '';
  return `${id} for ${lastsMs.toFixed(0)} ms${unreadable}; then ${then}`;
};

/** A switch takes long over everything, until its load moves elsewhere, and works well again later. */
export const slowSwitch: Strike = ({ world }, random) => {
  const target = `switch:${random.pick(world.topology.switches).id}` as const;
  const delayMs = random.between(8, 60);
  const lastsMs = random.between(1000, 12_000);
  world.inject({ kind: 'slow', target, delayMs });
  world.clock.setTimeout(() => world.heal(target), lastsMs);
  return `${target} by ${delayMs.toFixed(0)} ms for ${lastsMs.toFixed(0)} ms`;
};

/**
 * Reads leave a switch that has a cache and hears no command, so that nobody can tell it to forget what it has read; they
 * come back to it before it hears again, or later.
 */
export const strandCache: Strike = (targets, random) => {
  const { world } = targets;
  const { hosts, switches, links } = world.topology;
  const hbas = new Set<string>(hosts.flatMap((host) => host.hbas.map(({ id }) => id)));
  const linksOf = (id: string) =>
    links.filter(
      ({ ends: [one, other] }) =>
        (hbas.has(one) && other === id) || (hbas.has(other) && one === id),
    );
  const caching = switches.filter(
    ({ id, limits }) => limits.cacheBytes > 0 && linksOf(id).length > 0,
  );
  if (caching.length === 0) return null;
  const { id } = random.pick(caching);
  const deafMs = random.between(100, 3500);
  const awayMs = random.between(20, 2000);
  const node = world.nodes.find(({ node: { actors } }) => actors.some((each) => each.id === id));
  const commands = node?.buses.find(({ role }) => role === 'control');
  if (commands === undefined) return null;
  commands.stall();
  world.clock.setTimeout(() => commands.release(), deafMs);
  for (const link of linksOf(id)) takeDown(targets, `link:${link.id}`, 0, awayMs);
  return `${id}, deaf for ${deafMs.toFixed(0)} ms, and left by hosts for ${awayMs.toFixed(0)} ms`;
};

/** @throws RangeError when the topology has no such actor. */
export function actorOf({ topology }: World, id: string): ActorAddress {
  for (const { actors } of topology.nodes)
    for (const actor of actors) if (actor.id === id) return actor;
  for (const { hbas } of topology.hosts)
    for (const hba of hbas) if (hba.id === id) return { kind: 'hba', id };
  throw new RangeError(`there is no ${id}`);
}
