/**
 * Where a node keeps its disks: files named by the topology, or one file per disk in the data folder, or memory. A file
 * that is not there yet is made and formatted; one that is there is never formatted, whatever is in it.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundStore } from '../actors/disk/disk.ts';
import { formatDisk } from '../actors/disk/format-disk.ts';
import type { DiskId } from '../protocols/ids.ts';
import type { BlockStore, Random } from '../protocols/ports.ts';
import type { Disk, Topology } from '../protocols/topology.ts';
import { MemoryMedium } from './simulation/store.ts';
import { createFileStore, openFileStore } from './stores/open-file-store.ts';
import { createSystemClock } from './system-clock.ts';

/** Finds the store of a disk, made and formatted if it is new; or says what is wrong and what to do. */
export async function openDiskStore(
  options: { readonly topology: Topology; readonly diskFolder: string },
  disk: DiskId,
  random: Random,
): Promise<FoundStore> {
  const entry = options.topology.disks.find(({ id }) => id === disk);
  if (entry === undefined) throw new RangeError(`the topology has no disk ${disk}`);
  if (entry.store === 'memory') return formatted(memoryStore(entry, random), disk, random);
  const paths = entry.files.length > 0 ? entry.files : [join(options.diskFolder, `${disk}.disk`)];
  const [only, ...others] = paths;
  if (only !== undefined && others.length === 0 && !existsSync(only))
    return newFile(only, entry, random);
  const opened = openFileStore(paths);
  return opened.ok ? opened : { ok: false, message: `disk ${disk}: ${opened.problem.message}` };
}

function memoryStore(entry: Disk, random: Random): BlockStore {
  return new MemoryMedium({ sizeBytes: entry.sizeBytes, random }).open(createSystemClock());
}

/** Under its name only once it is formatted: a crash in between leaves nothing that looks like an emptied disk. */
async function newFile(path: string, entry: Disk, random: Random): Promise<FoundStore> {
  const unfinished = `${path}.new`;
  rmSync(unfinished, { force: true });
  const created = createFileStore([{ path: unfinished, sizeBytes: entry.sizeBytes }]);
  if (!created.ok) return { ok: false, message: `disk ${entry.id}: ${created.problem.message}` };
  const found = await formatted(created.store, entry.id, random);
  if (found.ok) renameSync(unfinished, path);
  return found;
}

function formatted(store: BlockStore, disk: DiskId, random: Random): Promise<FoundStore> {
  return new Promise((resolve) => {
    formatDisk({ store, disk, random, isNew: true, overwrite: false }, (why) => {
      resolve(why === null ? { ok: true, store } : { ok: false, message: `disk ${disk}: ${why}` });
    });
  });
}
