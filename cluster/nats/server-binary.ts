/**
 * Finds a `nats-server` to run: what the user names, else what is installed, else what was fetched before, else what
 * can be fetched (`server-fetch.ts`). Starting it is left to `server.ts`.
 */
import { readdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolderOf, exists } from '../cache-folder.ts';
import { remedy, type WayToFetch, waysToFetch } from './server-fetch.ts';
import {
  isAtLeast,
  type NatsServerVersion,
  readNatsServerVersion,
  versionMin,
  versionWarnings,
} from './server-version.ts';

export interface NatsServerBinary {
  readonly path: string;
  readonly version: NatsServerVersion;
  /** Where it was found or fetched from, for people. */
  readonly source: string;
  /** Why a newer one would be better; empty for a good one. */
  readonly warnings: readonly string[];
}

/** No usable server; the message says what was tried and what to do. */
export class NatsServerMissing extends Error {}

export interface FindOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Told each step that takes time and each choice that is not the best one. */
  readonly say?: (line: string) => void;
  /** False: only look, do not fetch. */
  readonly fetch?: boolean;
  /** How to fetch one; left out: what this machine offers. */
  readonly ways?: readonly WayToFetch[];
  /** Where to look behind PATH; left out: where distributions install servers. */
  readonly systemFolders?: readonly string[];
}

/** Debian installs servers here, where the PATH of ordinary users does not look. */
const systemFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/**
 * Order: `SANCTOR_NATS_SERVER`, PATH, the cache folder, fetched.
 *
 * @throws NatsServerMissing
 */
export async function findNatsServer(options: FindOptions = {}): Promise<NatsServerBinary> {
  const environment = options.environment ?? process.env;
  const say = options.say ?? (() => {});
  const named = environment.SANCTOR_NATS_SERVER;
  if (named !== undefined && named !== '') {
    const binary = await examine(named, 'SANCTOR_NATS_SERVER');
    if (typeof binary === 'string') {
      throw new NatsServerMissing(
        `SANCTOR_NATS_SERVER does not name a usable NATS server: ${binary}. ` +
          'Point it at a nats-server program, or unset it to let Sanctor look for one.',
      );
    }
    return warned(binary, say);
  }
  const refused: string[] = [];
  for (const candidate of await candidates(environment, options.systemFolders ?? systemFolders)) {
    const binary = await examine(candidate.path, candidate.source);
    if (typeof binary !== 'string') return warned(binary, say);
    refused.push(binary);
  }
  if (options.fetch === false) throw new NatsServerMissing(missing(refused));
  const ways = options.ways ?? (await waysToFetch(serverFolderOf(environment)));
  for (const way of ways) {
    say(`no NATS server is installed; fetching one: ${way.name}`);
    const fetched = await way.fetch();
    const binary =
      typeof fetched === 'string' ? fetched : await examine(fetched.path, fetched.source);
    if (typeof binary !== 'string') {
      say(`fetched NATS server ${binary.version.text} from ${binary.source} to ${binary.path}`);
      return warned(binary, say);
    }
    say(binary);
    refused.push(binary);
  }
  throw new NatsServerMissing(missing(refused));
}

interface Candidate {
  readonly path: string;
  readonly source: string;
}

/** Below the cache folder: one folder per way of fetching, each with `nats-server` in it. */
export function serverFolderOf(environment: NodeJS.ProcessEnv): string {
  return join(cacheFolderOf(environment), 'nats-server');
}

async function candidates(
  environment: NodeJS.ProcessEnv,
  folders: readonly string[],
): Promise<readonly Candidate[]> {
  const onPath = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = new Set([...onPath, ...folders].map((folder) => join(folder, 'nats-server')));
  const found: Candidate[] = [];
  for (const path of places) if (await exists(path)) found.push({ path, source: 'installed' });
  const folder = serverFolderOf(environment);
  for (const way of (await readdir(folder).catch(() => [])).sort().reverse()) {
    const path = join(folder, way, 'nats-server');
    if (!way.includes('.part-') && (await exists(path))) found.push({ path, source: 'cache' });
  }
  return found;
}

/** A text says why the program is of no use. */
async function examine(path: string, source: string): Promise<NatsServerBinary | string> {
  const version = await readNatsServerVersion(path);
  if (typeof version === 'string') return version;
  if (!isAtLeast(version, versionMin)) {
    return `${path} is version ${version.text}; Sanctor needs ${versionMin.text} or newer`;
  }
  return { path, version, source, warnings: versionWarnings(version) };
}

function warned(binary: NatsServerBinary, say: (line: string) => void): NatsServerBinary {
  for (const warning of binary.warnings) {
    say(`NATS server ${binary.version.text} (${binary.path}): ${warning}`);
  }
  if (binary.warnings.length > 0) {
    say(binary.source === 'cache' ? `Delete ${dirname(binary.path)} to fetch another.` : remedy);
  }
  return binary;
}

function missing(problems: readonly string[]): string {
  const tried = problems.map((problem) => `\n  - ${problem}`).join('');
  return `no NATS server was found${tried === '' ? '.' : `:${tried}\n`} ${remedy}`;
}
