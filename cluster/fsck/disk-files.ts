/**
 * Opens the files of a topology's disks, for looking only unless something is to be repaired: then the system refuses every
 * write. The lock that a disk takes is taken, so that no disk starts meanwhile.
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DiskId } from '../../protocols/ids.ts';
import type { BlockStore } from '../../protocols/ports.ts';
import type { Disk, Topology } from '../../protocols/topology.ts';
import { type FileStoreProblem, openFileStore } from '../stores/open-file-store.ts';

/** Nothing was checked; the message says why and what to do. */
export class CheckRefused extends Error {}

/** What there is of a disk of the topology. */
export interface DiskFile {
  readonly disk: DiskId;
  /** What the topology says that it takes of its store. */
  readonly sizeBytes: number;
  /** For people. */
  readonly path: string;
  readonly found:
    | { readonly store: BlockStore }
    | { readonly problem: FileStoreProblem }
    | 'memory';
}

/**
 * The folder with the disk files: `disks` in the data folder of `sanctor up`, or the folder itself, as `sanctor node` has
 * it.
 *
 * @throws CheckRefused when there is no such folder
 */
export function diskFolderIn(dataFolder: string): string {
  const folder = resolve(dataFolder);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CheckRefused(
      `there is no folder ${folder}; say with --data where the cluster keeps its data`,
    );
  const inside = join(folder, 'disks');
  return existsSync(inside) ? inside : folder;
}

/** Opens all of them, for looking only or for both. @throws CheckRefused when a disk runs */
export async function openDiskFiles(
  topology: Topology,
  diskFolder: string,
  readOnly = true,
): Promise<readonly DiskFile[]> {
  const files: DiskFile[] = [];
  try {
    for (const disk of topology.disks) files.push(openOne(disk, diskFolder, readOnly));
  } catch (error) {
    await closeDiskFiles(files);
    throw error;
  }
  return files;
}

/** Lets go of them, and of their locks. */
export async function closeDiskFiles(files: readonly DiskFile[]): Promise<void> {
  const stores = files.flatMap(({ found }) =>
    found !== 'memory' && 'store' in found ? [found.store] : [],
  );
  await Promise.all(stores.map((store) => new Promise<void>((done) => store.close(done))));
}

function openOne(
  { id, sizeBytes, store, files }: Disk,
  diskFolder: string,
  readOnly: boolean,
): DiskFile {
  if (store === 'memory') return { disk: id, sizeBytes, path: 'memory', found: 'memory' };
  const paths = files.length > 0 ? files : [join(diskFolder, `${id}.disk`)];
  const opened = openFileStore(paths, { readOnly });
  const path = paths.join(', ');
  if (opened.ok) return { disk: id, sizeBytes, path, found: { store: opened.store } };
  const { problem } = opened;
  if (problem.kind === 'locked')
    throw new CheckRefused(
      `disk ${id}: ${problem.message}. Of a cluster that runs here sanctor fsck without --data checks what can be checked; sanctor down stops it`,
    );
  return { disk: id, sizeBytes, path, found: { problem } };
}
