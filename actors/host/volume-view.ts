/**
 * Control data as the data path reads it: checked once, with every look-up that an I/O needs turned into an array
 * (by partition, by extent, by disk). Immutable; a new one replaces it whole. Which links work is `route-table`'s.
 */
import type { AttachmentRecord, ControlData } from '../../protocols/control-data.ts';
import type { DiskId, HostId, MirrorSetId } from '../../protocols/ids.ts';
import { type CompiledLayout, compileLayout } from '../../protocols/layout/compiled-layout.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { type Extent, extentsOf, mirrorSetsOf, sizeOf } from '../../protocols/layout/layout.ts';
import { partitionCount, validateCoordinatorMap } from '../../protocols/layout/regions.ts';
import { validateLayout } from '../../protocols/layout/validate-layout.ts';
import {
  type DiskInstance,
  type EventCount,
  type Incarnation,
  type PartitionEpoch,
  unitOf,
} from '../../protocols/units.ts';

export interface VolumeView {
  readonly data: ControlData;
  /** This process's attachment; null while the decision does not contain it. */
  readonly attachment: AttachmentRecord | null;
  readonly layout: CompiledLayout;
  /** By partition. */
  readonly partitionEpochs: readonly PartitionEpoch[];
  readonly ownerIncarnations: readonly Incarnation[];
  /** By index of the extent in the layout. */
  readonly diskOfExtent: readonly number[];
  readonly readableExtents: readonly boolean[];
  /** The outermost mirror set that each belongs to, '' for none, and that set's event count. */
  readonly setOfExtent: readonly (MirrorSetId | '')[];
  readonly eventCounts: readonly EventCount[];
  /** Those of the layout, whoever is in sync: a disk keeps its index while it is away. */
  readonly disks: readonly DiskId[];
  /** By index of the disk. Null: it is no member, for every mirror on it is stale or detached. Nothing is sent to it. */
  readonly instances: readonly (DiskInstance | null)[];
  /** Index of one extent of each member that writes go to: what a flush of that disk names. -1: it is no member. */
  readonly extentOnDisk: readonly number[];
}

export type ViewResult =
  | { readonly ok: true; readonly view: VolumeView }
  | { readonly ok: false; readonly problem: string };

/** Reads control data for one process of a host. A problem is a sentence for people. */
export function viewOf(data: ControlData, host: HostId, hostIncarnation: Incarnation): ViewResult {
  const problem = problemOf(data);
  if (problem !== '') return { ok: false, problem: `volume ${data.volume}: ${problem}` };
  const layout = compileLayout(data.layout, data.coordinatorMap);
  const disks = [...new Set(layout.extents.map(({ disk }) => disk))];
  const states = extentStatesOf(data.layout, data.mirrorSets);
  const extentOnDisk = disks.map((disk) =>
    layout.extents.findIndex((each) => each.disk === disk && states.get(each.extent) !== 'absent'),
  );
  const members = new Map(data.disks.map((member) => [member.disk, member.instance]));
  const missing = disks.find((disk, index) => extentOnDisk[index] !== -1 && !members.has(disk));
  if (missing !== undefined)
    return {
      ok: false,
      problem: `volume ${data.volume}: disk ${missing} is to be written, and is no member`,
    };
  const partitions = data.partitions.toSorted((a, b) => a.partition - b.partition);
  const attachment = data.attachments.find(
    (each) => each.host === host && each.hostIncarnation === hostIncarnation,
  );
  return {
    ok: true,
    view: {
      data,
      attachment: attachment ?? null,
      layout,
      partitionEpochs: partitions.map(({ epoch }) => epoch),
      ownerIncarnations: partitions.map(({ ownerIncarnation }) => ownerIncarnation),
      diskOfExtent: layout.extents.map(({ disk }) => disks.indexOf(disk)),
      readableExtents: layout.extents.map(({ extent }) => states.get(extent) === 'in-sync'),
      ...outermostSetsOf(data, layout.extents),
      disks,
      instances: disks.map((disk, index) =>
        extentOnDisk[index] === -1 ? null : (members.get(disk) ?? null),
      ),
      extentOnDisk,
    },
  };
}

/** The numbers that tell control data from earlier one; requests carry them. */
export type Decided = Pick<ControlData, 'generation' | 'controlEpoch'>;

export function isNewer(one: Decided, other: Decided): boolean {
  return one.generation > other.generation || one.controlEpoch > other.controlEpoch;
}

export function isOlder(one: Decided, other: Decided): boolean {
  return one.generation < other.generation || one.controlEpoch < other.controlEpoch;
}

/** This process's attachment; in another mode than was asked for it is none. */
export function attachmentAs(
  { attachment }: VolumeView,
  { mode, readOnly }: Pick<AttachmentRecord, 'mode' | 'readOnly'>,
): AttachmentRecord | null {
  return attachment?.mode === mode && attachment.readOnly === readOnly ? attachment : null;
}

/** True when two decisions differ in what open I/O was sent under: all of it must end first (DESIGN I12). */
export function epochsDiffer(before: VolumeView, after: VolumeView): boolean {
  return (
    before.attachment?.attachEpoch !== after.attachment?.attachEpoch ||
    before.partitionEpochs.length !== after.partitionEpochs.length ||
    before.partitionEpochs.some((epoch, index) => epoch !== after.partitionEpochs[index])
  );
}

function problemOf(data: ControlData): string {
  const [layoutProblem] = validateLayout(data.layout);
  if (layoutProblem !== undefined) return `layout ${layoutProblem.at}: ${layoutProblem.problem}`;
  if (data.sizeBytes > sizeOf(data.layout) || data.sizeBytes === 0)
    return `its size, ${data.sizeBytes}, does not fit its layout's, ${sizeOf(data.layout)}`;
  const [mapProblem] = validateCoordinatorMap(data.coordinatorMap, data);
  if (mapProblem !== undefined) return `coordinator map: ${mapProblem}`;
  const numbers = new Set(data.partitions.map(({ partition }) => partition));
  const expected = partitionCount(data.coordinatorMap);
  const complete = numbers.size === expected && data.partitions.length === expected;
  if (!complete || [...numbers].some((number) => number >= expected))
    return `${expected} partitions need one record each, there are ${data.partitions.length}`;
  return '';
}

/** Of each extent: the outermost set that it belongs to, and the set's event count. */
function outermostSetsOf(data: ControlData, extents: readonly Extent[]) {
  const eventCounts = new Map(data.mirrorSets.map(({ set, eventCount }) => [set, eventCount]));
  const outermost = new Map<string, MirrorSetId>();
  for (const { set, node, within } of mirrorSetsOf(data.layout))
    if (within.length === 0) for (const { extent } of extentsOf(node)) outermost.set(extent, set);
  const setOfExtent = extents.map(({ extent }) => outermost.get(extent) ?? '');
  return {
    setOfExtent,
    eventCounts: setOfExtent.map((set) =>
      set === '' ? unitOf<EventCount>(0) : (eventCounts.get(set) ?? unitOf<EventCount>(0)),
    ),
  };
}
