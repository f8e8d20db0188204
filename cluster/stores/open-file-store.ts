/**
 * Finds, creates and locks the files of a file store. What is in them is not looked at here: whether they hold a
 * Sanctor disk, and whose, is decided by the disk.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, readFileSync, unlinkSync } from 'node:fs';
import { openWithLock } from './file-lock.ts';
import { type FileSegment, FileStore } from './file-store.ts';

export interface FileStoreProblem {
  readonly kind: 'missing' | 'exists' | 'locked' | 'too-small' | 'unusable';
  /** For people: what is wrong, with which file, and what to do. */
  readonly message: string;
}

export type OpenedFileStore =
  | { readonly ok: true; readonly store: FileStore }
  | { readonly ok: false; readonly problem: FileStoreProblem };

export interface NewFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface FileStoreOptions {
  /** See `FileStore`. */
  readonly slowCallMs?: number;
  /**
   * For new files: how much of the store's beginning should have its space on the medium from the start, as far as
   * the file system can, so that the disk's journal does not run out of space later.
   */
  readonly reserveBytes?: number;
  /** The system refuses every write. The lock is the same as for writing. */
  readonly readOnly?: boolean;
}

/** Opens existing files or block devices as one store: their bytes one behind the other. Locks each of them. */
export function openFileStore(
  paths: readonly string[],
  options: FileStoreOptions = {},
): OpenedFileStore {
  return openAll(
    paths.map((path) => ({ path, sizeBytes: null, extraFlags: 0 })),
    options,
  );
}

/** Creates sparse files as one store, locked. A file that exists is refused, and nothing is left behind then. */
export function createFileStore(
  files: readonly NewFile[],
  options: FileStoreOptions = {},
): OpenedFileStore {
  const extraFlags = constants.O_CREAT | constants.O_EXCL;
  const opened = openAll(
    files.map((file) => ({ ...file, extraFlags })),
    options,
  );
  if (opened.ok) reserveSpace(files, options.reserveBytes ?? 0);
  return opened;
}

interface Wanted {
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly extraFlags: number;
}

function openAll(files: readonly Wanted[], options: FileStoreOptions): OpenedFileStore {
  const segments: FileSegment[] = [];
  let startBytes = 0;
  for (const file of files) {
    const access = options.readOnly === true ? constants.O_RDONLY : constants.O_RDWR;
    const opened = openOne(file, startBytes, access);
    if ('problem' in opened) {
      for (const segment of segments) undo(segment, file.sizeBytes !== null);
      return { ok: false, problem: opened.problem };
    }
    segments.push(opened.segment);
    startBytes += opened.segment.lengthBytes;
  }
  return { ok: true, store: new FileStore(segments, options.slowCallMs) };
}

function undo(segment: FileSegment, created: boolean): void {
  closeSync(segment.fd);
  if (created) unlinkSync(segment.path);
}

function openOne(
  file: Wanted,
  startBytes: number,
  access: number,
): { segment: FileSegment } | { problem: FileStoreProblem } {
  const { path } = file;
  try {
    const locked = openWithLock(path, file.extraFlags, access);
    if (locked.outcome !== 'locked') {
      if (locked.fd !== null) closeSync(locked.fd);
      return { problem: lockProblem(path, locked) };
    }
    const { fd } = locked;
    if (file.sizeBytes !== null) ftruncateSync(fd, file.sizeBytes);
    const lengthBytes = file.sizeBytes ?? sizeOf(fd);
    if (lengthBytes > 0) return { segment: { fd, path, startBytes, lengthBytes } };
    closeSync(fd);
    return {
      problem: {
        kind: 'too-small',
        message: `${path} is empty: it holds no disk; remove it or restore it`,
      },
    };
  } catch (error) {
    return { problem: openProblem(path, error as NodeJS.ErrnoException) };
  }
}

function lockProblem(
  path: string,
  locked: { outcome: 'held'; holder: string } | { outcome: 'no-lock'; reason: string },
): FileStoreProblem {
  if (locked.outcome === 'held')
    return {
      kind: 'locked',
      message: `${path} is in use by ${locked.holder}; stop that one first, or use another file`,
    };
  return {
    kind: 'unusable',
    message: `${path} cannot be locked against other processes: ${locked.reason}`,
  };
}

function openProblem(path: string, error: NodeJS.ErrnoException): FileStoreProblem {
  switch (error.code) {
    case 'ENOENT':
      return {
        kind: 'missing',
        message: `${path} does not exist; restore it or format a new disk`,
      };
    case 'EEXIST':
      return {
        kind: 'exists',
        message: `${path} exists already; remove it first if nobody needs it`,
      };
    default:
      return { kind: 'unusable', message: `${path} cannot be opened: ${error.message}` };
  }
}

/** Bytes of an open file or block device. */
function sizeOf(fd: number): number {
  const stat = fstatSync(fd);
  if (!stat.isBlockDevice()) return stat.size;
  const major = ((stat.rdev >> 8) & 0xfff) | (Math.floor(stat.rdev / 2 ** 32) & ~0xfff);
  const minor = (stat.rdev & 0xff) | ((stat.rdev >> 12) & 0xfff00);
  return Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, 'utf8')) * 512;
}

/** Best effort: where it cannot be done the file stays sparse, and a full file system is met later. */
function reserveSpace(files: readonly NewFile[], reserveBytes: number): void {
  if (process.platform !== 'linux') return;
  let left = reserveBytes;
  for (const { path, sizeBytes } of files) {
    if (left <= 0) return;
    const length = Math.min(left, sizeBytes);
    spawnSync('fallocate', ['--length', String(length), path], { stdio: 'ignore', timeout: 5000 });
    left -= length;
  }
}
