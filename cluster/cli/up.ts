/**
 * `sanctor up`: runs a cluster until it is told to stop, or leaves it running with `--detach`. Says what it is doing
 * whenever that takes longer than a moment.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Topology } from '../../protocols/topology.ts';
import { ClusterClient } from '../cluster-client.ts';
import { createPinoLog } from '../pino-log.ts';
import { collectStatus, type StatusReport, silence } from '../status-report.ts';
import { runningClusters } from '../supervisor/cluster-registry.ts';
import { type LocalCluster, startLocalCluster } from '../supervisor/local-cluster.ts';
import { givenServers } from './fabric-option.ts';
import { status } from './status.ts';
import { topologyArgument } from './topology-argument.ts';

export interface UpOptions {
  readonly nats?: string;
  /** `name=url` */
  readonly fabric?: readonly string[];
  readonly data?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
}

const readyPollMs = 50;
/** After this the wait is explained, and again whenever the reason changes. */
const explainAfterMs = 1000;
/** More of them than these are counted. */
const silentShownMax = 3;

/** @throws Error when the cluster cannot be started; the message says why and what to do. */
export async function up(topologyPath: string | undefined, options: UpOptions): Promise<void> {
  const { file, topology } = topologyArgument(topologyPath);
  refuseSecond(topology);
  const fabricUrls = givenServers(topology, options);
  const output = options.json === true ? process.stderr : process.stdout;
  const say = (what: string) => output.write(`${what}\n`);
  if (options.detach) {
    await detach(file, topology, options, output);
    if (options.json === true) await status({ cluster: topology.cluster, json: true });
    return;
  }
  const stop = stopSignal();
  const cluster = await startLocalCluster({
    topology,
    topologyFile: file,
    dataPath: options.data,
    fabricUrls,
    log: createPinoLog({ name: 'supervisor', level: 'warn' }),
    onProgress: say,
  });
  process.on('SIGUSR2', () =>
    cluster.supervisor.reviveControl().catch((error: unknown) => say(String(error))),
  );
  try {
    const report = await untilReady(cluster, topology, stop, say);
    if (report !== null) {
      if (options.json === true) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      sayReady(cluster, report, say);
    }
    if (!stop.aborted) await once(stop, 'abort');
    say('stopping');
  } finally {
    await cluster.stop();
  }
  say('stopped');
}

type Say = (what: string) => void;

function refuseSecond({ cluster }: Topology): void {
  const other = runningClusters().find((entry) => entry.cluster === cluster);
  if (other === undefined) return;
  throw new Error(
    `cluster ${cluster} runs already (process ${other.pid}, data in ${other.dataFolder}); ` +
      'stop it with `sanctor down`, or give this one another name in its topology file',
  );
}

/** Aborted when the user or the system asks this process to end. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort());
  }
  return stop.signal;
}

/** The first report of a cluster that is ready; null when it is stopped before. */
async function untilReady(
  cluster: LocalCluster,
  topology: Topology,
  stop: AbortSignal,
  say: Say,
): Promise<StatusReport | null> {
  const client = new ClusterClient(cluster.ports);
  const closeClient = () => client.close();
  stop.addEventListener('abort', closeClient, { once: true });
  const startedAt = performance.now();
  let said = '';
  try {
    while (!stop.aborted) {
      const report = await collectStatus(client, topology);
      if (stop.aborted) break;
      if (report.ready) return report;
      const waiting = reasonsText(report);
      if (waiting !== said && performance.now() - startedAt > explainAfterMs) {
        say(`waiting: ${waiting}`);
        said = waiting;
      }
      await delay(readyPollMs);
    }
    return null;
  } finally {
    stop.removeEventListener('abort', closeClient);
    client.close();
  }
}

/** Why it is not ready, as one line. While many do not answer, most of the rest only follows from that. */
function reasonsText({ waitingFor, nodes }: StatusReport): string {
  const silent = waitingFor.filter((reason) => reason.endsWith(silence));
  if (silent.length <= silentShownMax) return waitingFor.join('; ');
  const ended = nodes.flatMap(({ name, problem }) =>
    problem === '' ? [] : [`node ${name} ended: ${problem}`],
  );
  return [...ended, `${silent.length} actors do not answer yet`].join('; ');
}

function sayReady(cluster: LocalCluster, report: StatusReport, say: Say): void {
  for (const { volume, uri } of report.exports) say(`volume ${volume}: ${uri}`);
  say(`NATS: ${cluster.natsUrl}`);
  say(
    `data: ${cluster.dataFolder.path}${cluster.dataFolder.temporary ? ' (goes when it stops; keep with --data)' : ''}`,
  );
  say('ready; Ctrl-C stops it, `sanctor status` and `sanctor watch` look at it');
}

/** Runs the same command as a background process, and passes on what it says until it is ready. */
async function detach(
  file: string,
  topology: Topology,
  options: UpOptions,
  output: NodeJS.WritableStream,
): Promise<void> {
  const logFile = join(tmpdir(), `sanctor-${topology.cluster}-${process.pid}.log`);
  const log = openSync(logFile, 'a');
  const words = [
    ...(options.nats === undefined ? [] : ['--nats', options.nats]),
    ...(options.fabric ?? []).flatMap((text) => ['--fabric', text]),
    ...(options.data === undefined ? [] : ['--data', options.data]),
  ];
  const [program = ''] = process.argv.slice(1);
  const child = spawn(process.execPath, [program, 'up', file, ...words], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  let exitCode: number | null = null;
  child.once('exit', (code) => {
    exitCode = code ?? 1;
  });
  let shown = 0;
  for (;;) {
    const said = readFileSync(logFile, 'utf8');
    output.write(said.slice(shown));
    shown = said.length;
    if (/^ready\b/m.test(said)) break;
    if (exitCode !== null) throw new Error(`the cluster did not start; it said: see ${logFile}`);
    await delay(readyPollMs);
  }
  child.unref();
}
