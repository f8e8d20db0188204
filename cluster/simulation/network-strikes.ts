/** What befalls connections, links and servers. */
import type { FaultTarget } from '../../protocols/faults.ts';
import type { SimulatedServer } from './server.ts';
import { pickBus, pickNodes, type Strike } from './strike.ts';
import type { World } from './world.ts';

const longPartitionsIn = 6;
const longPartitionMsMax = 16_000;
const flapsMax = 6;
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

/** A link carries nothing for a while, in either direction; often it comes and goes. */
export const linkDown: Strike = ({ world }, random) => {
  const { id } = random.pick(world.topology.links);
  const times = random.integer(2) === 0 ? 1 : 1 + random.integer(flapsMax);
  const downMs = random.between(20, times === 1 ? 4000 : 400);
  const upMs = random.between(5, 400);
  for (let flap = 0; flap < times; flap++)
    takeDown(world, `link:${id}`, flap * (downMs + upMs), downMs);
  return `${id}, ${times} times for ${downMs.toFixed(0)} ms`;
};

/**
 * Reads leave a switch that has a cache and hears no command, so that nobody can tell it to forget what it has read; they
 * come back to it before it hears again, or later.
 */
export const strandCache: Strike = ({ world }, random) => {
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
  for (const link of linksOf(id)) takeDown(world, `link:${link.id}`, 0, awayMs);
  return `${id}, deaf for ${deafMs.toFixed(0)} ms, and left by hosts for ${awayMs.toFixed(0)} ms`;
};

/** An HBA's connection is gone for a while; its host goes on. */
export const hbaDown: Strike = ({ world }, random) => {
  const { id } = random.pick(world.topology.hosts.flatMap(({ hbas }) => hbas));
  const downMs = random.between(20, 4000);
  takeDown(world, `hba:${id}`, 0, downMs);
  return `${id} for ${downMs.toFixed(0)} ms`;
};

function takeDown(world: World, target: FaultTarget, afterMs: number, downMs: number): void {
  world.clock.setTimeout(() => {
    world.inject({ kind: 'down', target });
    world.clock.setTimeout(() => world.heal(target), downMs);
  }, afterMs);
}
