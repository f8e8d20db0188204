/**
 * A copy of the compiled program in which one rule is broken on purpose, so that it can be shown that somebody notices.
 * What is replaced is named by its content: a snippet that is not found exactly once is an error, never a mutation
 * that silently changes nothing.
 */
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../tidy/sources.ts';

/** One replacement in a compiled file. */
export interface Patch {
  /** Of the compiled program: `actors/switch/coordinator.js`. */
  readonly file: string;
  /** Code as it stands there; how it is broken into lines does not matter. */
  readonly snippet: string;
  readonly replacement: string;
}

const buildFolder = fileURLToPath(new URL('../../', import.meta.url));
const program = ['protocols', 'actors', 'cluster'];

/**
 * Copies the program to `folder` and breaks it there.
 *
 * @param rooms further folders of the build that are to be copied with it
 * @returns the file to run with node: the command line `sanctor`.
 * @throws Error when a snippet does not occur exactly once.
 */
export async function mutatedBuild(
  folder: string,
  patches: readonly Patch[],
  rooms: readonly string[] = [],
): Promise<string> {
  const build = join(folder, 'dist');
  await rm(folder, { recursive: true, force: true });
  await mkdir(build, { recursive: true });
  for (const room of [...program, ...rooms])
    await cp(join(buildFolder, room), join(build, room), { recursive: true });
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  const topologies = join('cluster', 'topologies');
  await cp(join(root, topologies), join(folder, topologies), { recursive: true });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const patch of patches) {
    const file = join(build, patch.file);
    await writeFile(file, patched(await readFile(file, 'utf8'), patch));
  }
  return join(build, 'cluster', 'cli', 'main.js');
}

/** Why patches do not fit the program as it has been built, as sentences. */
export async function misfits(patches: readonly Patch[]): Promise<readonly string[]> {
  const problems: string[] = [];
  const texts = new Map<string, string>();
  for (const patch of patches)
    try {
      const text = texts.get(patch.file) ?? (await readFile(join(buildFolder, patch.file), 'utf8'));
      texts.set(patch.file, patched(text, patch));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  return problems;
}

function patched(text: string, { file, snippet, replacement }: Patch): string {
  const pattern = snippet
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('\\s+');
  const found = [...text.matchAll(new RegExp(pattern, 'g'))];
  const [match] = found;
  if (match === undefined || found.length > 1)
    throw new Error(`${file} holds ${found.length} times, not once: ${snippet}`);
  return text.slice(0, match.index) + replacement + text.slice(match.index + match[0].length);
}
