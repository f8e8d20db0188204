/**
 * What is wrong with a volume by what its disks know of it: whether they tell the same, who is in sync, and whether the
 * volume can be assembled from those that are there (DESIGN I4). Pure. Where the config database would have the last word
 * that is said, for it is not looked at.
 */
import { conflictIn, newestSets } from '../../actors/virtualizer/mirror-changes.ts';
import type { MirrorSetRecord } from '../../protocols/control-data.ts';
import type { DiskId, HostId } from '../../protocols/ids.ts';
import { memberDisksOf } from '../../protocols/layout/extent-states.ts';
import { type Layout, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import { disksOf } from '../../protocols/topology/layout-form.ts';
import type { Finding } from './finding.ts';
import type { KnownVolume, ToldVolume } from './known-volume.ts';
import { judgeClosing, judgeMirrors, judgeStrangers, judgeWholeness } from './mirror-judgement.ts';
import { layoutAgain, type WrittenVolume } from './volume-layout.ts';

export interface VolumeEvidence {
  readonly volume: WrittenVolume;
  readonly told: readonly ToldVolume[];
  /** Disks that can be used, whether they know the volume or not. */
  readonly usable: readonly DiskId[];
}

export interface VolumeJudgement {
  readonly findings: readonly Finding[];
  /** Null when its mirrors cannot be compared. */
  readonly known: KnownVolume | null;
}

export function judgeVolume({ volume, told, usable }: VolumeEvidence): VolumeJudgement {
  if (told.length === 0) return { findings: notCreated(volume, usable), known: null };
  const lives = told.flatMap(({ entry }) => entry.extents.map(({ generation }) => generation));
  const life = Math.max(...lives);
  const living = told.filter(({ entry }) =>
    entry.extents.some(({ generation }) => generation === life),
  );
  const found = living.flatMap(({ disk, entry }) =>
    entry.extents.map((extent) => ({ ...extent, disk })),
  );
  const layout = layoutAgain(volume, found);
  if (layout === null) return { findings: [layoutUnknown(volume)], known: null };
  const mirrorSets = toldLast(layout, living);
  if (mirrorSets === null) return { findings: [layoutUnknown(volume)], known: null };
  const records = living.flatMap(({ entry }) => entry.mirrorSets);
  const conflict = conflictIn(mirrorSets, records);
  if (conflict !== '') return { findings: [contradiction(volume, conflict)], known: null };
  const members = memberDisksOf(layout, mirrorSets);
  const toldMembers = living.filter(({ disk }) => members.includes(disk));
  const missing = members.filter((disk) => !living.some((each) => each.disk === disk));
  const ranks = judgeRanks(volume, toldMembers, missing);
  const { olderCopies } = ranks;
  const known = { volume, layout, mirrorSets, hosts: hostsOf(toldMembers), olderCopies };
  const strangers = usable.filter((disk) => !living.some((each) => each.disk === disk));
  const findings = [
    ...ranks.findings,
    ...judgeEqualGenerations(volume, toldMembers),
    ...judgeStrangers(known, strangers),
    ...judgeMirrors(known, living),
    ...judgeWholeness(known, living),
    ...judgeClosing(known),
  ];
  const disks = disksOf(volume.layout).map(({ disk }) => disk);
  const away = disks.filter((disk) => !usable.includes(disk));
  return { findings, known: { ...known, doubt: doubtIn(findings, away) } };
}

/** A disk that is not there may have been told that others are not in sync any more. A mirror that was left behind is not read. */
function doubtIn(findings: readonly Finding[], away: readonly DiskId[]): string {
  if (away.length > 0) return `what ${away.join(', ')} would say of who is in sync is not known`;
  const doubtful = findings.find(
    ({ severity, kind }) => severity !== 'note' && kind !== 'fewer-mirrors',
  );
  return doubtful?.what ?? '';
}

/** Found on disks, and not in the topology: made while the cluster ran, or taken out of the file. */
export function notInTopology(volume: string, disks: readonly DiskId[]): Finding {
  return {
    severity: 'note',
    kind: 'not-in-topology',
    what: `volume ${volume} on ${disks.join(', ')} is not in the topology: its checksums are verified, and its mirrors not compared`,
    remedy: 'sanctor compare compares them in a running cluster.',
  };
}

function notCreated({ id, layout }: WrittenVolume, usable: readonly DiskId[]): readonly Finding[] {
  if (disksOf(layout).some(({ disk }) => !usable.includes(disk))) return [];
  return [
    {
      severity: 'note',
      kind: 'not-created',
      volume: id,
      what: `no disk knows volume ${id}`,
      remedy:
        'It is made when the cluster is started, unless it was before and its disks were all replaced.',
    },
  ];
}

function layoutUnknown({ id }: WrittenVolume): Finding {
  return {
    severity: 'warning',
    kind: 'layout-unknown',
    volume: id,
    what: `what the disks hold of volume ${id} is not what the topology says of it: its mirrors are not compared`,
    remedy: 'Use the topology with which the volume was made.',
  };
}

function contradiction({ id }: WrittenVolume, conflict: string): Finding {
  return {
    severity: 'error',
    kind: 'disagreement',
    volume: id,
    what: `the disks of volume ${id} disagree about who is in sync: ${conflict}`,
    remedy:
      'Put back disks that were restored from older copies; the volume is not served as it is.',
  };
}

/** Of each set of the layout, what is told under the highest event count. Null when a set is not one of this layout. */
function toldLast(layout: Layout, told: readonly ToldVolume[]): readonly MirrorSetRecord[] | null {
  const records = told.flatMap(({ entry }) => entry.mirrorSets);
  const sets = mirrorSetsOf(layout);
  const fits = records.every(({ set, mirrors }) =>
    sets.some((each) => each.set === set && each.node.children.length === mirrors.length),
  );
  if (!fits) return null;
  const firsts = sets.flatMap(({ set }) => records.find((record) => record.set === set) ?? []);
  return newestSets(firsts, records);
}

/** Those that the last decision attaches; disks that are no members are not told. */
function hostsOf(members: readonly ToldVolume[]): readonly HostId[] {
  if (members.length === 0) return [];
  return newestOf(members).entry.attachments.map(({ host }) => host);
}

function newestOf(told: readonly ToldVolume[]): ToldVolume {
  return told.reduce((newest, each) =>
    each.entry.generation > newest.entry.generation ? each : newest,
  );
}

/** Members that lack decisions. A decision takes effect when all members have it: who lacks two lost what it had. */
function judgeRanks(
  { id }: WrittenVolume,
  members: readonly ToldVolume[],
  missing: readonly DiskId[],
): { readonly findings: readonly Finding[]; readonly olderCopies: readonly DiskId[] } {
  if (members.length === 0) return { findings: [], olderCopies: [] };
  const newest = newestOf(members);
  const generation = newest.entry.generation;
  const findings: Finding[] = [];
  const olderCopies: DiskId[] = [];
  for (const { disk, entry } of members) {
    const lacking = generation - entry.generation;
    const numbers = `disk ${disk} knows volume ${id} in generation ${entry.generation}, and disk ${newest.disk} in generation ${generation}`;
    if (lacking === 1)
      findings.push({
        severity: 'warning',
        kind: 'behind',
        disk,
        volume: id,
        what: `${numbers}: the cluster ended while this was decided, or the file of ${disk} is an older copy`,
        remedy: `If the file of disk ${disk} was not put back from a copy, start the cluster: the decision is made anew.`,
      });
    if (lacking < 2) continue;
    olderCopies.push(disk);
    findings.push({
      severity: 'error',
      kind: 'older-copy',
      disk,
      volume: id,
      what: `${numbers}: ${whyBehind(disk, missing)}; its mirrors are not believed, nor compared`,
      remedy: `${missing.length > 0 ? `Put back ${missing.join(', ')}, and check again; or p` : 'P'}ut back the file that disk ${disk} had last. The config database, where it knows better, has it refused or made equal again.`,
    });
  }
  return { findings, olderCopies };
}

/** Who is missing may have been told that the volume went on without the disk. */
function whyBehind(disk: DiskId, missing: readonly DiskId[]): string {
  const isCopy = `the file of ${disk} is an older copy, or decisions were interrupted twice in a row`;
  return missing.length === 0
    ? isCopy
    : `${isCopy}, or the volume went on without it, as ${missing.join(', ')} would know`;
}

/** What members were told under one generation is one decision. */
function judgeEqualGenerations(
  { id }: WrittenVolume,
  members: readonly ToldVolume[],
): readonly Finding[] {
  if (members.length === 0) return [];
  const { entry: newest, disk: first } = newestOf(members);
  return members.flatMap(({ disk, entry }): readonly Finding[] => {
    if (entry.generation !== newest.generation) return [];
    const differing = [
      entry.controlEpoch === newest.controlEpoch ? '' : 'control epochs',
      isSame(entry.partitions, newest.partitions) ? '' : 'coordinators and their epochs',
      isSame(entry.attachments, newest.attachments) ? '' : 'attached hosts and their epochs',
    ].filter((what) => what !== '');
    if (differing.length === 0) return [];
    return [
      {
        severity: 'error',
        kind: 'disagreement',
        disk,
        volume: id,
        what: `disks ${first} and ${disk} were told different ${differing.join(' and ')} of volume ${id} under one generation, ${entry.generation}`,
        remedy:
          'Two decisions were made as one, which must not happen: copy all disk files before the cluster is started.',
      },
    ];
  });
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
