/** What is wrong with the mirrors of a volume by what its disks were told last (DESIGN I3, I4). Pure. */
import { isWhole } from '../../actors/virtualizer/mirror-changes.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { extentStatesOf, inSyncDisksOf } from '../../protocols/layout/extent-states.ts';
import { extentsOf, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import type { Finding } from './finding.ts';
import type { JudgedVolume, ToldVolume } from './known-volume.ts';

/** Disks that can be used, belong to the volume, and know nothing of it. */
export function judgeStrangers(
  { volume, layout, mirrorSets }: JudgedVolume,
  strangers: readonly DiskId[],
): readonly Finding[] {
  const { id } = volume;
  const states = extentStatesOf(layout, mirrorSets);
  const extents = extentsOf(layout);
  return strangers.flatMap((disk): readonly Finding[] => {
    const own = extents.filter((extent) => extent.disk === disk);
    if (own.length === 0) return [];
    const isMember = own.some(({ extent }) => states.get(extent) !== 'absent');
    return [
      {
        severity: isMember ? 'error' : 'warning',
        kind: 'not-known',
        disk,
        volume: id,
        what: `disk ${disk} knows nothing of volume ${id}, part of which lay on it${isMember ? ' and was in sync' : ''}: it was formatted anew, or put back from a copy older than the volume`,
        remedy: `Put back the file that disk ${disk} had last.`,
      },
    ];
  });
}

/** Mirrors that are not in sync, whatever they were told themselves. */
export function judgeMirrors(
  { volume, layout, mirrorSets }: JudgedVolume,
  told: readonly ToldVolume[],
): readonly Finding[] {
  const { id } = volume;
  return mirrorSetsOf(layout).flatMap(({ set, node }) => {
    const record = mirrorSets.find((each) => each.set === set);
    if (record === undefined) return [];
    return node.children.flatMap((child, mirror): readonly Finding[] => {
      const state = record.mirrors[mirror];
      if (state === 'in-sync') return [];
      const disks = [...new Set(extentsOf(child).map(({ disk }) => disk))];
      const otherWords = told.flatMap(({ disk, entry }) => {
        const own = entry.mirrorSets.find((each) => each.set === set);
        const isOlder = own !== undefined && own.eventCount < record.eventCount;
        return disks.includes(disk) && isOlder && own.mirrors[mirror] === 'in-sync'
          ? [`; disk ${disk} was told last that it is in sync, with event count ${own.eventCount}`]
          : [];
      });
      return [
        {
          severity: 'warning',
          kind: 'fewer-mirrors',
          volume: id,
          set,
          what: `the mirror on ${disks.join(', ')} of ${set} is ${state} by event count ${record.eventCount}${otherWords.join('')}`,
          remedy:
            state === 'detached'
              ? 'It was taken out of the set, and stays out.'
              : 'It is made equal again, and read only then, once the cluster runs and all its disks are there.',
        },
      ];
    });
  });
}

/** Whether the disks that are there have everything (DESIGN I4). */
export function judgeWholeness(
  { volume, layout, mirrorSets, olderCopies }: JudgedVolume,
  told: readonly ToldVolume[],
): readonly Finding[] {
  const { id } = volume;
  const has = (disk: DiskId) =>
    told.some((each) => each.disk === disk) && !olderCopies.includes(disk);
  if (isWhole({ layout, mirrorSets }, has)) return [];
  const untold = mirrorSetsOf(layout).filter(
    ({ set }) => !mirrorSets.some((record) => record.set === set),
  );
  const candidates = [
    ...inSyncDisksOf(layout, mirrorSets),
    ...untold.flatMap(({ node }) => extentsOf(node).map(({ disk }) => disk)),
  ];
  const away = [...new Set(candidates)].filter((disk) => !has(disk));
  return [
    {
      severity: 'error',
      kind: 'cannot-be-assembled',
      volume: id,
      what: `volume ${id} cannot be assembled from the disks that are here: nobody else has all that was written to ${away.join(', ')}`,
      remedy: `Of each mirror set one mirror that was in sync must come back, as it was last, of those on ${away.join(', ')}; until then the volume waits, and no mirror that is not in sync is served.`,
    },
  ];
}

/** Hosts that had the volume when the cluster ended. */
export function judgeClosing({ volume, hosts }: JudgedVolume): readonly Finding[] {
  if (hosts.length === 0) return [];
  const { id } = volume;
  return [
    {
      severity: 'note',
      kind: 'not-closed',
      volume: id,
      what: `volume ${id} is held by ${hosts.join(', ')} by the last decision that its disks know: what was being written when the cluster ended may be on some mirrors only`,
      remedy: 'Nothing is to be done: its mirrors are made equal before it is served again.',
    },
  ];
}
