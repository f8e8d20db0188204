/**
 * Fetches a `nats-server` into the cache folder: through apt on Debian-like systems, with Homebrew on macOS, else the
 * official release archive. Each way is tried until one gives a program that the caller accepts.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, exists } from '../cache-folder.ts';
import { hasApt, unpackDebianPackages } from '../debian-packages.ts';
import { PackageUnavailable } from '../private-apt.ts';
import { runCommand } from '../run-command.ts';
import { releaseArchiveFor, unpackRelease } from './release-archive.ts';

export interface FetchedServer {
  readonly path: string;
  /** Where it came from, for people. */
  readonly source: string;
}

/** One way to get a server; the name is for people. A text says why it gave none. */
export interface WayToFetch {
  readonly name: string;
  fetch(): Promise<FetchedServer | string>;
}

/** Debian's first stable suite with a server that is good enough for NATS clusters. */
const debianSuite = 'trixie';
const programsInPackage = ['usr/sbin/nats-server', 'usr/bin/nats-server'];
const brewTimeoutMs = 600_000;

/** The ways that this machine has, best first. Each puts the server into a folder of its own below `serverFolder`. */
export async function waysToFetch(serverFolder: string): Promise<readonly WayToFetch[]> {
  const ways: WayToFetch[] = [];
  if (await hasApt()) {
    for (const suite of [debianSuite, undefined]) {
      ways.push({
        name: suite === undefined ? "apt, this system's own suite" : `apt, suite ${suite}`,
        fetch: () => fetchWithApt(serverFolder, suite),
      });
    }
  }
  if (process.platform === 'darwin') ways.push({ name: 'Homebrew', fetch: fetchWithHomebrew });
  const archive = releaseArchiveFor(process.platform, process.arch);
  if (archive !== null) {
    ways.push({
      name: archive.address,
      fetch: () =>
        intoCache(join(serverFolder, archive.folder), archive.address, async (folder) => {
          const problem = await unpackRelease(archive, join(folder, 'nats-server'));
          if (problem !== null) throw new PackageUnavailable(problem);
          return archive.address;
        }),
    });
  }
  return ways;
}

async function fetchWithApt(
  serverFolder: string,
  suite: string | undefined,
): Promise<FetchedServer | string> {
  const entry = join(serverFolder, suite === undefined ? 'debian-own-suite' : `debian-${suite}`);
  return intoCache(entry, suite ?? 'own suite', async (folder) => {
    const unpacked = await mkdtemp(join(tmpdir(), 'sanctor-nats-'));
    try {
      const origin = await unpackDebianPackages({
        packages: ['nats-server'],
        into: unpacked,
        ...(suite === undefined ? {} : { suite }),
      });
      for (const place of programsInPackage) {
        const program = join(unpacked, place);
        if (!(await exists(program))) continue;
        await copyFile(program, join(folder, 'nats-server'));
        return origin;
      }
      throw new PackageUnavailable(`the package nats-server of ${origin} holds no server`);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  });
}

/** `build` gives the source; when another process was first, the source is what this way is called. */
async function intoCache(
  entry: string,
  way: string,
  build: (folder: string) => Promise<string>,
): Promise<FetchedServer | string> {
  let source = way;
  try {
    await cached(entry, async (folder) => {
      source = await build(folder);
    });
    return { path: join(entry, 'nats-server'), source };
  } catch (error) {
    if (error instanceof PackageUnavailable) return error.message;
    throw error;
  }
}

async function fetchWithHomebrew(): Promise<FetchedServer | string> {
  const installed = await runCommand('brew', ['install', 'nats-server'], {
    timeoutMs: brewTimeoutMs,
  });
  if (installed.exitCode !== 0) return `brew install nats-server: ${installed.errors.trim()}`;
  const prefix = await runCommand('brew', ['--prefix', 'nats-server'], {
    timeoutMs: brewTimeoutMs,
  });
  return { path: join(prefix.output.trim(), 'bin', 'nats-server'), source: 'Homebrew' };
}

/** What a person can do to get a server. */
export const remedy =
  'Install nats-server 2.10.27 or newer (Debian: `apt-get install nats-server`; macOS: `brew install nats-server`; ' +
  'else https://github.com/nats-io/nats-server/releases) and put it on the PATH, or set SANCTOR_NATS_SERVER to it.';
