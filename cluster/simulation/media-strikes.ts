/** What befalls the media of disks: read errors for a while, at a bad moment too, blocks that rot, and bad sectors. */

import { atHome } from '../../actors/disk/block-locations.ts';
import {
  isDataTag,
  tagEpoch,
  tagsPerPage,
  tagWordAt,
  tagWriteNumber,
} from '../../actors/disk/block-tags.ts';
import { homeBytes } from '../../actors/disk/disk-layout.ts';
import type { OpenDisk } from '../../actors/disk/open-disk.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { cutRange, type Leg } from '../../protocols/layout/geometry.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import { recordOf } from './media-damage.ts';
import type { SeededRandom } from './random.ts';
import { deafen, isRunning, pickNode, type Strike } from './strike.ts';
import type { World } from './world.ts';

/** Of four MiB that are used of a disk. */
const readErrorBlocksMax = 256;
const failingBlocksMax = 1024;
const rottenBlocksMax = 48;
/** Of what rotted, a scrub may find some before anybody else does, or be ended in the middle of that. */
const scrubAfterMsMax = 1000;

/** The medium of a disk gives nothing of a range, or of everything. */
export const diskReadError: Strike = ({ world }, random) => {
  const { id, sizeBytes } = random.pick(world.topology.disks);
  const target = `disk:${id}` as const;
  const lengthBytes = blockBytes * (1 + random.integer(readErrorBlocksMax));
  const atBytes = blockBytes * random.integer((homeBytes(sizeBytes) - lengthBytes) / blockBytes);
  const range = random.integer(4) === 0 ? {} : { atBytes, lengthBytes };
  const lastsMs = random.between(50, 3000);
  world.inject({ kind: 'read-error', target, ...range });
  world.clock.setTimeout(() => world.heal(target), lastsMs);
  return `${id} ${JSON.stringify(range)} for ${lastsMs.toFixed(0)} ms`;
};

/** A disk that fails: everything takes long there, and a part of it can be read no more; others on its shelf feel it. */
export const failingDisk: Strike = ({ world, conditions }, random) => {
  const { id, sizeBytes } = random.pick(world.topology.disks);
  const target = `disk:${id}` as const;
  const lengthBytes = blockBytes * (1 + random.integer(failingBlocksMax));
  const atBytes = blockBytes * random.integer((homeBytes(sizeBytes) - lengthBytes) / blockBytes);
  const times = random.pick([20, 100, 400]);
  const lastsMs = random.between(200, 3000);
  for (const { id: disk } of world.topology.disks)
    conditions.add({ slow: { disk, times } }, lastsMs);
  world.inject({ kind: 'read-error', target, atBytes, lengthBytes });
  world.clock.setTimeout(() => world.heal(target), lastsMs);
  return `${id}, ${lengthBytes} bytes at ${atBytes}, all slow by ${times}, for ${lastsMs.toFixed(0)} ms`;
};

/** What is lost is sent again, after what came later. */
const overtaking = { lossPerMillion: 150_000 } as const;

/**
 * Writes reach one mirror of two, for the other stands still, or hears nothing. Then its disk can give nothing of what it took, and the
 * coordinator dies: its successor finds the newest copy unreadable, and the older one without writes that hosts have
 * under way. Half the time a host dies, too, whose writes need not have happened then, if nobody has seen them: messages
 * overtake each other meanwhile, so that reads come to see what they must not.
 */
export const halfWrite: Strike = (targets, random) => {
  const { world, conditions } = targets;
  const volume = random.pick(world.topology.volumes);
  const start = unitOf<VolumeOffset>(blockBytes * random.integer(volume.sizeBytes / blockBytes));
  const coordinator = pickNode(world, random, 'switch');
  const deadMs = random.between(5, 40);
  const lastsMs = random.between(1500, 4000);
  const host = random.integer(2) === 0 ? pickNode(world, random, 'host') : null;
  const halfMs = random.between(20, host === null ? 150 : 350);
  const record = recordOf(world.database, volume.id);
  const [taker, lacking] = (
    record === null ? [] : cutRange(record.layout, { start, lengthBytes: blockBytes })
  ).flatMap(({ legs }) => legs.map(({ disk }) => disk));
  const process = world.nodes.find(({ disks }) => disks.some((disk) => disk === lacking))?.process;
  if (taker === undefined || lacking === undefined) return null;
  if (process?.state !== 'running' || coordinator === null) return null;
  const isDeaf = random.fork('form').integer(2) === 0;
  const target = `disk:${taker}` as const;
  const dead = [coordinator, host].flatMap((node) => (node === null ? [] : [node.node.id]));
  const healsAtMs = world.clock.now() + halfMs + lastsMs;
  // What waits at one that stands still gets there in the end, before any fence.
  if (isDeaf) deafen(targets, lacking, 0, halfMs + deadMs);
  else process.pause();
  if (host !== null) conditions.add({ weather: overtaking }, halfMs + deadMs);
  targets.later(halfMs, () => {
    // What is in the journal only can be read all the same.
    openedDisks(world)
      .get(taker)
      ?.device.writeBehind.drain(() => {
        targets.later(0, () => {
          if (world.clock.now() < healsAtMs) world.inject({ kind: 'read-error', target });
        });
      });
    targets.later(deadMs, () => {
      if (isRunning(coordinator)) targets.crash(coordinator);
      if (host !== null && isRunning(host)) targets.crash(host);
      if (!isDeaf) process.resume();
    });
    world.clock.setTimeout(() => world.heal(target), lastsMs);
  });
  return `${taker} takes, ${lacking} ${isDeaf ? 'is deaf' : 'does not'}, for ${halfMs.toFixed(0)} ms; then ${dead.join(' and ')} dies`;
};

/** A block of a volume: where its mirrors have it. */
type Copies = readonly Leg[];

/**
 * Blocks of one mirror change where they lie, so that their checksums find it; of no block more than one mirror, and
 * only where the others have the same, durably: no system survives the loss of the only copy of something. Nothing in a
 * journal is changed, for a journal has checksums of its own, and ends where they do not fit.
 */
export const blockRot: Strike = ({ world, operator, later }, random) => {
  const disk = pickNode(world, random, 'disk')?.disks[0];
  if (disk === undefined) return null;
  const blocks = drawnBlocks(world, random, disk);
  const search = random.fork('scrub');
  const changes = random.fork('changes');
  const opened = openedDisks(world);
  let left = opened.size;
  for (const { device } of opened.values())
    device.writeBehind.drain(() => {
      left -= 1;
      if (left === 0)
        for (const copies of blocks) rotBlock(world, { disk, copies, opened }, changes);
    });
  if (search.integer(2) === 0) return `${blocks.length} blocks of ${disk}`;
  const afterMs = search.between(0, scrubAfterMsMax);
  later(afterMs, () => operator.scrub(search));
  return `${blocks.length} blocks of ${disk}; a scrub after ${afterMs.toFixed(0)} ms`;
};

/**
 * Sectors of a disk's journal go bad under blocks that are to come home from there. As with rot, no block is hit on more
 * than one mirror, and only where the others have the same, durably.
 */
export const badSectors: Strike = ({ world }, random) => {
  const disk = pickNode(world, random, 'disk')?.disks[0];
  if (disk === undefined) return null;
  const blocks = drawnBlocks(world, random, disk);
  const places = random.fork('places');
  const opened = openedDisks(world);
  // What a write has changed since need not be durable; then the journal ends there, and all that came later is gone.
  const flushed = blocks.map((copies) => {
    const struck = { disk, copies, opened };
    return { struck, position: journalPosition(world, struck) };
  });
  let left = opened.size;
  for (const { device } of opened.values())
    device.flush(() => {
      left -= 1;
      if (left > 0) return;
      for (const { struck, position } of flushed)
        if (position === journalPosition(world, struck)) spoilBlock(world, struck, places);
    });
  return `${blocks.length} blocks of ${disk}`;
};

function openedDisks(world: World): ReadonlyMap<DiskId, OpenDisk> {
  const disks = world.nodes.flatMap(({ assembled }) => assembled?.disks ?? []);
  return new Map(disks.flatMap(({ id, opened }) => (opened === null ? [] : [[id, opened]])));
}

/** Blocks that volumes have on a disk, and that have not rotted anywhere. */
function drawnBlocks(world: World, random: SeededRandom, disk: DiskId): readonly Copies[] {
  const wanted = 1 + random.integer(rottenBlocksMax);
  const volume = random.pick(world.topology.volumes);
  const record = recordOf(world.database, volume.id);
  const blocks = new Map<number, Copies>();
  for (let drawn = 0; drawn < wanted; drawn++) {
    const start = unitOf<VolumeOffset>(blockBytes * random.integer(volume.sizeBytes / blockBytes));
    const parts =
      record === null ? [] : cutRange(record.layout, { start, lengthBytes: blockBytes });
    const copies = parts.flatMap((part) => part.legs);
    const isSound = (leg: Leg) => !world.damage.hasRotted(leg.disk, leg.offset / blockBytes);
    const isThere = copies.some((leg) => leg.disk === disk);
    if (isThere && copies.every(isSound)) blocks.set(start, copies);
  }
  return [...blocks.values()];
}

/** A block that is to be struck on a disk, and the disks as they were open when that was decided. */
interface Struck {
  readonly disk: DiskId;
  readonly copies: Copies;
  readonly opened: ReadonlyMap<DiskId, OpenDisk>;
}

/** The block on the disk, by its number; null unless all mirrors have the same. */
function equalBlock(
  world: World,
  { disk, copies, opened }: Struck,
  tagOn: (disk: OpenDisk, leg: Leg) => string | null,
): number | null {
  const own = copies.find((leg) => leg.disk === disk);
  const running = openedDisks(world);
  const tags = copies.map((leg) => {
    const open = opened.get(leg.disk);
    return open === undefined || running.get(leg.disk) !== open ? null : tagOn(open, leg);
  });
  const [first = null] = tags;
  const isEqual = first !== null && tags.every((tag) => tag === first);
  return own === undefined || !isEqual ? null : own.offset / blockBytes;
}

function rotBlock(world: World, struck: Struck, random: SeededRandom): void {
  const { disk, opened } = struck;
  const block = equalBlock(world, struck, tagAtHome);
  if (block === null) return;
  const at = random.integer(blockBytes);
  const change = (bytes: Uint8Array) => {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(8));
  };
  const homeStart = opened.get(disk)?.device.parts.layout.homeStart ?? 0;
  world.damage.rotted(disk, block);
  world.media.get(disk)?.corrupt(homeStart + block * blockBytes, change, blockBytes);
}

/** Where the block is in the journal; `atHome` when it is not there, or not the same on all mirrors. */
function journalPosition(world: World, struck: Struck): number {
  const block = equalBlock(world, struck, tagOf);
  const locations = struck.opened.get(struck.disk)?.device.parts.locations;
  return block === null ? atHome : (locations?.find(block) ?? atHome);
}

/** Where the block is in the journal, if it is there, one sector of it goes bad. */
function spoilBlock(world: World, struck: Struck, random: SeededRandom): void {
  const { disk, opened } = struck;
  const block = equalBlock(world, struck, tagOf);
  const position = journalPosition(world, struck);
  const parts = opened.get(disk)?.device.parts;
  if (block === null || parts === undefined || position === atHome) return;
  const at = random.integer(blockBytes);
  world.damage.rotted(disk, block);
  world.media.get(disk)?.spoil(parts.journal.placeOf(position) + at);
}

/** Which write a block at home is of, as text; null when it holds no data, or has not come home. */
function tagAtHome(disk: OpenDisk, leg: Leg): string | null {
  const isHome = disk.device.parts.locations.find(leg.offset / blockBytes) === atHome;
  return isHome ? tagOf(disk, leg) : null;
}

/** Which write a block is of, as text; null when it holds no data. */
function tagOf({ device }: OpenDisk, { offset }: Leg): string | null {
  const block = offset / blockBytes;
  const words = device.parts.tags.cached(block)?.words;
  const at = tagWordAt(block % tagsPerPage);
  if (words === undefined || !isDataTag(words, at)) return null;
  return `${tagEpoch(words, at)}/${tagWriteNumber(words, at)}/${words[at]}`;
}
