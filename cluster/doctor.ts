/**
 * Checks whether this machine can run a cluster. The findings are data; showing them is left to the command line.
 * Looks only: nothing is fetched, written or kept open.
 */
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { freemem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { mebibyte } from '../protocols/units.ts';
import { exists } from './cache-folder.ts';
import { findNatsServer, serverFolderOf } from './nats/server-binary.ts';
import { remedy as serverRemedy, waysToFetch } from './nats/server-fetch.ts';
import { runCommand } from './run-command.ts';

export interface Finding {
  /** What was looked at. */
  readonly name: string;
  /** `warn`: works, but not well or not for everything. `fail`: a cluster would not start. */
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do; '' when all is well. */
  readonly remedy: string;
}

export interface ExaminationOptions {
  /** Ports of 127.0.0.1 that the cluster will listen at, and what for. */
  readonly ports: readonly { readonly port: number; readonly purpose: string }[];
  /** Where the cluster will keep its data; need not exist yet. */
  readonly dataFolder: string;
  /** What the disks of the topology can grow to. */
  readonly diskBytes: number;
  readonly environment?: NodeJS.ProcessEnv;
}

/** The oldest Node.js that Sanctor is tested with, as in package.json. */
const nodeMin = { major: 20, minor: 19 };
/** A cluster of some hundred connections and disk files; each process needs about a hundred. */
const openFilesAdvised = 1024;
const openFilesMin = 256;
/** Ten processes of the default topology, with their buffers. */
const memoryBytesAdvised = 1536 * mebibyte;
const memoryBytesMin = 512 * mebibyte;
/** For journals, NATS and logs, beside what is stored. */
const spareBytes = 256 * mebibyte;
const lookTimeoutMs = 5_000;

/** Makes every check; none depends on another, and none throws. */
export async function examineMachine(options: ExaminationOptions): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    examineNode(process.versions.node),
    examineNatsServer(options.environment ?? process.env),
    openFilesMax().then(examineOpenFiles),
    examineMemory(freeMemoryBytes()),
    examineFolder(options.dataFolder, options.diskBytes),
    ...options.ports.map(({ port, purpose }) => examinePort(port, purpose)),
  ]);
  return findings;
}

export function examineNode(version: string): Finding {
  const name = 'Node.js';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > nodeMin.major || (major === nodeMin.major && minor >= nodeMin.minor);
  if (isNewEnough) return ok(name, `version ${version}`);
  return {
    name,
    state: 'fail',
    detail: `version ${version} is too old`,
    remedy: `Install Node.js ${nodeMin.major}.${nodeMin.minor} or newer (https://nodejs.org).`,
  };
}

/** Looks for a server without fetching one, and says where one would come from. */
export async function examineNatsServer(environment: NodeJS.ProcessEnv): Promise<Finding> {
  const name = 'NATS server';
  try {
    const { version, path, source, warnings } = await findNatsServer({ environment, fetch: false });
    const detail = `version ${version.text}, ${path} (${source})`;
    if (warnings.length === 0) return ok(name, detail);
    return {
      name,
      state: 'warn',
      detail: `${detail}: ${warnings.join('; ')}`,
      remedy: serverRemedy,
    };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    if (environment.SANCTOR_NATS_SERVER)
      return { name, state: 'fail', detail, remedy: serverRemedy };
    const [way] = await waysToFetch(serverFolderOf(environment));
    if (way === undefined) return { name, state: 'fail', detail, remedy: serverRemedy };
    return {
      name,
      state: 'warn',
      detail: `none found yet; \`sanctor up\` fetches one: ${way.name}`,
      remedy: 'Nothing has to be done, if this machine can reach its package mirror.',
    };
  }
}

/** @param limit files that one process may have open; null when it could not be learned. */
export function examineOpenFiles(limit: number | null): Finding {
  const name = 'open files';
  if (limit === null) {
    return { name, state: 'warn', detail: 'the limit could not be read', remedy: 'Try: ulimit -n' };
  }
  const detail = `at most ${limit} per process`;
  if (limit >= openFilesAdvised) return ok(name, detail);
  return {
    name,
    state: limit < openFilesMin ? 'fail' : 'warn',
    detail: `${detail}; ${openFilesAdvised} are advised`,
    remedy: `Raise the limit before starting: ulimit -n ${openFilesAdvised}`,
  };
}

export function examineMemory(freeBytes: number): Finding {
  const name = 'memory';
  const detail = `${megabytes(freeBytes)} free`;
  if (freeBytes >= memoryBytesAdvised) return ok(name, detail);
  return {
    name,
    state: freeBytes < memoryBytesMin ? 'fail' : 'warn',
    detail: `${detail}; ${megabytes(memoryBytesAdvised)} are advised for the default topology`,
    remedy: 'End other programs, or use a topology with fewer nodes.',
  };
}

/** Writable, and with room for all that the disks may grow to; disk files are sparse, so less can do for a while. */
export async function examineFolder(folder: string, diskBytes: number): Promise<Finding> {
  const name = 'data folder';
  const existing = await nearestExisting(resolve(folder));
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(existing);
    const freeBytes = bavail * bsize;
    const detail = `${resolve(folder)}, ${megabytes(freeBytes)} free`;
    if (freeBytes >= diskBytes + spareBytes) return ok(name, detail);
    return {
      name,
      state: freeBytes < spareBytes ? 'fail' : 'warn',
      detail: `${detail}; full disks need ${megabytes(diskBytes + spareBytes)}`,
      remedy: 'Make room, choose another folder with --data, or make the disks smaller.',
    };
  } catch (error) {
    return {
      name,
      state: 'fail',
      detail: `${existing} cannot be used: ${messageOf(error)}`,
      remedy: 'Choose a folder that you may write to with --data.',
    };
  }
}

/** Free to listen at; lets it go at once. */
export function examinePort(port: number, purpose: string): Promise<Finding> {
  const name = `port ${port}`;
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      done({
        name,
        state: 'fail',
        detail: `${purpose}: ${isTaken ? 'another program listens there' : error.message}`,
        remedy: isTaken
          ? `Stop it (\`ss -ltnp 'sport = :${port}'\` tells its process id), or choose another port in the topology.`
          : 'Choose another port in the topology.',
      });
    });
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => done(ok(name, `${purpose}: free`)));
    });
  });
}

/** The limit that child processes get. Node raises its own, so that only a child's shell tells. */
async function openFilesMax(): Promise<number | null> {
  const answer = await runCommand('sh', ['-c', 'ulimit -n'], { timeoutMs: lookTimeoutMs });
  const text = answer.output.trim();
  if (text === 'unlimited') return Number.POSITIVE_INFINITY;
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** What is free, or what a container may use at all if that is less. */
function freeMemoryBytes(): number {
  const limitBytes = process.constrainedMemory();
  return limitBytes > 0 ? Math.min(freemem(), limitBytes) : freemem();
}

async function nearestExisting(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) if ((await exists(at)) || at === dirname(at)) return at;
}

function ok(name: string, detail: string): Finding {
  return { name, state: 'ok', detail, remedy: '' };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / mebibyte)} MiB`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
