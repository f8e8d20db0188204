/** Runs programs of packages that were unpacked and not installed: tells them where their libraries are. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const foldersPerLibraryFolderMax = 32;

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
