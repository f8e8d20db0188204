/**
 * Reads what a disk is: its superblock with all copies, and what its journal still holds. Never writes: no new instance
 * begins, and what is replayed is replayed in memory.
 */
import { BlockLocations } from '../../actors/disk/block-locations.ts';
import { type DamagedCheckpoint, damagedCheckpoints } from '../../actors/disk/checkpoint-record.ts';
import type { DeviceParts } from '../../actors/disk/device-parts.ts';
import { checkpointSlots, type DiskLayout } from '../../actors/disk/disk-layout.ts';
import { HostMarks } from '../../actors/disk/host-marks.ts';
import { RememberedIos } from '../../actors/disk/remembered-ios.ts';
import { Replay, type Replayed } from '../../actors/disk/replay.ts';
import type { Slot, Superblock, SuperblockContent } from '../../actors/disk/superblock.ts';
import {
  type FoundSuperblock,
  readSlots,
  readSuperblock,
} from '../../actors/disk/superblock-store.ts';
import { TagPages } from '../../actors/disk/tag-pages.ts';
import type { BlockStore, Clock, Log } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';

/** What was read of a store. */
export type ReadDisk =
  | {
      readonly kind: 'valid';
      readonly superblock: Superblock;
      /** By copy and then by the lowest bit of the sequence number. */
      readonly slots: readonly Slot[];
      /** As far as they can be read at all. */
      readonly damagedCheckpoints: readonly DamagedCheckpoint[];
      readonly replayed: Replayed;
      readonly parts: DeviceParts;
    }
  | Exclude<FoundSuperblock, { readonly kind: 'valid' }>;

/** A disk whose blocks can be looked at. */
export interface UsableDisk {
  readonly content: SuperblockContent;
  /** These two as in `ReadDisk`. */
  readonly slots: readonly Slot[];
  readonly damagedCheckpoints: readonly DamagedCheckpoint[];
  readonly parts: DeviceParts;
}

/** Tag pages in memory, for each disk: 1 MiB. What the journal changes comes on top of it. */
const tagPagesMax = 256;

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Reads all but the blocks. */
export async function readDisk(store: BlockStore, clock: Clock): Promise<ReadDisk> {
  const found = await new Promise<FoundSuperblock>((done) => readSuperblock(store, done));
  if (found.kind !== 'valid') return found;
  const { superblock, layout } = found;
  const slots = await new Promise<readonly Slot[]>((done) =>
    readSlots(store, layout.superblockStarts.flat(), done),
  );
  const parts = partsOf(store, clock, layout, superblock.content.salt);
  const replayed = await new Promise<Replayed>((done) => new Replay(parts, done).start());
  const damaged = await damagedCheckpointsOf(parts);
  return { kind: 'valid', superblock, slots, damagedCheckpoints: damaged, replayed, parts };
}

async function damagedCheckpointsOf({
  store,
  layout,
  salt,
}: DeviceParts): Promise<readonly DamagedCheckpoint[]> {
  const slots = Buffer.alloc(checkpointSlots * blockBytes);
  const isRead = await new Promise<boolean>((done) =>
    store.read(layout.checkpointStart, slots, (error) => done(error === null)),
  );
  return isRead ? damagedCheckpoints(slots, salt) : [];
}

function partsOf(store: BlockStore, clock: Clock, layout: DiskLayout, salt: number): DeviceParts {
  return {
    store,
    clock,
    log: silent,
    layout,
    salt,
    tags: new TagPages(store, layout, salt, silent, tagPagesMax),
    locations: new BlockLocations(),
    remembered: new RememberedIos(layout.journalBytes),
    marks: new HostMarks(layout.journalBytes),
  };
}
