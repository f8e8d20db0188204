/** What the judgements about a volume share: what its disks were told of it, and what follows from that. */
import type { VolumeEntry } from '../../actors/disk/superblock.ts';
import type { MirrorSetRecord } from '../../protocols/control-data.ts';
import type { DiskId, HostId } from '../../protocols/ids.ts';
import type { Layout } from '../../protocols/layout/layout.ts';
import type { WrittenVolume } from './volume-layout.ts';

/** What a disk that can be used knows of the volume. */
export interface ToldVolume {
  readonly disk: DiskId;
  readonly entry: VolumeEntry;
}

/** What is known of a volume by now. */
export interface JudgedVolume {
  readonly volume: WrittenVolume;
  readonly layout: Layout;
  /** Who is in sync, as was told last. */
  readonly mirrorSets: readonly MirrorSetRecord[];
  /** Hosts that hold it by the last decision, which need not know that they let it go as the cluster ended. */
  readonly hosts: readonly HostId[];
  /** Disks that are older copies of themselves: what they hold is not what they held last. */
  readonly olderCopies: readonly DiskId[];
}

/** A volume whose mirrors can be compared. */
export interface KnownVolume extends JudgedVolume {
  /** Why what its disks were told is not enough to repair its blocks by, for people; '' when it is. */
  readonly doubt: string;
}
