/** Files that are shipped beside the code and not compiled: found from wherever the compiled code lies. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}`);
  return rootAbove(parent);
}

/** The folder that holds package.json. */
export const packageRoot = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** Full path of a file of the package. */
export function packageFile(...path: readonly string[]): string {
  return join(packageRoot, ...path);
}
