/** The fields of requests: what they ask for, and under which numbers they are sent (DESIGN §1). */
import { Operation } from '../../protocols/codes.ts';
import { RequestFlag } from '../../protocols/frames/request.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { CutPart } from '../../protocols/layout/compiled-layout.ts';
import {
  type DiskOffset,
  type EventCount,
  type ExtentGeneration,
  type Incarnation,
  type IoNumber,
  type PartitionEpoch,
  unitOf,
} from '../../protocols/units.ts';
import { tellsWay } from './notices.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { RouteEntry } from './route-table.ts';
import type { Slot } from './slots.ts';

/** What a part of a volume's range asks for, and which disks must flush what it writes. */
export function fillRange(slot: Slot, driver: OptimizationDriver, part: CutPart): void {
  const { request } = slot;
  const { view } = driver;
  request.offset = part.start;
  request.lengthBytes = part.lengthBytes;
  request.mirrorSet = part.set ?? '';
  request.partition = part.partition;
  const { legs } = part;
  request.eventCount = view.eventCounts[legs[0]?.extentIndex ?? 0] ?? unitOf<EventCount>(0);
  if (slot.io === null || !slot.io.isWrite) return;
  const { entries } = driver.ledger;
  slot.flushEntries.length = 0;
  for (const { extentIndex } of legs) {
    const entry = entries[view.diskOfExtent[extentIndex] ?? -1];
    if (entry !== undefined) slot.flushEntries.push(entry);
  }
}

/** What goes to one disk, such as a flush. @param diskIndex in the view; of none, it names no disk */
export function addressDisk(slot: Slot, driver: OptimizationDriver, diskIndex: number): void {
  const { request } = slot;
  const { view } = driver;
  const extentIndex = view.extentOnDisk[diskIndex] ?? -1;
  const extent = view.layout.extents[extentIndex];
  request.partition = 0;
  request.mirrorSet = view.setOfExtent[extentIndex] ?? '';
  request.eventCount = view.eventCounts[extentIndex] ?? unitOf<EventCount>(0);
  request.disk = extent?.disk ?? '';
  request.diskOffset = extent?.start ?? unitOf<DiskOffset>(0);
  request.extentGeneration = extent?.generation ?? unitOf<ExtentGeneration>(0);
}

/** The numbers of now, and the way. @param watermark of the host: all I/O below it has ended */
export function stampRequest(
  slot: Slot,
  { view, caches }: OptimizationDriver,
  route: RouteEntry,
  watermark: IoNumber,
): void {
  const { request } = slot;
  const { data, attachment } = view;
  const { partition } = request;
  request.generation = data.generation;
  request.controlEpoch = data.controlEpoch;
  request.attachEpoch = attachment?.attachEpoch ?? unitOf(0);
  request.partitionEpoch = view.partitionEpochs[partition] ?? unitOf<PartitionEpoch>(0);
  request.ownerIncarnation = view.ownerIncarnations[partition] ?? unitOf<Incarnation>(0);
  request.watermark = watermark;
  request.disk = diskOf(route, slot);
  request.replyId = route.hba.id;
  request.flags &= RequestFlag.fua;
  if (route.isPreferred) request.flags |= RequestFlag.preferredPath;
  request.regionWrites = 0;
  if (caches !== null && request.operation === Operation.read) caches.stamp(request, route);
  request.route = route.carried;
  // A probe is for the very links of its way; and where switches choose, they are told what is preferred.
  if (request.operation === Operation.probe || tellsWay(route)) request.route = route.rest;
}

/** Where a switch is the end, it chooses the disk, but for a read that not every mirror can answer. */
function diskOf({ target }: RouteEntry, { mirrors, request }: Slot): DiskId | '' {
  if (target.kind === 'disk') return target.id as DiskId;
  return mirrors?.[(request.attempt - 1) % mirrors.length] ?? '';
}
