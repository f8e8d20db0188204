/**
 * What a switch has loaded of a volume, as its data path reads it: checked once, with every look-up that an I/O needs
 * turned into an array (by partition, by extent) or a map. Immutable; a newer one replaces it whole.
 */
import type {
  AttachmentRecord,
  MirrorState,
  PartitionRecord,
  SwitchLoad,
} from '../../protocols/control-data.ts';
import { rangeBytesMax } from '../../protocols/frames/request.ts';
import type { DiskId, HostId, MirrorSetId } from '../../protocols/ids.ts';
import {
  type CompiledLayout,
  type CutPart,
  compileLayout,
  type PartList,
} from '../../protocols/layout/compiled-layout.ts';
import { extentsOf, legsOf, mirrorSetsOf, sizeOf } from '../../protocols/layout/layout.ts';
import { layoutMemoryBytesOf } from '../../protocols/layout/layout-memory.ts';
import { partitionCount, validateCoordinatorMap } from '../../protocols/layout/regions.ts';
import { validateLayout } from '../../protocols/layout/validate-layout.ts';
import {
  blockBytes,
  type DiskInstance,
  type EventCount,
  type PartitionEpoch,
  unitOf,
  type VolumeOffset,
} from '../../protocols/units.ts';

export interface LoadedVolume {
  readonly load: SwitchLoad;
  readonly layout: CompiledLayout;
  /** By partition. */
  readonly partitions: readonly PartitionRecord[];
  readonly attachments: ReadonlyMap<HostId, AttachmentRecord>;
  readonly eventCounts: ReadonlyMap<MirrorSetId, EventCount>;
  /** By index of the extent: whether every mirror that it belongs to is in sync. Only these are read. */
  readonly inSync: readonly boolean[];
  /** By index of the extent: the first partition epoch under which all of these were what they are. */
  readonly since: readonly PartitionEpoch[];
  /** By index of the extent: whether it gets what is written, for none of its mirrors is away. */
  readonly written: readonly boolean[];
  /** True when an extent is written and not in sync: it is being made so. */
  readonly isResyncing: boolean;
  /** The disk processes that the volume was assembled from. */
  readonly instances: ReadonlyMap<DiskId, DiskInstance>;
}

export type LoadResult =
  | { readonly ok: true; readonly volume: LoadedVolume }
  | { readonly ok: false; readonly problem: string };

/** Reads a load. A problem is a sentence for people. */
export function readLoad(load: SwitchLoad): LoadResult {
  const problem = problemOf(load);
  if (problem !== '') return { ok: false, problem: `volume ${load.volume}: ${problem}` };
  const layout = compileLayout(load.layout, load.coordinatorMap);
  const inSync = extentsWithin(load, ['in-sync']);
  const written = extentsWithin(load, ['in-sync', 'resyncing']);
  const volume: LoadedVolume = {
    load,
    layout,
    partitions: load.partitions.toSorted((a, b) => a.partition - b.partition),
    attachments: new Map(load.attachments.map((record) => [record.host, record])),
    eventCounts: new Map(load.mirrorSets.map(({ set, eventCount }) => [set, eventCount])),
    inSync,
    since: extentsSince(load),
    written,
    isResyncing: written.some((isWritten, extent) => isWritten && inSync[extent] !== true),
    instances: new Map(load.disks.map(({ disk, instance }) => [disk, instance])),
  };
  return { ok: true, volume };
}

/** True when the volume holds a range of at least one byte. */
export function holdsRange(
  volume: LoadedVolume,
  start: VolumeOffset,
  lengthBytes: number,
): boolean {
  return lengthBytes > 0 && start + lengthBytes <= volume.load.sizeBytes;
}

/**
 * The part that a range is, when it is one: on one mirror set, contiguous on each disk, in one partition; else null.
 * The range must be held by the volume. What it gives lives until the next cut into `parts`.
 */
export function onlyPartOf(
  volume: LoadedVolume,
  start: VolumeOffset,
  lengthBytes: number,
  parts: PartList,
): CutPart | null {
  const count = volume.layout.cut(start, lengthBytes, rangeBytesMax + blockBytes, parts, 2);
  return count === 1 ? parts.part(0) : null;
}

/** The first of the parts that a range consists of; otherwise as above. */
export function firstPartOf(
  volume: LoadedVolume,
  start: VolumeOffset,
  lengthBytes: number,
  parts: PartList,
): CutPart {
  volume.layout.cut(start, lengthBytes, rangeBytesMax + blockBytes, parts, 1);
  return parts.part(0);
}

/** How many copies of a part are in sync. */
export function inSyncLegsOf({ inSync }: LoadedVolume, part: CutPart): number {
  let count = 0;
  for (const { extentIndex } of part.legs) if (inSync[extentIndex] === true) count++;
  return count;
}

/** The event count of a mirror set; 0 where there is none. */
export function eventCountOf(volume: LoadedVolume, set: MirrorSetId | null): EventCount {
  const count = set === null ? undefined : volume.eventCounts.get(set);
  return count ?? unitOf<EventCount>(0);
}

/** What a load takes of a switch's memory for layouts, about. */
export function loadBytesOf(load: SwitchLoad): number {
  return layoutMemoryBytesOf({
    extents: extentsOf(load.layout).length,
    partitions: load.partitions.length,
    attachments: load.attachments.length,
    disks: load.disks.length,
  });
}

/** The most copies of one byte. */
export function copiesOf(volume: LoadedVolume): number {
  return legsOf(volume.load.layout);
}

/** By index of the extent: whether all mirrors on its way from the root are in one of these states. */
function extentsWithin(load: SwitchLoad, allowed: readonly MirrorState[]): readonly boolean[] {
  const states = new Map(load.mirrorSets.map(({ set, mirrors }) => [set, mirrors]));
  const out = new Set<string>();
  for (const { set, node } of mirrorSetsOf(load.layout))
    for (const [mirror, child] of node.children.entries()) {
      const state = states.get(set)?.[mirror];
      if (state === undefined || !allowed.includes(state))
        for (const { extent } of extentsOf(child)) out.add(extent);
    }
  return extentsOf(load.layout).map(({ extent }) => !out.has(extent));
}

function extentsSince(load: SwitchLoad): readonly PartitionEpoch[] {
  const since = new Map<string, number>();
  const records = new Map(load.mirrorSets.map((record) => [record.set, record]));
  for (const { set, node } of mirrorSetsOf(load.layout))
    for (const [mirror, child] of node.children.entries()) {
      const epoch = records.get(set)?.epochsSince[mirror] ?? 0;
      for (const { extent } of extentsOf(child))
        since.set(extent, Math.max(since.get(extent) ?? 0, epoch));
    }
  return extentsOf(load.layout).map(({ extent }) => unitOf<PartitionEpoch>(since.get(extent) ?? 0));
}

function problemOf(load: SwitchLoad): string {
  const [layoutProblem] = validateLayout(load.layout);
  if (layoutProblem !== undefined) return `layout ${layoutProblem.at}: ${layoutProblem.problem}`;
  if (load.sizeBytes > sizeOf(load.layout) || load.sizeBytes === 0)
    return `its size, ${load.sizeBytes}, does not fit its layout's, ${sizeOf(load.layout)}`;
  const [mapProblem] = validateCoordinatorMap(load.coordinatorMap, load);
  if (mapProblem !== undefined) return `coordinator map: ${mapProblem}`;
  const expected = partitionCount(load.coordinatorMap);
  const numbers = new Set(load.partitions.map(({ partition }) => partition));
  const complete = numbers.size === expected && load.partitions.length === expected;
  if (!complete || [...numbers].some((number) => number >= expected))
    return `${expected} partitions need one record each, there are ${load.partitions.length}`;
  const members = new Set(load.disks.map(({ disk }) => disk));
  const written = extentsWithin(load, ['in-sync', 'resyncing']);
  const missing = extentsOf(load.layout).find(
    ({ disk }, index) => written[index] === true && !members.has(disk),
  );
  return missing === undefined ? '' : `disk ${missing.disk} of its layout is no member`;
}
