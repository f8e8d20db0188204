/**
 * Makes an empty disk of a store. Nothing else in Sanctor ever does, so a store that lost its contents is noticed
 * instead of being taken for an empty disk.
 */
import type { DiskId } from '../../protocols/ids.ts';
import type { BlockStore, Random } from '../../protocols/ports.ts';
import { type DiskInstance, mebibyte, unitOf } from '../../protocols/units.ts';
import { checkpointPlaces, encodeCheckpoint } from './checkpoint-record.ts';
import { type DiskLayout, layoutOf, storeBytesMin } from './disk-layout.ts';
import { nothingRetired } from './retired-generations.ts';
import type { SuperblockContent } from './superblock.ts';
import { readSuperblock, writeFirstSuperblocks } from './superblock-store.ts';

export interface FormatRequest {
  readonly store: BlockStore;
  readonly disk: DiskId;
  readonly random: Random;
  /** True for a store that was just created and is all zeros: then nothing needs to be wiped. */
  readonly isNew: boolean;
  /** Format even what is a disk already, or something else. Everything on it is lost. */
  readonly overwrite: boolean;
}

/** @param why null when the disk is ready to be opened; else what is wrong, for people */
export type Formatted = (why: string | null) => void;

/** Formats; the disk gets a new identity. */
export function formatDisk(request: FormatRequest, done: Formatted): void {
  const { store, overwrite } = request;
  const layout = layoutOf(store.sizeBytes);
  if (layout === null) {
    readSuperblock(store, () =>
      done(`the store has ${store.sizeBytes} bytes; a disk needs at least ${storeBytesMin}`),
    );
    return;
  }
  readSuperblock(store, (found) => {
    if (found.kind !== 'blank' && !overwrite)
      done(
        'the store is not blank: it holds a disk, or something else; formatting would destroy it',
      );
    else prepare(request, layout, done);
  });
}

function prepare(request: FormatRequest, layout: DiskLayout, done: Formatted): void {
  const { store, random } = request;
  const salt = random.integer(2 ** 32 - 1) + 1;
  const writeAll = () =>
    writeCheckpoints(store, layout, salt, (why) => {
      if (why !== null) done(why);
      else
        writeFirstSuperblocks(store, layout, firstContent(request, layout, salt), (error) =>
          done(error && `the superblock cannot be written: ${error.detail}`),
        );
    });
  if (request.isNew) writeAll();
  else wipe(store, 0, layout, (why) => (why === null ? writeAll() : done(why)));
}

function firstContent(
  { disk, random }: FormatRequest,
  layout: DiskLayout,
  salt: number,
): SuperblockContent {
  const words = Array.from({ length: 4 }, () => random.integer(2 ** 32));
  return {
    disk,
    identity: words.map((word) => word.toString(16).padStart(8, '0')).join(''),
    salt,
    sizeBytes: layout.sizeBytes,
    cluster: '',
    clusterIdentity: '',
    instance: unitOf<DiskInstance>(0),
    starts: [],
    nextReference: 1,
    retired: nothingRetired,
    volumes: [],
  };
}

/** Zeros everything before the home area: what an earlier format left must not be met as tags or journal. */
function wipe(store: BlockStore, from: number, layout: DiskLayout, done: Formatted): void {
  const end = layout.homeStart;
  if (from >= end) {
    done(null);
    return;
  }
  const zeros = new Uint8Array(Math.min(mebibyte, end - from));
  store.write(from, [zeros], (error) => {
    if (error !== null) done(`the store cannot be wiped: ${error.detail}`);
    else wipe(store, from + zeros.length, layout, done);
  });
}

function writeCheckpoints(
  store: BlockStore,
  layout: DiskLayout,
  salt: number,
  done: Formatted,
): void {
  const writes = [0, 1].flatMap((number) => {
    const record = { number, tailPosition: 0, tailSequence: 1, durableSequence: 0, instance: 0 };
    const bytes = encodeCheckpoint(record, salt);
    return checkpointPlaces(layout, number).map((place) => ({ place, bytes }));
  });
  let left = writes.length;
  let failed: string | null = null;
  for (const { place, bytes } of writes)
    store.write(place, [bytes], (error) => {
      if (error !== null) failed = `a checkpoint cannot be written: ${error.detail}`;
      left -= 1;
      if (left > 0) return;
      if (failed !== null) done(failed);
      else
        store.flush((flushError) =>
          done(flushError && `the store cannot be flushed: ${flushError.detail}`),
        );
    });
}
