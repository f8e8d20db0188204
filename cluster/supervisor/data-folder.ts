/**
 * The folder that holds a cluster's data on this machine: NATS' files, disk files, logs. Belongs to one cluster, and
 * to one supervisor at a time: a lock ends with the process that holds it. Without a folder of the user's choice
 * there is a temporary one, which goes when the cluster has stopped.
 */
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ClusterId } from '../../protocols/ids.ts';
import { openWithLock } from '../stores/file-lock.ts';

export interface DataFolder {
  readonly path: string;
  readonly natsFolder: string;
  readonly diskFolder: string;
  readonly logFolder: string;
  /** True when it goes with the cluster. */
  readonly temporary: boolean;
  /** Lets go of it, and removes it when it is temporary. */
  release(): void;
}

/** The folder cannot be used; the message says why and what to do. */
export class DataFolderRefused extends Error {}

/**
 * Makes the folder, locks it, and checks that it is the given cluster's.
 *
 * @param path undefined for a temporary folder
 * @throws DataFolderRefused
 */
export function openDataFolder(path: string | undefined, cluster: ClusterId): DataFolder {
  const temporary = path === undefined;
  const folder = temporary ? mkdtempSync(join(tmpdir(), `sanctor-${cluster}-`)) : resolve(path);
  const inside = (name: string) => join(folder, name);
  const folders = {
    natsFolder: inside('nats'),
    diskFolder: inside('disks'),
    logFolder: inside('log'),
  };
  try {
    for (const name of Object.values(folders)) mkdirSync(name, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new DataFolderRefused(
      `the data folder ${folder} cannot be made: ${(error as Error).message}; choose another with --data`,
    );
  }
  const lock = lockFolder(inside('lock'), folder);
  claim(inside('cluster'), folder, cluster);
  return {
    path: folder,
    ...folders,
    temporary,
    release() {
      closeSync(lock);
      if (temporary) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function lockFolder(file: string, folder: string): number {
  const locked = openWithLock(file, constants.O_CREAT);
  if (locked.outcome === 'locked') return locked.fd;
  if (locked.fd !== null) closeSync(locked.fd);
  const why = locked.outcome === 'held' ? `in use by ${locked.holder}` : locked.reason;
  throw new DataFolderRefused(
    `the data folder ${folder} is ${why}; stop that cluster (sanctor down) or choose another folder with --data`,
  );
}

/** Writes the cluster's name into a new folder, and compares it in an old one. */
function claim(file: string, folder: string, cluster: ClusterId): void {
  try {
    writeFileSync(file, `${cluster}\n`, { flag: 'wx' });
  } catch {
    const owner = readFileSync(file, 'utf8').trim();
    if (owner === cluster) return;
    throw new DataFolderRefused(
      `the data folder ${folder} belongs to cluster ${owner}, not to ${cluster}; choose another with --data`,
    );
  }
}
