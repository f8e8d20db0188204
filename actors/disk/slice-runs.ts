/**
 * Stretches of a slice, which is a buffer of blocks on their way, each of which comes from or goes to one stretch of the
 * store in one go.
 */
import type { BlockStore, StoreDone, StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';

export interface Run {
  /** On the store. */
  readonly place: number;
  /** In the slice. */
  readonly start: number;
  bytes: number;
}

/** Adds a piece to the last run if it goes on there, else begins a run. */
export function joinRun(runs: Run[], place: number, start: number, bytes: number): void {
  const last = runs.at(-1);
  if (last !== undefined && last.place + last.bytes === place && last.start + last.bytes === start)
    last.bytes += bytes;
  else runs.push({ place, start, bytes });
}

/**
 * Reads a run of whole blocks into its place. Where the medium does not give it in one go it is read block by block, so
 * that a bad sector costs its own block and no other.
 *
 * @param unread gets where in the slice blocks begin that cannot be read; `done` gets other errors only
 */
export function readRun(
  from: { readonly store: BlockStore; readonly slice: Uint8Array },
  run: Run,
  unread: Set<number>,
  done: StoreDone,
): void {
  const { place, start, bytes } = run;
  from.store.read(place, from.slice.subarray(start, start + bytes), (error) => {
    if (error?.kind !== 'media') done(error);
    else if (bytes > blockBytes) readEachBlock(from, run, unread, done);
    else {
      unread.add(start);
      done(null);
    }
  });
}

function readEachBlock(
  from: { readonly store: BlockStore; readonly slice: Uint8Array },
  { place, start, bytes }: Run,
  unread: Set<number>,
  done: StoreDone,
): void {
  let left = bytes / blockBytes;
  let failed: StoreError | null = null;
  const oneDone = (error: StoreError | null) => {
    failed ??= error;
    left -= 1;
    if (left === 0) done(failed);
  };
  for (let at = 0; at < bytes; at += blockBytes)
    readRun(from, { place: place + at, start: start + at, bytes: blockBytes }, unread, oneDone);
}
