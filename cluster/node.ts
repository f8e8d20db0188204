/**
 * One process of a real cluster: opens the ports that its actors need (connections, disk files, config database, NBD
 * sockets), assembles the actors on them, and closes everything again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { FoundStore } from '../actors/disk/disk.ts';
import type { Fault } from '../protocols/faults.ts';
import type { DiskId, NodeId } from '../protocols/ids.ts';
import type { Bus, Log } from '../protocols/ports.ts';
import type { FabricId, Topology } from '../protocols/topology.ts';
import { answerForActors } from './actor-services.ts';
import { type AssembledNode, assembleNode, type NodePorts } from './assembly.ts';
import { openDiskStore } from './disk-stores.ts';
import { HostExports } from './exports/host-exports.ts';
import { FaultInjector } from './faults/fault-injector.ts';
import { NodeFaults } from './faults/node-faults.ts';
import { connectNatsBus } from './nats/bus.ts';
import { type OpenConfigDatabase, openConfigDatabase } from './nats/config-database.ts';
import { LateBus } from './nats/late-bus.ts';
import { createPinoLog } from './pino-log.ts';
import { createSystemClock } from './system-clock.ts';
import { createSystemRandom } from './system-random.ts';
import { fabricsOf } from './topology-inputs.ts';

/** A process does not wait longer than this for a fabric that is lost. */
const fabricPatienceMs = 1000;

export interface NodeOptions {
  readonly topology: Topology;
  readonly node: NodeId;
  readonly fabricUrls: ReadonlyMap<FabricId, string>;
  readonly diskFolder: string;
  readonly databaseSyncs: boolean;
  /** Those that are there from the start. */
  readonly faults: readonly Fault[];
}

export interface RunningNode {
  readonly assembled: AssembledNode;
  stop(): Promise<void>;
}

/** Opens and starts a node. @throws Error when one of its ports cannot be opened. */
export async function openNode(options: NodeOptions): Promise<RunningNode> {
  const log = createPinoLog({ name: options.node });
  const clock = createSystemClock();
  const random = createSystemRandom();
  const injector = injectorOf(options, { clock, random, log });
  const ports = await openPorts(options, { clock, random, log }, injector);
  const assembled = assembleNode(options.topology, options.node, ports.node);
  const faults = injector && new NodeFaults(options, injector, assembled, ports.node);
  faults?.start();
  const { cluster } = options.topology;
  const actors = [...assembled.actors, ...(faults === null ? [] : [faults.actor])];
  const stopDiscovery = answerForActors({ cluster, node: options.node, actors, ports: ports.node });
  const exports = assembled.hosts.map((host) => {
    const wanted = options.topology.hosts.find(({ id }) => id === host.id)?.exports ?? [];
    const virtualizers = options.topology.virtualizers.map(({ id }) => id);
    const control = ports.node.controlOf({ kind: 'host', id: host.id });
    const served = new HostExports({ host, exports: wanted, virtualizers, ...ports.node, control });
    host.addFacts(() => ({ exports: served.facts() }));
    return served;
  });
  return {
    assembled,
    async stop() {
      await Promise.all(exports.map((each) => ended((done) => each.close(done))));
      await ended((done) => assembled.stop(done));
      faults?.stop();
      stopDiscovery();
      await ports.close();
    },
  };
}

type PlainPorts = Pick<NodePorts, 'clock' | 'random' | 'log'>;

/** Null where the topology allows no faults: nothing is put around a port then. */
function injectorOf({ topology, faults }: NodeOptions, ports: PlainPorts): FaultInjector | null {
  if (!topology.faults) return null;
  const injector = new FaultInjector({ topology, ...ports });
  for (const fault of faults) injector.inject(fault);
  return injector;
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
  plain: PlainPorts,
  faults: FaultInjector | null,
): Promise<OpenPorts> {
  const { topology, node } = options;
  const { log, random } = plain;
  const actors = topology.nodes.find(({ id }) => id === node)?.actors ?? [];
  const control = await connect(options, topology.control, `${node}/control`, log);
  const buses = new Map<string, Bus>();
  const stores = new Map<DiskId, FoundStore>();
  let database: OpenConfigDatabase | null = null;
  for (const { kind, id } of actors) {
    if (kind === 'hba' || kind === 'switch' || kind === 'disk') {
      for (const fabric of fabricsOf(topology, { kind, id })) {
        const bus = await joinFabric(options, fabric, `${id}/io-${fabric}`, log);
        buses.set(`${kind}:${id} on ${fabric}`, faults?.bus({ kind, id }, bus) ?? bus);
      }
    }
    if (kind === 'disk') {
      const disk = id as DiskId;
      const found = await openDiskStore(options, disk, random);
      stores.set(disk, faults?.store(disk, found) ?? found);
    }
    if (kind === 'virtualizer') database ??= await openDatabase(options);
  }
  return {
    node: {
      cluster: topology.cluster,
      control,
      controlOf: (actor) => faults?.control(actor, control) ?? control,
      ...plain,
      io: ({ kind, id }, fabric) =>
        needed(buses.get(`${kind}:${id} on ${fabric}`), `connection of ${kind} ${id} to ${fabric}`),
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

/** Waits a moment for a fabric; one that is lost is joined when it is there again. */
async function joinFabric(
  options: NodeOptions,
  fabric: FabricId,
  name: string,
  log: Log,
): Promise<Bus> {
  const connecting = connect(options, fabric, name, log);
  const bus = await Promise.race([connecting, delay(fabricPatienceMs, null, { ref: false })]);
  if (bus !== null) return bus;
  log.warn({ bus: name, fabric }, 'the NATS server of a fabric does not answer; going on without');
  return new LateBus(connecting, (error) =>
    log.error({ bus: name, error }, 'a fabric cannot be joined'),
  );
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
