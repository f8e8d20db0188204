/**
 * One process per disk: a lock on an open file that ends with the process, however it ends. Node has no call for it,
 * so on Linux the command `flock` (util-linux, busybox) locks a descriptor that it inherits: the lock belongs to the
 * open file that both processes share, and stays when the command has gone. On macOS opening with O_EXLOCK does it.
 */
import { spawnSync } from 'node:child_process';
import {
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';

/** O_EXLOCK of macOS and the BSDs, which Node does not name. */
const openLocked = 0x20;

export type LockedOpen =
  | { readonly outcome: 'locked'; readonly fd: number }
  /** Another process has it open; `holder` says which, as far as can be seen. */
  | { readonly outcome: 'held'; readonly holder: string; readonly fd: number | null }
  | { readonly outcome: 'no-lock'; readonly reason: string; readonly fd: number | null };

/**
 * Opens a file and locks it. On other outcomes than `locked` the caller closes `fd`, if any.
 *
 * @param extraFlags added to `access`, such as O_CREAT | O_EXCL
 * @param access for reading and writing, or O_RDONLY: the lock is the same
 * @throws the system's error when the file cannot be opened
 */
export function openWithLock(
  path: string,
  extraFlags: number,
  access = constants.O_RDWR,
): LockedOpen {
  const flags = access | extraFlags;
  if (process.platform === 'darwin') return openExclusively(path, flags);
  const fd = openSync(path, flags, 0o600);
  const child = spawnSync('flock', ['--nonblock', '--exclusive', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
    timeout: 5000,
  });
  if (child.status === 0) return { outcome: 'locked', fd };
  if (child.status === 1) return { outcome: 'held', holder: holderOf(fd), fd };
  const why = child.error?.message ?? `it ended with status ${child.status}`;
  return { outcome: 'no-lock', reason: `the command flock (util-linux) failed: ${why}`, fd };
}

function openExclusively(path: string, flags: number): LockedOpen {
  try {
    const fd = openSync(path, flags | openLocked | constants.O_NONBLOCK, 0o600);
    return { outcome: 'locked', fd };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK')
      return { outcome: 'held', holder: 'another process', fd: null };
    throw error;
  }
}

/** The other process that has the same file open, as far as /proc lets us see. */
function holderOf(fd: number): string {
  const wanted = fstatSync(fd);
  for (const processId of folderEntries('/proc')) {
    if (!/^\d+$/.test(processId)) continue;
    for (const open of folderEntries(`/proc/${processId}/fd`)) {
      if (processId === String(process.pid) && open === String(fd)) continue;
      const stat = statOf(`/proc/${processId}/fd/${open}`);
      if (stat?.ino === wanted.ino && stat.dev === wanted.dev)
        return `process ${processId} (${commandOf(processId)})`;
    }
  }
  return 'another process';
}

function folderEntries(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Null for what cannot be looked at, or is gone by now. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function commandOf(processId: string): string {
  try {
    const words = readFileSync(`/proc/${processId}/cmdline`, 'utf8').split('\0');
    return words.join(' ').trim().slice(0, 120);
  } catch {
    return 'unknown command';
  }
}
