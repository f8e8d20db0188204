/** The official release archive of `nats-server`: one version, whose checksums are pinned here. */
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../run-command.ts';

export interface ReleaseArchive {
  readonly address: string;
  /** Name of the folder in the archive that holds the program. */
  readonly folder: string;
  readonly sha256: string;
}

const version = '2.10.29';
const downloads = `https://github.com/nats-io/nats-server/releases/download/v${version}`;

/** SHA-256 of the archives, as the project's own container images pin them (nats-io/nats-docker, 2.10.x). */
const checksums = new Map([
  ['linux-amd64', 'e314da74a83a1d3876db8814c27eb990fe729640fd6452025b441bcede8390da'],
  ['linux-arm64', 'da4b27942ecfb4c5f0c54553d2e7f470ddda9d7581cfe8131b351a0e223ed401'],
]);

const archiveBytesMax = 64 * 1024 * 1024;
const downloadTimeoutMs = 120_000;
const unpackTimeoutMs = 60_000;

/** The archive for a system; null when none is pinned for it. Names are those of Node's `process`. */
export function releaseArchiveFor(platform: string, architecture: string): ReleaseArchive | null {
  const system = `${platform}-${architecture === 'x64' ? 'amd64' : architecture}`;
  const sha256 = checksums.get(system);
  if (sha256 === undefined) return null;
  const folder = `nats-server-v${version}-${system}`;
  return { address: `${downloads}/${folder}.tar.gz`, folder, sha256 };
}

/**
 * Downloads an archive, checks it, and puts its program at `into`.
 *
 * @returns null, or why it could not be had.
 */
export async function unpackRelease(archive: ReleaseArchive, into: string): Promise<string | null> {
  const bytes = await download(archive.address);
  if (typeof bytes === 'string') return `cannot fetch ${archive.address}: ${bytes}`;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== archive.sha256) {
    return `${archive.address} is not what was released: its SHA-256 is ${sha256}, expected ${archive.sha256}`;
  }
  const folder = await mkdtemp(join(tmpdir(), 'sanctor-release-'));
  try {
    const file = join(folder, 'release.tar.gz');
    await writeFile(file, bytes);
    const unpacked = await runCommand('tar', ['-xzf', file, '-C', folder], {
      timeoutMs: unpackTimeoutMs,
    });
    if (unpacked.exitCode !== 0) return `cannot unpack ${archive.address}: ${unpacked.errors}`;
    await copyFile(join(folder, archive.folder, 'nats-server'), into);
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A text says why it failed. */
async function download(address: string): Promise<Uint8Array | string> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(downloadTimeoutMs) });
    if (!response.ok || response.body === null) return `the server answered ${response.status}`;
    const pieces: Uint8Array[] = [];
    let lengthBytes = 0;
    for await (const piece of response.body) {
      lengthBytes += piece.length;
      if (lengthBytes > archiveBytesMax) return `larger than ${archiveBytesMax} bytes`;
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}
