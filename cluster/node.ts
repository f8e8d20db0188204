/**
 * One process of a real cluster: opens the ports that its actors need (connections, disk files, config database, NBD
 * sockets), assembles the actors on them, and closes everything again.
 */
import type { FoundStore } from '../actors/disk/disk.ts';
import type { ActorAddress, DiskId, NodeId } from '../protocols/ids.ts';
import type { Bus, Log } from '../protocols/ports.ts';
import type { FabricId, Topology } from '../protocols/topology.ts';
import { answerForActors } from './actor-services.ts';
import { type AssembledNode, assembleNode, type NodePorts } from './assembly.ts';
import { openDiskStore } from './disk-stores.ts';
import { HostExports } from './host-exports.ts';
import { connectNatsBus } from './nats/bus.ts';
import { type OpenConfigDatabase, openConfigDatabase } from './nats/config-database.ts';
import { createPinoLog } from './pino-log.ts';
import { createSystemClock } from './system-clock.ts';
import { createSystemRandom } from './system-random.ts';

export interface NodeOptions {
  readonly topology: Topology;
  readonly node: NodeId;
  readonly fabricUrls: ReadonlyMap<FabricId, string>;
  readonly diskFolder: string;
  readonly databaseSyncs: boolean;
}

export interface RunningNode {
  readonly assembled: AssembledNode;
  stop(): Promise<void>;
}

/** Opens and starts a node. @throws Error when one of its ports cannot be opened. */
export async function openNode(options: NodeOptions): Promise<RunningNode> {
  const log = createPinoLog({ name: options.node });
  const clock = createSystemClock();
  const ports = await openPorts(options, log, clock);
  const assembled = assembleNode(options.topology, options.node, ports.node);
  const { actors } = assembled;
  const { cluster } = options.topology;
  const stopDiscovery = answerForActors({ cluster, node: options.node, actors, ports: ports.node });
  const exports = assembled.hosts.map((host) => {
    const wanted = options.topology.hosts.find(({ id }) => id === host.id)?.exports ?? [];
    const served = new HostExports(host, wanted, clock, log);
    host.addFacts(() => ({ exports: served.facts() }));
    return served;
  });
  return {
    assembled,
    async stop() {
      await Promise.all(exports.map((each) => ended((done) => each.close(done))));
      await ended((done) => assembled.stop(done));
      stopDiscovery();
      await ports.close();
    },
  };
}

function ended(begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => begin(resolve));
}

interface OpenPorts {
  readonly node: NodePorts;
  close(): Promise<void>;
}

async function openPorts(
  options: NodeOptions,
  log: Log,
  clock: NodePorts['clock'],
): Promise<OpenPorts> {
  const { topology, node } = options;
  const actors = topology.nodes.find(({ id }) => id === node)?.actors ?? [];
  const random = createSystemRandom();
  const control = await connect(options, topology.control, `${node}/control`, log);
  const buses = new Map<string, Bus>();
  const stores = new Map<DiskId, FoundStore>();
  let database: OpenConfigDatabase | null = null;
  for (const { kind, id } of actors) {
    if (kind === 'hba' || kind === 'switch' || kind === 'disk') {
      const fabric = fabricOf(topology, { kind, id });
      buses.set(`${kind}:${id}`, await connect(options, fabric, `${id}/io`, log));
    }
    if (kind === 'disk')
      stores.set(id as DiskId, await openDiskStore(options, id as DiskId, random));
    if (kind === 'virtualizer') database ??= await openDatabase(options);
  }
  return {
    node: {
      cluster: topology.cluster,
      control,
      clock,
      random,
      log,
      io: ({ kind, id }) => needed(buses.get(`${kind}:${id}`), `connection of ${kind} ${id}`),
      store: (disk) => needed(stores.get(disk), `store of disk ${disk}`),
      database: () => needed(database, 'config database'),
    },
    async close() {
      await database?.close();
      for (const bus of [...buses.values(), control]) await ended((done) => bus.close(done));
    },
  };
}

function needed<Port>(port: Port | null | undefined, what: string): Port {
  if (port === null || port === undefined) throw new RangeError(`this node has no ${what}`);
  return port;
}

function urlOf({ fabricUrls, node }: NodeOptions, fabric: FabricId): string {
  const url = fabricUrls.get(fabric);
  if (url !== undefined) return url;
  throw new Error(
    `node ${node} is not told where fabric ${fabric} is: give --fabric ${fabric}=URL`,
  );
}

function connect(options: NodeOptions, fabric: FabricId, name: string, log: Log): Promise<Bus> {
  return connectNatsBus({ servers: urlOf(options, fabric), name, log, waitForServer: true });
}

function openDatabase(options: NodeOptions): Promise<OpenConfigDatabase> {
  const { topology, node, databaseSyncs } = options;
  return openConfigDatabase({
    servers: urlOf(options, topology.control),
    name: `${node}/database`,
    cluster: topology.cluster,
    syncsEveryWrite: databaseSyncs,
  });
}

/** The fabric that an actor's links are on. */
function fabricOf(topology: Topology, { id }: ActorAddress): FabricId {
  return topology.links.find(({ ends }) => ends.includes(id))?.fabric ?? topology.control;
}
