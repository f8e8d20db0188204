/**
 * The machine's own apt with a state of its own in a folder: it reads lists and fetches packages, checked by apt's own
 * signatures, without root and without a change to the machine.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache-folder.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/** What cannot be had, from where, and what apt said. */
export class PackageUnavailable extends Error {}

const aptTimeoutMs = 240_000;
/** How many archives are tried for a suite. */
const mirrorsMax = 4;

/** Where Debian keeps the keys that sign its archives. */
const archiveKeyrings = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
];

/** apt with a state of its own in `folder`. */
export interface PrivateApt {
  readonly folder: string;
  /** @throws PackageUnavailable, saying for what purpose it was run. */
  run(aptArguments: readonly string[], purpose: string): Promise<void>;
}

export interface Mirror {
  readonly address: string;
  readonly suite: string;
}

/**
 * The archives that this machine takes its main suites from, neither updates nor security, likeliest first: an
 * archive of somebody else's packages may come before the system's own, and fails at the signature or the suite.
 */
export async function mirrorsOfThisMachine(): Promise<readonly Mirror[]> {
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
  const mirrors = new Map<string, Mirror>();
  for (const line of targets.output.split('\n')) {
    const [address, suite, component] = line.split(' ');
    if (address === undefined || suite === undefined || component !== 'main') continue;
    if (/[-/]/.test(suite) || address.startsWith('cdrom:')) continue;
    if (!mirrors.has(address)) mirrors.set(address, { address, suite });
  }
  const isSystems = ({ address }: Mirror) => /(debian|ubuntu)\/?$/.test(address);
  const all = [...mirrors.values()];
  const ordered = [...all.filter(isSystems), ...all.filter((mirror) => !isSystems(mirror))];
  return ordered.slice(0, mirrorsMax);
}

/**
 * Settings in a file read after the machine's own, because only a file can clear a list: hooks that the machine runs
 * after an update are about the machine's state, not about this one.
 */
export async function privateApt(
  folder: string,
  suite: string | undefined,
  mirror: Mirror,
): Promise<PrivateApt> {
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
    'Acquire::AllowInsecureRepositories "false";',
    'Acquire::AllowDowngradeToInsecureRepositories "false";',
    'APT::Get::AllowUnauthenticated "false";',
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
  return {
    folder,
    async run(aptArguments, purpose) {
      const result = await runCommand('apt-get', ['-qy', '-c', settingsFile, ...aptArguments], {
        folder,
        environment: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
        timeoutMs: aptTimeoutMs,
      });
      if (result.exitCode !== 0) throw new PackageUnavailable(failure(purpose, result));
    },
  };
}

/** One line out of what a program said. */
export function failure(purpose: string, result: CommandResult): string {
  const lines = result.errors.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => line.startsWith('E:') || line.startsWith('Err:'));
  const said = (errors.length > 0 ? errors : lines).slice(-3).join('; ');
  return `cannot ${purpose}${said === '' ? '' : `: ${said}`}`;
}
