/**
 * What a decision means for each of those who act on it: the bodies of `assemble` and `load`, and the control data
 * of a host. Pure. The order in which they are told is the volume machine's business.
 */
import type {
  ControlData,
  DiskAssembly,
  DiskMember,
  ExtentRecord,
  SwitchLoad,
  VolumeRecord,
  VolumeState,
} from '../../protocols/control-data.ts';
import type { DiskId, HostId, MirrorSetId } from '../../protocols/ids.ts';
import { extentsOf, type Layout } from '../../protocols/layout/layout.ts';
import type { Incarnation } from '../../protocols/units.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';

/** One `assemble` for each disk that the volume lies on. */
export function diskAssemblies(record: VolumeRecord): readonly DiskAssembly[] {
  const extents = placedExtents(record.layout, []);
  return record.disks.map((disk) => {
    const own = extents.filter((extent) => extent.disk === disk.disk);
    const sets = new Set(own.flatMap((extent) => extent.sets));
    return {
      cluster: record.cluster,
      clusterIdentity: record.clusterIdentity,
      volume: record.volume,
      generation: record.generation,
      controlEpoch: record.controlEpoch,
      disk,
      extents: own.map(({ record: extent }) => extent),
      partitions: record.partitions,
      attachments: record.attachments,
      mirrorSets: record.mirrorSets.filter(({ set }) => sets.has(set)),
    };
  });
}

/** What has a disk that is no member any more refuse everybody. */
export function fencingAssembly(record: VolumeRecord, member: DiskMember): DiskAssembly {
  const [assembly] = diskAssemblies({ ...record, disks: [member], attachments: [] });
  if (assembly === undefined) throw new RangeError('one disk has one assembly');
  return assembly;
}

/** The `load` for one process of a switch. */
export function switchLoad(record: VolumeRecord, switchIncarnation: Incarnation): SwitchLoad {
  const {
    cluster: _,
    clusterIdentity: __,
    lastEpoch: ___,
    preferred: ____,
    isMarked: _____,
    unfenced: ______,
    replaced: _______,
    ...told
  } = record;
  return { ...told, switchIncarnation };
}

/** What a host may know of a volume, and by which ways it reaches it. */
export function controlDataFor(
  host: HostId,
  record: VolumeRecord,
  state: { readonly state: VolumeState; readonly reason: string },
  input: Pick<VirtualizerInput, 'diskRoutes' | 'coordinatorRoutes' | 'cachingSwitches'>,
): ControlData {
  const {
    clusterIdentity: _,
    lastEpoch: __,
    preferred: ___,
    isMarked: ____,
    unfenced: _____,
    replaced: ______,
    ...told
  } = record;
  const coordinators = [...new Set(record.partitions.map(({ coordinator }) => coordinator))];
  return {
    ...told,
    host,
    state: state.state,
    reason: state.reason.slice(0, reasonLengthMax),
    diskRoutes: disksOf(record).map((disk) => ({
      disk,
      routes: [...input.diskRoutes(host, disk)],
    })),
    coordinatorRoutes: coordinators.map((coordinator) => ({
      coordinator,
      routes: [...input.coordinatorRoutes(host, coordinator)],
    })),
    cachingSwitches: [...input.cachingSwitches],
  };
}

const reasonLengthMax = 2000;

/** The disks that a volume lies on, each once, in the order of its layout. */
export function disksOf(record: Pick<VolumeRecord, 'layout'>): readonly DiskId[] {
  return [...new Set(extentsOf(record.layout).map(({ disk }) => disk))];
}

interface PlacedExtent {
  readonly disk: DiskId;
  readonly record: ExtentRecord;
  /** Outermost first. */
  readonly sets: readonly MirrorSetId[];
}

function placedExtents(layout: Layout, sets: readonly MirrorSetId[]): readonly PlacedExtent[] {
  if (layout.kind === 'extent') {
    const { disk, extent, start, lengthBytes, generation } = layout;
    const mirrorSet = sets[0] ?? '';
    return [{ disk, sets, record: { extent, start, lengthBytes, generation, mirrorSet } }];
  }
  const inner = layout.kind === 'mirror' ? [...sets, layout.set] : sets;
  return layout.children.flatMap((child) => placedExtents(child, inner));
}
