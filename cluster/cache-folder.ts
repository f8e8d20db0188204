/**
 * The folder for what Sanctor fetched and can fetch again: `$XDG_CACHE_HOME/sanctor`, else `~/.cache/sanctor`.
 * An entry appears whole or not at all, also when several processes make the same one at once.
 */
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** Where the cache is; it may not exist yet. */
export function cacheFolderOf(environment: NodeJS.ProcessEnv): string {
  const configured = environment.XDG_CACHE_HOME;
  const base =
    configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(base, 'sanctor');
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Gives `entry` (a path below the cache folder), made by `build` in an empty folder beside it when it is not there.
 * Of several builders the first to finish wins, and the others use its entry.
 *
 * @throws whatever `build` throws; nothing of the attempt is left then.
 */
export async function cached(
  entry: string,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  if (await exists(entry)) return entry;
  await mkdir(dirname(entry), { recursive: true });
  const folder = await mkdtemp(`${entry}.part-`);
  try {
    await build(folder);
    await rename(folder, entry).catch(async (error: unknown) => {
      if (!(await exists(entry))) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return entry;
}
