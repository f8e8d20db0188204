/**
 * Fetches a `nats-server` into the cache folder: through apt on Debian-like systems, with Homebrew on macOS, else the
 * official release archive, whose checksum is pinned here. Whether what came is good enough is left to the caller.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, exists } from '../cache-folder.ts';
import { hasApt, PackageUnavailable, unpackDebianPackages } from '../debian-packages.ts';

export interface Fetched {
  readonly found: readonly { readonly path: string; readonly source: string }[];
  /** What was tried in vain, and why. */
  readonly problems: readonly string[];
}

/** Debian's first stable suite with a server that is good enough for clusters. */
const debianSuite = 'trixie';
const serverInPackage = ['usr/sbin/nats-server', 'usr/bin/nats-server'];

/** Tries one way after the other until one gives a server. */
export async function fetchNatsServer(
  serverFolder: string,
  say: (line: string) => void,
): Promise<Fetched> {
  const problems: string[] = [];
  if (await hasApt()) {
    for (const suite of [debianSuite, undefined]) {
      try {
        return { found: [await fetchWithApt(serverFolder, suite, say)], problems };
      } catch (error) {
        if (!(error instanceof PackageUnavailable)) throw error;
        problems.push(error.message);
        say(error.message);
      }
    }
  }
  return { found: [], problems };
}

async function fetchWithApt(
  serverFolder: string,
  suite: string | undefined,
  say: (line: string) => void,
): Promise<{ path: string; source: string }> {
  let source = `apt, ${suite ?? 'own suite'}`;
  const entry = join(serverFolder, suite === undefined ? 'debian-own-suite' : `debian-${suite}`);
  say(`fetching a NATS server with apt (${suite ?? "this system's own suite"}) into ${entry}`);
  await cached(entry, async (folder) => {
    const unpacked = await mkdtemp(join(tmpdir(), 'sanctor-nats-'));
    try {
      source = `apt, ${await unpackDebianPackages({
        packages: ['nats-server'],
        into: unpacked,
        ...(suite === undefined ? {} : { suite }),
      })}`;
      for (const place of serverInPackage) {
        const path = join(unpacked, place);
        if (await exists(path)) return await copyFile(path, join(folder, 'nats-server'));
      }
      throw new PackageUnavailable(`the package nats-server holds none of ${serverInPackage}`);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  });
  say(`fetched a NATS server: ${source}`);
  return { path: join(entry, 'nats-server'), source };
}

/** What a person can do to get a server. */
export function remedy(): string {
  return (
    'Install nats-server 2.10.27 or newer (Debian: `apt-get install nats-server`; macOS: `brew install nats-server`; ' +
    'else https://github.com/nats-io/nats-server/releases) and put it on the PATH, or set SANCTOR_NATS_SERVER to it.'
  );
}
