/**
 * Which other mirrors a host may read when one has failed (DESIGN §5, mirror-read): those that hold all of the range,
 * are in sync, are there, and can be reached by that host. And whether a mirror may be done without. Pure.
 */
import type { AlternatesAnswer, AlternatesQuery } from '../../protocols/commands.ts';
import type { VolumeRecord } from '../../protocols/control-data.ts';
import { assemblableDiskStates } from '../../protocols/facts.ts';
import type { DiskId, MirrorSetId } from '../../protocols/ids.ts';
import { cutRange } from '../../protocols/layout/geometry.ts';
import { extentsOf, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import type { PresenceTable } from './presence.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';

/** Answers a host: a mirror that is away may come back, and is none that failed. The range must be of the volume. */
export function alternateMirrors(
  query: AlternatesQuery,
  record: VolumeRecord,
  input: Pick<VirtualizerInput, 'diskRoutes'>,
  presence: Pick<PresenceTable, 'find'>,
): AlternatesAnswer {
  const { host, offset: start, lengthBytes, disk: failed } = query;
  const parts = cutRange(record.layout, { start, lengthBytes });
  const copies = parts.map(({ legs }) =>
    legs
      .filter(({ steps }) => steps.every(({ set, mirror }) => isInSync(record, set, mirror)))
      .map(({ disk }) => disk),
  );
  const [first = [], ...others] = copies;
  const inSync = first.filter(
    (disk) => disk !== failed && others.every((disks) => disks.includes(disk)),
  );
  const isReachable = (disk: DiskId) =>
    input.diskRoutes(host, disk).length > 0 && isServing(presence, disk);
  return {
    alternates: inSync.filter(isReachable),
    away: inSync.filter((disk) => !isReachable(disk)),
  };
}

/** The mirror sets in which a disk holds a mirror that is not the last one in sync. */
export function setsBeside(record: VolumeRecord, disk: DiskId): readonly MirrorSetId[] {
  return mirrorSetsOf(record.layout).flatMap(({ set, node }) => {
    const own = node.children.findIndex((child) =>
      extentsOf(child).some((extent) => extent.disk === disk),
    );
    const isRedundant = node.children.some(
      (_, mirror) => mirror !== own && isInSync(record, set, mirror),
    );
    return own !== -1 && isInSync(record, set, own) && isRedundant ? [set] : [];
  });
}

function isInSync({ mirrorSets }: VolumeRecord, set: MirrorSetId, mirror: number): boolean {
  return mirrorSets.find((each) => each.set === set)?.mirrors[mirror] === 'in-sync';
}

function isServing(presence: Pick<PresenceTable, 'find'>, disk: DiskId): boolean {
  const state = presence.find({ kind: 'disk', id: disk })?.description.state;
  return state !== undefined && assemblableDiskStates.includes(state);
}
