/**
 * Runs a `nats-server` of Sanctor's own: on loopback, on a free port unless the caller names one, and gone when this
 * process is. Finding the program is left to `server-binary.ts`, restarting it to the caller.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type ChildGuard, createChildGuard } from '../child-guard.ts';
import { findNatsServer, type NatsServerBinary } from './server-binary.ts';
import { canSyncEveryWrite, serverConfigText } from './server-config.ts';
import { folderConflict, greetingOf, portConflict } from './server-conflicts.ts';

export interface NatsServerOptions {
  /** Found with `findNatsServer` when left out. */
  readonly binary?: NatsServerBinary;
  /** Where configuration, log and JetStream's files are; made when it is not there. */
  readonly dataDir: string;
  readonly jetstream: boolean;
  /** Left out: any free port. */
  readonly port?: number;
  /** A guard that the caller shares among its children; else the server gets its own. */
  readonly guard?: ChildGuard;
  /** Told what finding or fetching the program has to say: where it comes from, what it lacks. */
  readonly say?: (line: string) => void;
}

export interface ExitNotice {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningNatsServer {
  readonly url: string;
  readonly port: number;
  /** Its HTTP monitoring, on loopback and without a password. */
  readonly monitorUrl: string;
  readonly pid: number;
  readonly version: string;
  /** True when an acknowledged write of the config database survives a power cut (I4). */
  readonly syncsEveryWrite: boolean;
  /** Settles when the process has ended, for whatever reason. */
  readonly exited: Promise<ExitNotice>;
  /** Asks it to end, and makes it after `stopTimeoutMs`. Data and configuration stay. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): void;
}

/** The server could not be started; the message says why and what to do. */
export class NatsServerFailed extends Error {}

const startTimeoutMs = 10_000;
const stopTimeoutMs = 5_000;
const pollDelayMs = 10;

/**
 * Starts a server and waits until it takes clients.
 *
 * @throws NatsServerMissing when there is no program to run; NatsServerFailed when it does not come up.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<RunningNatsServer> {
  const binary = options.binary ?? (await findNatsServer({ say: options.say ?? (() => {}) }));
  const folder = resolve(options.dataDir);
  await mkdir(folder, { recursive: true });
  const configFile = join(folder, 'nats-server.conf');
  const conflict =
    (await folderConflict(folder, configFile)) ??
    (options.port === undefined ? null : await portConflict(options.port));
  if (conflict !== null) throw new NatsServerFailed(conflict);
  await writeFile(
    configFile,
    serverConfigText({
      name: `sanctor-${basename(folder)}`.replace(/[^A-Za-z0-9_-]/g, '-'),
      version: binary.version,
      port: options.port ?? -1,
      folder,
      jetstream: options.jetstream,
    }),
  );
  const guard = options.guard ?? createChildGuard();
  const child = guard.start({
    command: binary.path,
    arguments: ['-c', configFile],
    output: 'ignore',
    errors: 'pipe',
  });
  const exited = exitOf(child);
  if (options.guard === undefined) void exited.then(() => guard.close());
  const errors = lastWordsOf(child);
  const ports = await readyPorts(child, folder, basename(binary.path)).catch(
    async (error: unknown) => {
      child.kill('SIGKILL');
      await exited;
      throw new NatsServerFailed(await explain(error, errors(), folder, binary));
    },
  );
  return running({ binary, child, exited, ports, jetstream: options.jetstream });
}

interface Ports {
  readonly url: string;
  readonly monitorUrl: string;
}

function running(parts: {
  binary: NatsServerBinary;
  child: ChildProcess;
  exited: Promise<ExitNotice>;
  ports: Ports;
  jetstream: boolean;
}): RunningNatsServer {
  const { binary, child, exited, ports } = parts;
  return {
    url: ports.url,
    port: Number(new URL(ports.url).port),
    monitorUrl: ports.monitorUrl,
    pid: child.pid ?? 0,
    version: binary.version.text,
    syncsEveryWrite: parts.jetstream && canSyncEveryWrite(binary.version),
    exited,
    async stop() {
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await exited;
      clearTimeout(impatience);
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}

function exitOf(child: ChildProcess): Promise<ExitNotice> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

const lastWordsMax = 4096;

function lastWordsOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (data: Buffer) => {
    text = (text + data.toString('utf8')).slice(-lastWordsMax);
  });
  return () => text;
}

/** The server writes its ports into a file named after itself once it listens. */
async function readyPorts(child: ChildProcess, folder: string, program: string): Promise<Ports> {
  const portsFile = join(folder, `${program}_${child.pid}.ports`);
  const deadline = performance.now() + startTimeoutMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended at once');
    const ports = parsePorts(await readFile(portsFile, 'utf8').catch(() => ''));
    if (ports !== null && (await greetingOf(Number(new URL(ports.url).port))) !== null) {
      await rm(portsFile, { force: true });
      return ports;
    }
    await new Promise((resolve) => setTimeout(resolve, pollDelayMs));
  }
  throw new Error(`it did not take clients within ${startTimeoutMs / 1000} s`);
}

/** null while the file is not there or not complete. */
function parsePorts(text: string): Ports | null {
  try {
    const ports: unknown = JSON.parse(text);
    if (typeof ports !== 'object' || ports === null) return null;
    const url = 'nats' in ports && Array.isArray(ports.nats) ? ports.nats[0] : undefined;
    const monitor =
      'monitoring' in ports && Array.isArray(ports.monitoring) ? ports.monitoring[0] : undefined;
    if (typeof url !== 'string' || typeof monitor !== 'string') return null;
    return { url, monitorUrl: monitor };
  } catch {
    return null;
  }
}

async function explain(
  error: unknown,
  errors: string,
  folder: string,
  binary: NatsServerBinary,
): Promise<string> {
  const log = await readFile(join(folder, 'nats-server.log'), 'utf8').catch(() => '');
  const complaints = log.split('\n').filter((line) => /\[(FTL|ERR)\]/.test(line));
  const said = [...complaints.slice(-3), errors.trim()].filter((line) => line !== '').join('; ');
  const reason = error instanceof Error ? error.message : String(error);
  return (
    `the NATS server ${binary.path} (${binary.version.text}) with data in ${folder} did not start: ${reason}` +
    `${said === '' ? '' : `. It said: ${said}`}. Its log is ${join(folder, 'nats-server.log')}`
  );
}
