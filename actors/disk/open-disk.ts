/**
 * Opens a disk: finds out whose it is, replays its journal, and begins a new instance. What does not look exactly as
 * expected is refused with a reason that an operator can act on.
 */
import { assertNever } from '../../protocols/codes.ts';
import type { ClusterId, DiskId } from '../../protocols/ids.ts';
import type { BlockStore, Clock, Log, Random, StoreError } from '../../protocols/ports.ts';
import { type DiskInstance, unitOf } from '../../protocols/units.ts';
import { BlockDevice } from './block-device.ts';
import { BlockLocations } from './block-locations.ts';
import type { DeviceParts } from './device-parts.ts';
import type { DiskLayout } from './disk-layout.ts';
import { HostMarks } from './host-marks.ts';
import { RememberedIos } from './remembered-ios.ts';
import { Replay, type Replayed } from './replay.ts';
import { formatVersion, type Superblock, type SuperblockContent } from './superblock.ts';
import { type FoundSuperblock, readSuperblock, SuperblockKeeper } from './superblock-store.ts';
import { TagPages } from './tag-pages.ts';

/** Of so many instances that a start may have one is drawn. */
const drawnInstances = 2 ** 20;
/** More than a disk is started without any decision on one of its volumes. */
const startsMax = 256;

export interface OpenRequest {
  readonly store: BlockStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  /** Which disk is expected on the store, and in which cluster. */
  readonly disk: DiskId;
  readonly cluster: ClusterId;
  /** See `BlockDevice`. */
  readonly onFailure: (error: StoreError) => void;
}

export const diskProblems = [
  'blank',
  'foreign',
  'other-format',
  'other-disk',
  'other-cluster',
  'too-small',
  'truncated',
  'damaged',
  'unreadable',
] as const;
export type DiskProblem = (typeof diskProblems)[number];

export interface OpenDisk {
  readonly device: BlockDevice;
  readonly superblock: SuperblockKeeper;
  /** How many journal records were replayed. */
  readonly replayedRecords: number;
}

export type OpenedDisk =
  | { readonly ok: true; readonly disk: OpenDisk }
  | { readonly ok: false; readonly problem: DiskProblem; readonly message: string };

/** Opens; on success the new instance is durable. */
export function openDisk(request: OpenRequest, done: (result: OpenedDisk) => void): void {
  const refuse = (problem: DiskProblem, what: string) =>
    done({ ok: false, problem, message: `disk ${request.disk}: ${what}` });
  readSuperblock(request.store, (found) => {
    if (found.kind !== 'valid') {
      refuse(found.kind, whyNot(found, request.store.sizeBytes));
      return;
    }
    const { disk, cluster } = found.superblock.content;
    if (disk !== request.disk)
      refuse(
        'other-disk',
        `the store holds disk ${disk}; were two files swapped? Give each disk its own store`,
      );
    else if (cluster !== '' && cluster !== request.cluster)
      refuse(
        'other-cluster',
        `the store belongs to cluster ${cluster}, not ${request.cluster}; use another data folder`,
      );
    else replay(request, found.superblock, found.layout, refuse, done);
  });
}

/** Why a store cannot be opened as a disk, and what to do, for people. */
export function whyNot(
  found: Exclude<FoundSuperblock, { kind: 'valid' }>,
  storeBytes: number,
): string {
  switch (found.kind) {
    case 'blank':
      return 'the store is blank: it was emptied or never formatted; restore it, or format it as a new disk';
    case 'foreign':
      return 'the store holds something that is no Sanctor disk; it is left alone: use another store';
    case 'damaged':
      return 'both copies of its superblock are damaged; replace the disk by a new one';
    case 'too-small':
      return `the store has only ${storeBytes} bytes and holds no disk`;
    case 'other-format':
      return `the store has format ${found.version}; this version knows format ${formatVersion} only`;
    case 'truncated':
      return `the store has ${storeBytes} bytes, but was formatted with ${found.sizeBytes}: it was truncated`;
    case 'unreadable':
      return `the store cannot be read: ${found.detail}`;
    default:
      return assertNever(found, 'superblock');
  }
}

function replay(
  request: OpenRequest,
  superblock: Superblock,
  layout: DiskLayout,
  refuse: (problem: DiskProblem, what: string) => void,
  done: (result: OpenedDisk) => void,
): void {
  const { store, clock, log } = request;
  const { salt } = superblock.content;
  const parts: DeviceParts = {
    store,
    clock,
    log,
    layout,
    salt,
    tags: new TagPages(store, layout, salt, log),
    locations: new BlockLocations(),
    remembered: new RememberedIos(layout.journalBytes),
    marks: new HostMarks(layout.journalBytes),
  };
  new Replay(parts, (replayed) => {
    if (replayed.ok) begin(request, parts, superblock, replayed, refuse, done);
    else refuse('damaged', `${replayed.message}; replace the disk by a new one`);
  }).start();
}

/** Begins a new instance behind what was replayed. */
function begin(
  request: OpenRequest,
  parts: DeviceParts,
  superblock: Superblock,
  replayed: Extract<Replayed, { ok: true }>,
  refuse: (problem: DiskProblem, what: string) => void,
  done: (result: OpenedDisk) => void,
): void {
  const keeper = new SuperblockKeeper(parts.store, parts.layout, superblock);
  const content = startedContent(superblock.content, request.random);
  const { instance } = content;
  // The flush that makes the new instance durable also covers what was replayed.
  keeper.keep(content, (error) => {
    if (error !== null) {
      refuse('unreadable', `its superblock cannot be written: ${error.detail}`);
      return;
    }
    const { start, checkpointNumber, records } = replayed;
    const from = { ...start, instance, checkpointNumber };
    const device = new BlockDevice(parts, from, request.onFailure);
    device.writeBehind.beginIfDue();
    done({ ok: true, disk: { device, superblock: keeper, replayedRecords: records } });
  });
}

function startedContent(content: SuperblockContent, random: Random): SuperblockContent {
  const count = Math.floor(content.instance / drawnInstances) + 1;
  const instance = unitOf<DiskInstance>(count * drawnInstances + random.integer(drawnInstances));
  return { ...content, instance, starts: [...content.starts.slice(1 - startsMax), instance] };
}
