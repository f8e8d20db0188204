/**
 * Where a node keeps its disks: files named by the topology, or one file per disk in the data folder, or memory. A file
 * that is not there yet is made and formatted; one that is there is never formatted, whatever is in it.
 */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FoundStore } from '../actors/disk/disk.ts';
import { reserveBytes } from '../actors/disk/disk-layout.ts';
import { formatDisk } from '../actors/disk/format-disk.ts';
import type { DiskId } from '../protocols/ids.ts';
import type { BlockStore, Random } from '../protocols/ports.ts';
import type { Disk, Topology } from '../protocols/topology.ts';
import { MemoryStore } from './stores/memory-store.ts';
import { createFileStore, openFileStore } from './stores/open-file-store.ts';

/** Finds the store of a disk, made and formatted if it is new; or says what is wrong and what to do. */
export async function openDiskStore(
  options: { readonly topology: Topology; readonly diskFolder: string },
  disk: DiskId,
  random: Random,
): Promise<FoundStore> {
  const entry = options.topology.disks.find(({ id }) => id === disk);
  if (entry === undefined) throw new RangeError(`the topology has no disk ${disk}`);
  if (entry.store === 'memory') return formatted(new MemoryStore(entry.sizeBytes), disk, random);
  const paths = entry.files.length > 0 ? entry.files : [join(options.diskFolder, `${disk}.disk`)];
  const [only, ...others] = paths;
  if (only !== undefined && others.length === 0 && !existsSync(only))
    return newFile(only, entry, random);
  const opened = openFileStore(paths);
  return opened.ok ? opened : { ok: false, message: `disk ${disk}: ${opened.problem.message}` };
}

/**
 * Under its name only once it is formatted, so that a crash in between leaves nothing that looks like an emptied disk,
 * and only if nobody else made one meanwhile.
 */
async function newFile(path: string, entry: Disk, random: Random): Promise<FoundStore> {
  const { id, sizeBytes } = entry;
  const unfinished = `${path}.${process.pid}.new`;
  rmSync(unfinished, { force: true });
  const created = createFileStore([{ path: unfinished, sizeBytes }], {
    reserveBytes: reserveBytes(sizeBytes),
  });
  if (!created.ok) return { ok: false, message: `disk ${id}: ${created.problem.message}` };
  const found = await formatted(created.store, id, random);
  try {
    if (found.ok) linkSync(unfinished, path);
  } catch (error) {
    created.store.close(() => {});
    const why = (error as Error).message;
    return {
      ok: false,
      message: `disk ${id}: another process made ${path} at the same time: ${why}`,
    };
  } finally {
    rmSync(unfinished, { force: true });
  }
  syncFolderOf(path);
  return found;
}

/** Makes the file's name durable. */
function syncFolderOf(path: string): void {
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function formatted(store: BlockStore, disk: DiskId, random: Random): Promise<FoundStore> {
  return new Promise((resolve) => {
    formatDisk({ store, disk, random, isNew: true, overwrite: false }, (why) => {
      resolve(why === null ? { ok: true, store } : { ok: false, message: `disk ${disk}: ${why}` });
    });
  });
}
