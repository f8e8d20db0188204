/** A volume as the virtualizer presents it in its description: for `status`, the console and people. */
import { assertNever } from '../../protocols/codes.ts';
import type {
  AttachmentRecord,
  DiskMember,
  MirrorSetRecord,
  PartitionRecord,
  VolumeRecord,
} from '../../protocols/control-data.ts';
import type { DiskId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import { extentsOf, type Layout, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import type { ScrubProgress } from '../../protocols/scrub.ts';
import type { Volume } from '../../protocols/topology.ts';
import type { RemovalProposal } from './removal-proposals.ts';
import type { ResyncProgress } from './resync-watch.ts';

/** Where the volume's machine stands. */
export interface Progress {
  readonly state: string;
  readonly reason: string;
  /** Who has not confirmed yet; '' for nobody. */
  readonly waitingFor: string;
  /** What coordinators still have to compare or copy before it serves. */
  readonly remainingBytes: number;
  /** How far mirrors are that are made good again while it serves; null when there are none. */
  readonly resync: ResyncProgress | null;
}

export interface MirrorSetStatus extends MirrorSetRecord {
  /** By mirror: the disks that it lies on. */
  readonly disks: readonly (readonly DiskId[])[];
}

export interface VolumeStatus extends Progress {
  readonly volume: VolumeId;
  readonly sizeBytes: number;
  readonly logicalBlockBytes: number;
  readonly generation: number;
  readonly controlEpoch: number;
  /** As text: `stripe(mirror(d1, d2), mirror(d3, d4))`; '' before the volume exists. */
  readonly layout: string;
  /** With who is meant to coordinate each. */
  readonly partitions: readonly (PartitionRecord & { readonly preferred: SwitchId })[];
  readonly mirrorSets: readonly MirrorSetStatus[];
  readonly attachments: readonly AttachmentRecord[];
  readonly disks: readonly DiskMember[];
}

/** With what is proposed about it to operators, and what they may ask for. */
export interface DescribedVolume extends VolumeStatus {
  readonly removalsProposed: readonly RemovalProposal[];
  readonly scrub: ScrubProgress | null;
}

export function volumeStatus(
  volume: Volume,
  record: VolumeRecord | null,
  progress: Progress,
  preferred: readonly SwitchId[],
): VolumeStatus {
  return {
    volume: volume.id,
    ...progress,
    sizeBytes: record?.sizeBytes ?? volume.sizeBytes,
    logicalBlockBytes: record?.logicalBlockBytes ?? volume.logicalBlockBytes,
    generation: record?.generation ?? 0,
    controlEpoch: record?.controlEpoch ?? 0,
    layout: record === null ? '' : layoutText(record.layout),
    partitions: (record?.partitions ?? []).map((partition) => ({
      ...partition,
      preferred: preferred[partition.partition] ?? partition.coordinator,
    })),
    mirrorSets: record === null ? [] : setsOf(record),
    attachments: record?.attachments ?? [],
    disks: record?.disks ?? [],
  };
}

function setsOf({ layout, mirrorSets }: VolumeRecord): readonly MirrorSetStatus[] {
  const nodes = new Map(mirrorSetsOf(layout).map(({ set, node }) => [set, node]));
  return mirrorSets.map((each) => ({
    ...each,
    disks: (nodes.get(each.set)?.children ?? []).map((child) => [
      ...new Set(extentsOf(child).map(({ disk }) => disk)),
    ]),
  }));
}

/** Layouts of more nodes than a person reads are cut. */
const textLengthMax = 500;

function layoutText(layout: Layout): string {
  const text = nodeText(layout);
  return text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text;
}

function nodeText(layout: Layout): string {
  switch (layout.kind) {
    case 'extent':
      return layout.disk;
    case 'concat':
    case 'stripe':
    case 'mirror':
    case 'parity':
      return `${layout.kind}(${layout.children.map(nodeText).join(', ')})`;
    default:
      return assertNever(layout, 'layout');
  }
}
