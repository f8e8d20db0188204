/**
 * Real clients for tests: what is installed, else Debian's packages unpacked into the cache folder. A test whose tool
 * cannot be had is pending and says why; in CI it fails.
 */
import { constants } from 'node:fs';
import { access, mkdir, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Context } from 'mocha';
import { cached, cacheFolderOf } from '../../cluster/cache-folder.ts';
import { unpackDebianPackages } from '../../cluster/debian-packages.ts';
import { PackageUnavailable } from '../../cluster/private-apt.ts';
import { environmentOfUnpacked } from '../../cluster/unpacked-environment.ts';

export type ToolName =
  | 'e2fsck'
  | 'fio'
  | 'mkfs.ext4'
  | 'nbdcopy'
  | 'nbdfuse'
  | 'nbdinfo'
  | 'nbdkit'
  | 'qemu-img'
  | 'qemu-io'
  | 'sqlite3';

export interface Tool {
  readonly command: string;
  /** The whole environment to run it with. */
  readonly environment: NodeJS.ProcessEnv;
  /** Where its package was unpacked; '' when it is installed. */
  readonly folder: string;
}

const packages: Readonly<Record<ToolName, string>> = {
  e2fsck: 'e2fsprogs',
  fio: 'fio',
  'mkfs.ext4': 'e2fsprogs',
  nbdcopy: 'libnbd-bin',
  nbdfuse: 'nbdfuse',
  nbdinfo: 'libnbd-bin',
  nbdkit: 'nbdkit',
  'qemu-img': 'qemu-utils',
  'qemu-io': 'qemu-utils',
  sqlite3: 'sqlite3',
};

const installedFolders = ['/usr/bin', '/usr/sbin'];
const binFolders = ['usr/bin', 'usr/sbin', 'sbin'];
/** For the hook or test that asks for a tool: the first time it may have to be fetched. */
export const fetchTimeoutMs = 300_000;

/**
 * @returns the tool, or why it cannot be had.
 */
export async function fetchTool(name: ToolName): Promise<Tool | string> {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...path, ...installedFolders]) {
    const command = join(folder, name);
    if (await isProgram(command)) return { command, environment: process.env, folder: '' };
  }
  const entry = join(cacheFolderOf(process.env), 'debian', packages[name]);
  try {
    await cached(entry, async (into) => {
      console.log(`      fetching ${packages[name]} with apt into ${entry}`);
      await mkdir(into, { recursive: true });
      await unpackDebianPackages({ packages: [packages[name]], into });
    });
  } catch (error) {
    if (error instanceof PackageUnavailable) return error.message;
    throw error;
  }
  for (const folder of binFolders) {
    const command = join(entry, folder, name);
    if (!(await isProgram(command))) continue;
    const environment = { ...process.env, ...(await environmentOfUnpacked(entry)) };
    return { command, environment, folder: entry };
  }
  return `the package ${packages[name]} (${entry}) holds no ${name}`;
}

/**
 * The tool for a test or a hook, which becomes pending when it cannot be had.
 *
 * @throws Error in CI (`CI=true`) when it cannot be had.
 */
export async function toolFor(test: Context, name: ToolName): Promise<Tool> {
  const tool = await fetchTool(name);
  if (typeof tool !== 'string') return tool;
  if (process.env.CI === 'true') throw new Error(`${name} cannot be had: ${tool}`);
  console.log(`      pending, because ${name} cannot be had: ${tool}`);
  return test.skip();
}

/** What names a plugin on nbdkit's command line: an unpacked nbdkit does not find its own by name. */
export async function nbdkitPlugin(nbdkit: Tool, plugin: string): Promise<string> {
  if (nbdkit.folder === '') return plugin;
  const libraries = join(nbdkit.folder, 'usr/lib');
  for (const triplet of await readdir(libraries)) {
    const path = join(libraries, triplet, 'nbdkit/plugins', `nbdkit-${plugin}-plugin.so`);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new Error(`nbdkit in ${nbdkit.folder} has no plugin ${plugin}`);
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
