/**
 * Debian packages without installing them: fetched through the machine's own apt with a private state, checked by apt's
 * own signatures, unpacked into a folder. Needs no root and changes nothing of the machine. Which packages, and what
 * to do with the files, is left to the caller.
 */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exists } from './cache-folder.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/** What cannot be had, from where, and what apt said. */
export class PackageUnavailable extends Error {}

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

const aptTimeoutMs = 240_000;
const unpackTimeoutMs = 60_000;
const foldersPerLibraryFolderMax = 32;

/** Where Debian and its descendants keep the keys that sign their archives. */
const archiveKeyrings = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
];

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
  const privateFolder = await mkdtemp(join(tmpdir(), 'sanctor-apt-'));
  try {
    // apt reads and downloads as a user of its own where it can; that user must be able to enter.
    await chmod(privateFolder, 0o755);
    const mirror = await mirrorOfThisMachine();
    const apt = await privateApt(privateFolder, request.suite, mirror);
    const origin = `${request.suite ?? mirror.suite} of ${mirror.address}`;
    await apt(['update'], `read the package list of ${origin}`);
    const files = await download(
      apt,
      request,
      `fetch ${request.packages.join(', ')} from ${origin}`,
    );
    for (const file of files) {
      const unpacked = await runCommand('dpkg-deb', ['-x', file, request.into], {
        timeoutMs: unpackTimeoutMs,
      });
      if (unpacked.exitCode !== 0)
        throw new PackageUnavailable(failure(`unpack ${file}`, unpacked));
    }
    return origin;
  } finally {
    await rm(privateFolder, { recursive: true, force: true });
  }
}

type Apt = (aptArguments: readonly string[], purpose: string) => Promise<CommandResult>;

interface Mirror {
  readonly address: string;
  readonly suite: string;
}

/** The archive of the machine's first main suite: neither its updates nor its security archive. */
async function mirrorOfThisMachine(): Promise<Mirror> {
  const targets = await runCommand(
    'apt-get',
    [
      'indextargets',
      '--no-release-info',
      '--format',
      '$(REPO_URI) $(RELEASE) $(COMPONENT)',
      'Created-By: Packages',
    ],
    { timeoutMs: aptTimeoutMs },
  );
  for (const line of targets.output.split('\n')) {
    const [address, suite, component] = line.split(' ');
    if (address === undefined || suite === undefined || component !== 'main') continue;
    if (!/[-/]/.test(suite)) return { address, suite };
  }
  throw new PackageUnavailable(
    'apt knows no archive on this machine: look at /etc/apt/sources.list and /etc/apt/sources.list.d',
  );
}

/**
 * Settings in a file read after the machine's own, because only a file can clear a list: hooks that the machine runs
 * after an update are about the machine's state, not about this one.
 */
async function privateApt(folder: string, suite: string | undefined, mirror: Mirror): Promise<Apt> {
  await mkdir(join(folder, 'state/lists/partial'), { recursive: true });
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true });
  const settings = [
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '#clear DPkg::Post-Invoke;',
    `Dir::State "${folder}/state";`,
    `Dir::State::extended_states "${folder}/state/extended_states";`,
    `Dir::Cache "${folder}/cache";`,
    `Dir::Log "${folder}";`,
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Debug::NoLocking "true";',
  ];
  if (suite !== undefined) {
    const keyrings: string[] = [];
    for (const keyring of archiveKeyrings) if (await exists(keyring)) keyrings.push(keyring);
    const signedBy = keyrings.length === 0 ? '' : ` signed-by=${keyrings.join(',')}`;
    await writeFile(
      join(folder, 'sources.list'),
      `deb [target=Packages${signedBy}] ${mirror.address} ${suite} main\n`,
    );
    settings.push(
      `Dir::Etc::sourcelist "${folder}/sources.list";`,
      'Dir::Etc::sourceparts "/dev/null";',
      'Dir::Etc::preferences "/dev/null";',
      'Dir::Etc::preferencesparts "/dev/null";',
    );
  }
  const settingsFile = join(folder, 'apt.conf');
  await writeFile(settingsFile, `${settings.join('\n')}\n`);
  return async (aptArguments, purpose) => {
    const result = await runCommand('apt-get', ['-q', '-y', '-c', settingsFile, ...aptArguments], {
      folder,
      environment: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: aptTimeoutMs,
    });
    if (result.exitCode !== 0) throw new PackageUnavailable(failure(purpose, result));
    return { ...result, output: folder };
  };
}

/** @returns the paths of the downloaded package files. */
async function download(
  apt: Apt,
  request: PackageRequest,
  purpose: string,
): Promise<readonly string[]> {
  const alone = request.suite !== undefined;
  const aptArguments = alone
    ? ['download', ...request.packages]
    : ['install', '--download-only', '--no-install-recommends', '--reinstall', ...request.packages];
  const { output: folder } = await apt(aptArguments, purpose);
  const holder = alone ? folder : join(folder, 'cache/archives');
  const names = (await readdir(holder)).filter((name) => name.endsWith('.deb')).sort();
  if (names.length === 0) throw new PackageUnavailable(`cannot ${purpose}: apt downloaded nothing`);
  return names.map((name) => join(holder, name));
}

function failure(purpose: string, result: CommandResult): string {
  const lines = result.errors.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => line.startsWith('E:') || line.startsWith('Err:'));
  const said = (errors.length > 0 ? errors : lines).slice(-3).join('; ');
  return `cannot ${purpose}${said === '' ? '' : `: ${said}`}`;
}

/**
 * The environment in which programs of an unpacked folder find their libraries: the folder's first, and the folders
 * that libraries have for their own use (as Ceph's do).
 */
export async function environmentOfUnpacked(folder: string): Promise<Record<string, string>> {
  const libraryFolders: string[] = [];
  for (const base of ['usr/lib', 'lib']) {
    const root = join(folder, base);
    const triplets = (await subfolders(root)).filter((name) => name.includes('-linux-'));
    for (const library of [...triplets.map((name) => join(root, name)), root]) {
      if (await holdsLibraries(library)) libraryFolders.push(library);
      const own = (await subfolders(library)).slice(0, foldersPerLibraryFolderMax);
      for (const name of own) {
        const path = join(library, name);
        if (!triplets.includes(name) && (await holdsLibraries(path))) libraryFolders.push(path);
      }
    }
  }
  const inherited = process.env.LD_LIBRARY_PATH;
  if (inherited !== undefined && inherited !== '') libraryFolders.push(inherited);
  return { LD_LIBRARY_PATH: libraryFolders.join(':') };
}

async function subfolders(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function holdsLibraries(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => /^lib.+\.so(\.|$)/.test(name));
}
