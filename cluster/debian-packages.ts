/**
 * Debian packages without installing them: fetched with a private apt, and unpacked into a folder. Which packages, and
 * what to do with the files, is left to the caller.
 */
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  failure,
  type Mirror,
  mirrorsOfThisMachine,
  PackageUnavailable,
  type PrivateApt,
  privateApt,
} from './private-apt.ts';
import { runCommand } from './run-command.ts';

export interface PackageRequest {
  readonly packages: readonly string[];
  /**
   * A suite to take the packages from, on the mirror that the machine uses; only the packages themselves are taken
   * then. Left out: the machine's own suites, with everything that the packages need and the machine lacks.
   */
  readonly suite?: string;
  /** Where to unpack: an empty folder. */
  readonly into: string;
}

const unpackTimeoutMs = 60_000;

/** True when this machine has apt and can unpack packages. */
export async function hasApt(): Promise<boolean> {
  const [apt, unpacker] = await Promise.all([
    runCommand('apt-get', ['--version'], { timeoutMs: unpackTimeoutMs }),
    runCommand('dpkg-deb', ['--version'], { timeoutMs: unpackTimeoutMs }),
  ]);
  return apt.exitCode === 0 && unpacker.exitCode === 0;
}

/**
 * Fetches and unpacks packages.
 *
 * @returns where they came from, for people: `trixie of http://…`
 * @throws PackageUnavailable
 */
export async function unpackDebianPackages(request: PackageRequest): Promise<string> {
  const mirrors = await mirrorsOfThisMachine();
  const [own] = mirrors;
  if (own === undefined) {
    throw new PackageUnavailable(
      'apt knows no archive on this machine: look at /etc/apt/sources.list and /etc/apt/sources.list.d',
    );
  }
  if (request.suite === undefined) return unpackFrom(own, request);
  const problems: string[] = [];
  for (const mirror of mirrors) {
    try {
      return await unpackFrom(mirror, request);
    } catch (error) {
      if (!(error instanceof PackageUnavailable)) throw error;
      problems.push(error.message);
    }
  }
  throw new PackageUnavailable(problems.join('; '));
}

async function unpackFrom(mirror: Mirror, request: PackageRequest): Promise<string> {
  const privateFolder = await mkdtemp(join(tmpdir(), 'sanctor-apt-'));
  try {
    // apt reads and downloads as a user of its own where it can; that user must be able to enter.
    await chmod(privateFolder, 0o755);
    const apt = await privateApt(privateFolder, request.suite, mirror);
    const origin = `${request.suite ?? mirror.suite} of ${mirror.address}`;
    const problem = await update(apt, `read the package list of ${origin}`);
    if (problem !== null && request.suite !== undefined) throw problem;
    const purpose = `fetch ${request.packages.join(', ')} from ${origin}`;
    const files = await download(apt, request, purpose).catch((error: unknown) => {
      throw problem ?? error;
    });
    for (const file of files) {
      const unpacked = await runCommand('dpkg-deb', ['-x', file, request.into], {
        timeoutMs: unpackTimeoutMs,
      });
      if (unpacked.exitCode !== 0) {
        throw new PackageUnavailable(failure(`unpack ${file}`, unpacked));
      }
    }
    return origin;
  } finally {
    await rm(privateFolder, { recursive: true, force: true });
  }
}

/**
 * Fetches the lists of packages. @returns the failure: among several archives of the machine one that failed need
 * not be the one that matters.
 */
async function update(apt: PrivateApt, purpose: string): Promise<PackageUnavailable | null> {
  try {
    await apt.run(['update'], purpose);
    return null;
  } catch (error) {
    if (error instanceof PackageUnavailable) return error;
    throw error;
  }
}

/** @returns the paths of the downloaded package files. */
async function download(
  apt: PrivateApt,
  request: PackageRequest,
  purpose: string,
): Promise<readonly string[]> {
  const alone = request.suite !== undefined;
  const aptArguments = alone
    ? ['download', ...request.packages]
    : ['install', '--download-only', '--no-install-recommends', '--reinstall', ...request.packages];
  await apt.run(aptArguments, purpose);
  const holder = alone ? apt.folder : join(apt.folder, 'cache/archives');
  const names = (await readdir(holder)).filter((name) => name.endsWith('.deb')).sort();
  if (names.length === 0) throw new PackageUnavailable(`cannot ${purpose}: apt downloaded nothing`);
  return names.map((name) => join(holder, name));
}
