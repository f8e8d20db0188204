/**
 * A whole cluster on this machine, as `sanctor up` runs it: data folder, NATS server (unless there is one already),
 * supervisor and nodes, in this order, and back again at the end.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ActorPorts } from '../../actors/actor.ts';
import { supervisorAddress } from '../../protocols/ids.ts';
import type { Log } from '../../protocols/ports.ts';
import type { FabricId, Topology } from '../../protocols/topology.ts';
import { answerForActors } from '../actor-services.ts';
import { type ChildGuard, createChildGuard } from '../child-guard.ts';
import { connectNatsBus } from '../nats/bus.ts';
import { createSystemClock } from '../system-clock.ts';
import { createSystemRandom } from '../system-random.ts';
import { registerCluster, unregisterCluster } from './cluster-registry.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { NatsProcess } from './nats-process.ts';
import { Supervisor } from './supervisor.ts';

export interface LocalClusterOptions {
  readonly topology: Topology;
  readonly topologyFile: string;
  /** Undefined: a temporary folder. */
  readonly dataPath: string | undefined;
  /** Servers that are there already; for the other fabrics one is started. */
  readonly fabricUrls: ReadonlyMap<FabricId, string>;
  readonly log: Log;
  /** Told in words what is being done. */
  readonly onProgress: (what: string) => void;
}

export interface LocalCluster {
  readonly natsUrl: string;
  readonly dataFolder: DataFolder;
  readonly ports: ActorPorts;
  readonly supervisor: Supervisor;
  /** Stops everything that was started. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

/** Starts a cluster; its nodes are running then, but may not be ready yet. */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { topology } = options;
  const dataFolder = openDataFolder(options.dataPath, topology.cluster);
  const guard = createChildGuard();
  const undo: (() => Promise<void>)[] = [
    async () => dataFolder.release(),
    async () => guard.close(),
  ];
  try {
    const servers = await fabricServers(options, dataFolder, guard, undo);
    const natsUrl = servers.find(({ fabric }) => fabric === topology.control)?.url ?? '';
    const ports = await portsOf(options, natsUrl);
    undo.push(() => new Promise((resolve) => ports.control.close(resolve)));
    const supervisor = new Supervisor({
      topology,
      ports,
      guard,
      logFolder: dataFolder.logFolder,
      commandOf: (node) => nodeCommand(node, options.topologyFile, servers, dataFolder.diskFolder),
      servers: new Map(
        servers.flatMap(({ fabric, process }) => (process ? [[fabric, process]] : [])),
      ),
      facts: () => ({
        natsUrl,
        natsServers: servers.map((server) => serverFacts(server, topology)),
        dataFolder: dataFolder.path,
      }),
    });
    undo.push(() => supervisor.stop());
    supervisor.start();
    const stopDiscovery = answerForActors({
      cluster: topology.cluster,
      node: supervisorAddress.id,
      actors: [supervisor.actor],
      ports,
    });
    undo.push(async () => stopDiscovery());
    const entry = { cluster: topology.cluster, pid: process.pid, natsUrl };
    registerCluster({
      ...entry,
      topologyFile: options.topologyFile,
      dataFolder: dataFolder.path,
      startedAtMs: Date.now(),
    });
    undo.push(async () => unregisterCluster(entry.cluster, entry.pid));
    let stopping: Promise<void> | null = null;
    const stop = () => {
      stopping ??= undoAll(undo);
      return stopping;
    };
    return { natsUrl, dataFolder, ports, supervisor, stop };
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

async function undoAll(undo: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of undo.toReversed()) await step();
}

/** Where a fabric's server is, and whether it syncs each write of the config database. */
interface FabricServer {
  readonly fabric: FabricId;
  readonly url: string;
  readonly syncsEveryWrite: boolean;
  /** Null when it was there before. */
  readonly process: NatsProcess | null;
}

/** Finds or starts a server for every fabric. Those that were started are stopped by `undo`. */
async function fabricServers(
  options: LocalClusterOptions,
  dataFolder: DataFolder,
  guard: ChildGuard,
  undo: (() => Promise<void>)[],
): Promise<readonly FabricServer[]> {
  const { fabrics } = options.topology;
  const given = fabrics.flatMap(({ id, urls }) => givenUrl(id, urls, options) ?? []);
  for (const url of new Set(given)) await checkServer(url, options.log);
  const servers: FabricServer[] = [];
  for (const { id, urls } of fabrics) {
    const there = givenUrl(id, urls, options);
    if (there !== undefined) {
      servers.push({ fabric: id, url: there, syncsEveryWrite: false, process: null });
      continue;
    }
    options.onProgress(`starting a NATS server for fabric ${id}`);
    const server = await NatsProcess.start({
      fabric: id,
      dataDir: join(dataFolder.natsFolder, id),
      jetstream: id === options.topology.control,
      guard,
      say: options.onProgress,
    });
    undo.push(() => server.stop());
    options.onProgress(`NATS server ${server.version} for fabric ${id} at ${server.url}`);
    const { url, syncsEveryWrite } = server;
    servers.push({ fabric: id, url, syncsEveryWrite, process: server });
  }
  return servers;
}

/** Where the server of a fabric is already, if anybody says so. */
function givenUrl(
  fabric: FabricId,
  urls: readonly string[],
  { fabricUrls }: LocalClusterOptions,
): string | undefined {
  return fabricUrls.get(fabric) ?? urls[0];
}

/** @throws Error when no server answers there, or one that is too old. */
async function checkServer(url: string, log: Log): Promise<void> {
  const name = 'supervisor/check';
  const bus = await connectNatsBus({ servers: url, name, log, waitForServer: false });
  await new Promise<void>((resolve) => bus.close(resolve));
}

/** What `status` shows of a server. Of one that was there before, not more than where it is. */
function serverFacts({ fabric, url, process }: FabricServer, topology: Topology): object {
  const used = [
    ...(topology.links.some((link) => link.fabric === fabric) ? ['I/O'] : []),
    ...(topology.control === fabric ? ['control'] : []),
  ];
  const found = { url, version: '', state: 'external', pid: null, restarts: 0 };
  return { ...(process?.facts() ?? found), fabric, carries: used.join(' and ') };
}

async function portsOf(options: LocalClusterOptions, natsUrl: string): Promise<ActorPorts> {
  const control = await connectNatsBus({
    servers: natsUrl,
    name: 'supervisor/control',
    log: options.log,
    waitForServer: false,
  });
  return {
    cluster: options.topology.cluster,
    control,
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: options.log,
  };
}

/** The program itself, wherever it was built to. */
const program = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** Switches of Node for the nodes, as in `--cpu-prof --cpu-prof-dir=/tmp/profiles`: for those who measure. */
function nodeOptions(environment: NodeJS.ProcessEnv = process.env): readonly string[] {
  return (environment.SANCTOR_NODE_OPTIONS ?? '').split(/\s+/).filter((word) => word !== '');
}

/** Each node is the same program, run as `sanctor node`. */
function nodeCommand(
  node: string,
  topologyFile: string,
  servers: readonly FabricServer[],
  diskFolder: string,
): readonly [string, ...string[]] {
  const fabrics = servers.flatMap(({ fabric, url }) => ['--fabric', `${fabric}=${url}`]);
  const syncs = servers.some(({ syncsEveryWrite }) => syncsEveryWrite) ? ['--database-syncs'] : [];
  const words = ['node', node, '--topology', topologyFile, '--data', diskFolder];
  return [process.execPath, ...nodeOptions(), program, ...words, ...fabrics, ...syncs];
}
