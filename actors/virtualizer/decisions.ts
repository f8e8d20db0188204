/**
 * Decisions about a volume: from the last record and what is there now to the next record, with every number of
 * DESIGN §1 that a virtualizer issues. Pure. Numbers never go back: each exceeds what the record, the disks and the
 * hosts know of it, so that not even a database that lost its last writes makes a number be issued twice (I5).
 */
import type {
  AttachmentRecord,
  Compared,
  DiskMember,
  EndedVolume,
  MirrorSetRecord,
  PartitionRecord,
  VolumeRecord,
} from '../../protocols/control-data.ts';
import type { ClusterId, HostId, SwitchId } from '../../protocols/ids.ts';
import { inSyncDisksOf, memberDisksOf } from '../../protocols/layout/extent-states.ts';
import { type Layout, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import type { Volume } from '../../protocols/topology.ts';
import {
  type AttachEpoch,
  type ControlEpoch,
  type EventCount,
  type Generation,
  type Incarnation,
  type PartitionEpoch,
  unitOf,
} from '../../protocols/units.ts';
import { leavesWritesBehind, type WantedAttachment } from './attachments.ts';
import type { Members } from './membership.ts';
import { type HasEnded, replacedBy, unfencedAfter } from './replaced.ts';

/** What a decision rests on, beside the last record. */
export interface Circumstances {
  readonly controlEpoch: ControlEpoch;
  readonly members: Members;
  /** Who is in sync from now on; each set as often as in the record. */
  readonly mirrorSets: readonly MirrorSetRecord[];
  readonly hasEnded: HasEnded;
  /** All disks and switches that are there have confirmed the last decision. */
  readonly isInForce: boolean;
  readonly attachments: readonly WantedAttachment[];
  /** Hosts that ended all their I/O before they asked to be detached. */
  readonly drained: readonly HostId[];
  /** By partition: who is to coordinate it, one of the members. */
  readonly coordinators: readonly SwitchId[];
  /** By partition: whom an operator wants to; none: whom the topology names. */
  readonly preferred: readonly SwitchId[];
  /** Everybody is to get new epochs: trouble was reported, or somebody is not there any more. */
  readonly renew: boolean;
  /** The mirrors were made equal under the last decision, and no trouble was heard of since. */
  readonly wereEqual: boolean;
}

export interface Decision {
  readonly record: VolumeRecord;
  /** Every partition and attachment has a new epoch: frames that were sent before have no effect any more. */
  readonly renewed: boolean;
}

/** Where a volume that does not exist yet is going to lie. */
export interface NewVolume {
  readonly cluster: ClusterId;
  readonly clusterIdentity: string;
  readonly volume: Volume;
  readonly frameBytesMax: number;
  readonly layout: Layout;
  /** What stays of the volume that had this name before: its numbers go on. */
  readonly former: EndedVolume | null;
}

/** The record from which the first decision of a volume is made. It is never written itself. */
export function blankRecord(created: NewVolume): VolumeRecord {
  const { cluster, clusterIdentity, volume, frameBytesMax, layout, former } = created;
  return {
    cluster,
    clusterIdentity,
    volume: volume.id,
    sizeBytes: volume.sizeBytes,
    logicalBlockBytes: volume.logicalBlockBytes,
    regionBytes: volume.regionBytes,
    frameBytesMax,
    layout,
    coordinatorMap: volume.coordinatorMap,
    generation: former?.generation ?? unitOf<Generation>(0),
    controlEpoch: former?.controlEpoch ?? unitOf<ControlEpoch>(0),
    partitions: volume.coordinators.map((coordinator, partition) => ({
      partition,
      coordinator,
      epoch: unitOf<PartitionEpoch>(0),
      ownerIncarnation: unitOf<Incarnation>(0),
    })),
    mirrorSets: mirrorSetsOf(layout).map(({ set, node }) => ({
      set,
      eventCount: unitOf<EventCount>(1),
      mirrors: node.children.map(() => 'in-sync' as const),
      heldSince: unitOf<PartitionEpoch>(0),
      epochsSince: node.children.map(() => unitOf<PartitionEpoch>(0)),
    })),
    attachments: [],
    disks: [],
    unfenced: [],
    replaced: [],
    compared: 'all',
    isMarked: false,
    lastEpoch: former?.lastEpoch ?? 0,
    preferred: [],
  };
}

/**
 * The next record. Epochs stay where a volume goes on as it was and a host only comes to it, or leaves after having
 * drained; whatever else happened may have left writes behind, so that all of them are new then. What hosts have open
 * goes on all the same, but for those that are gone: nobody can ask them what they have not seen the end of.
 */
export function decide(last: VolumeRecord, circumstances: Circumstances): Decision {
  const { controlEpoch, members, attachments, drained, mirrorSets } = circumstances;
  const owned = ownedNow(last, circumstances);
  const disks = memberDisks(last, circumstances);
  const inSync = inSyncDisksOf(last.layout, mirrorSets);
  const newDisks = disksDiffer(
    last.disks,
    disks.filter(({ disk }) => inSync.includes(disk)),
  );
  const newMembers = membersDiffer(last.disks, disks) || setsDiffer(last.mirrorSets, mirrorSets);
  const cutOff = someoneWasCutOff(last.attachments, attachments, drained);
  const isForgotten = hasForgotten(last, members);
  const newOwners = ownersDiffer(last.partitions, owned);
  const renewed =
    circumstances.renew || newDisks || newMembers || newOwners || cutOff || isForgotten;
  const leftBehind = renewed && leavesWritesBehind(attachments);
  const lostWrites = hasLostWrites(last, attachments);
  const known = !newDisks && !cutOff && !leftBehind && !lostWrites && !isForgotten;
  const areEqual = circumstances.wereEqual && known;
  const isMarked =
    (last.isMarked || circumstances.wereEqual) && !someoneMissedLast(last, circumstances);
  const whereUnequal: Compared = isMarked ? 'marked' : 'all';
  const compared = renewed ? (areEqual ? 'unfinished' : whereUnequal) : last.compared;
  const lost = attachments.map(({ lostEpoch }) => lostEpoch);
  const counter = new EpochCounter(Math.max(last.lastEpoch, members.knownEpoch, ...lost));
  const partitions = owned.map((partition) =>
    renewed ? { ...partition, epoch: counter.next<PartitionEpoch>() } : partition,
  );
  const attached = attachments.map((wanted) => attach(wanted, renewed, counter));
  const replaced = replacedBy(last, { attachments: attached, partitions }, circumstances);
  const record: VolumeRecord = {
    ...last,
    generation: unitOf<Generation>(Math.max(last.generation, members.knownGeneration) + 1),
    controlEpoch,
    partitions,
    attachments: attached,
    mirrorSets: [...mirrorSets],
    disks: [...disks],
    unfenced: [...unfencedAfter(last, disks, circumstances.hasEnded)],
    replaced: [...replaced],
    compared,
    isMarked,
    lastEpoch: counter.last,
    preferred: [...circumstances.preferred],
  };
  return { record, renewed };
}

/** The partitions with those who are to coordinate them, in their present processes. */
function ownedNow(
  last: VolumeRecord,
  { members, coordinators }: Circumstances,
): readonly PartitionRecord[] {
  return last.partitions.map((partition) => {
    const coordinator = coordinators[partition.partition] ?? partition.coordinator;
    const owner = members.switches.find((member) => member.switch === coordinator);
    if (owner === undefined)
      throw new RangeError(`volume ${last.volume}: decided without ${coordinator}`);
    return { ...partition, coordinator, ownerIncarnation: owner.incarnation };
  });
}

/**
 * A mirror in sync came back without the last decision. It had ended while that was made; or it was put back from a copy,
 * and lacks whatever was written since: marks say nothing of that.
 */
function someoneMissedLast(last: VolumeRecord, { members, mirrorSets }: Circumstances): boolean {
  const inSync = inSyncDisksOf(last.layout, mirrorSets);
  return members.disks.some(({ disk, instance, facts }) => {
    const before = last.disks.find((member) => member.disk === disk);
    const told = facts.volumes.find(({ volume }) => volume === last.volume);
    const isBack = before !== undefined && before.instance !== instance && inSync.includes(disk);
    return isBack && (told?.generation ?? 0) < last.generation;
  });
}

/** One counter for all epochs of a volume, so that any two of them can be compared. */
class EpochCounter {
  #last: number;

  constructor(last: number) {
    this.#last = last;
  }

  get last(): number {
    return this.#last;
  }

  next<Epoch extends number>(): Epoch {
    this.#last++;
    return unitOf<Epoch>(this.#last);
  }
}

function attach(
  wanted: WantedAttachment,
  renewed: boolean,
  counter: EpochCounter,
): AttachmentRecord {
  const { host, hostIncarnation, mode, readOnly, held, isGone } = wanted;
  const isNew = renewed || held === null;
  const attachEpoch = isNew ? counter.next<AttachEpoch>() : held.attachEpoch;
  const goesOn = held !== null && !(renewed && isGone);
  const firstEpoch = goesOn ? held.firstEpoch : attachEpoch;
  return { host, hostIncarnation, attachEpoch, firstEpoch, mode, readOnly };
}

/** The disks that are written to from now on. */
function memberDisks(
  { layout, volume }: VolumeRecord,
  { members, mirrorSets }: Circumstances,
): readonly DiskMember[] {
  return memberDisksOf(layout, mirrorSets).map((name) => {
    const member = members.disks.find(({ disk }) => disk === name);
    if (member === undefined)
      throw new RangeError(`volume ${volume}: decided without disk ${name}`);
    const { disk, identity, instance } = member;
    return { disk, identity, instance };
  });
}

function membersDiffer(last: readonly DiskMember[], now: readonly DiskMember[]): boolean {
  return last.length !== now.length || disksDiffer(last, now);
}

/** True when a disk that stays is another process than before, or another disk; or all are new. */
function disksDiffer(last: readonly DiskMember[], now: readonly DiskMember[]): boolean {
  const differs = ({ disk, identity, instance }: DiskMember) => {
    const before = last.find((member) => member.disk === disk);
    return before !== undefined && (before.identity !== identity || before.instance !== instance);
  };
  return last.length === 0 || now.some(differs);
}

function setsDiffer(last: readonly MirrorSetRecord[], now: readonly MirrorSetRecord[]): boolean {
  const records = new Map(last.map((record) => [record.set, record]));
  return now.some(({ set, eventCount, heldSince }) => {
    const before = records.get(set);
    return before?.eventCount !== eventCount || before.heldSince !== heldSince;
  });
}

function ownersDiffer(last: readonly PartitionRecord[], now: readonly PartitionRecord[]): boolean {
  return now.some(
    ({ coordinator, ownerIncarnation, epoch }, index) =>
      epoch === 0 ||
      coordinator !== last[index]?.coordinator ||
      ownerIncarnation !== last[index]?.ownerIncarnation,
  );
}

/**
 * True when disks know of later decisions than the record: the config database lost its last writes. Who was attached by
 * them, and what was written, nobody knows; and the epochs of the record are not in force any more.
 */
function hasForgotten(
  { lastEpoch, generation }: VolumeRecord,
  { knownEpoch, knownGeneration }: Members,
): boolean {
  return knownEpoch > lastEpoch || knownGeneration > generation;
}

/** True when a host ended writes under the present epochs, or later ones, without knowing what became of them. */
function hasLostWrites({ partitions }: VolumeRecord, wanted: readonly WantedAttachment[]): boolean {
  return wanted.some(({ lostEpoch }) => partitions.some(({ epoch }) => lostEpoch > epoch));
}

/** True when an attachment ends without its host having drained: writes of it may be under way still. */
function someoneWasCutOff(
  last: readonly AttachmentRecord[],
  wanted: readonly WantedAttachment[],
  drained: readonly HostId[],
): boolean {
  return last.some(({ host, attachEpoch }) => {
    const next = wanted.find((attachment) => attachment.host === host);
    return next?.held?.attachEpoch !== attachEpoch && !drained.includes(host);
  });
}
