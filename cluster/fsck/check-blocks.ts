/**
 * Reads every block that volumes own, with all its copies at once: verifies the checksums, and compares the mirrors. In
 * small steps, so that memory does not grow with the disks.
 */
import type { VolumeEntry } from '../../actors/disk/superblock.ts';
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { cutRange } from '../../protocols/layout/geometry.ts';
import { blockBytes, mebibyte, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import { type JudgedRange, judgeBlocks } from './block-judgement.ts';
import { readBlocks } from './block-reader.ts';
import type { UsableDisk } from './examined-disk.ts';
import type { FindingList } from './finding.ts';
import type { KnownVolume } from './known-volume.ts';

/** What is looked at in one go: of a volume, or of one extent. */
const stepBytes = mebibyte;

/** Told of each step, and of how much there is in all. */
export interface CheckProgress {
  stepped(doneBytes: number, totalBytes: number): void;
}

/** Volumes of which only what each disk has is verified. */
export interface LooseExtents {
  readonly volume: VolumeId;
  readonly disk: UsableDisk;
  readonly entry: VolumeEntry;
}

export interface BlocksToCheck {
  readonly volumes: readonly KnownVolume[];
  readonly loose: readonly LooseExtents[];
  readonly disks: ReadonlyMap<DiskId, UsableDisk>;
}

export interface CheckedBlocks {
  /** Copies of blocks that had bytes, and were read. */
  blocks: number;
  bytes: number;
}

interface Leg {
  readonly disk: UsableDisk;
  readonly diskOffset: number;
  readonly reference: number;
  readonly isInSync: boolean;
}

interface Step {
  readonly volume: VolumeId;
  readonly volumeOffset: number | null;
  readonly isClosed: boolean;
  readonly lengthBytes: number;
  readonly legs: readonly Leg[];
}

/** Checks all of them, one step after the other. */
export async function checkBlocks(
  toCheck: BlocksToCheck,
  findings: FindingList,
  progress: CheckProgress,
): Promise<CheckedBlocks> {
  const checked: CheckedBlocks = { blocks: 0, bytes: 0 };
  await visitBlocks(toCheck, progress, (range) => {
    findings.add(...judgeBlocks(range));
    for (const { copy } of range.copies) checked.blocks += copy.readBlocks;
    checked.bytes = checked.blocks * blockBytes;
  });
  return checked;
}

/** Reads all of them, one step after the other, with all copies of each step at once. */
export async function visitBlocks(
  toCheck: BlocksToCheck,
  progress: CheckProgress,
  visit: (range: JudgedRange) => void | Promise<void>,
): Promise<void> {
  const totalBytes = totalOf(toCheck);
  let doneBytes = 0;
  for (const step of stepsOf(toCheck)) {
    const blocks = step.lengthBytes / blockBytes;
    const copies = await Promise.all(
      step.legs.map(async ({ disk, diskOffset, reference, isInSync }) => {
        const firstBlock = diskOffset / blockBytes;
        const copy = await readBlocks(disk.parts, { firstBlock, blocks, reference });
        return { disk: disk.content.disk, diskOffset, isInSync, copy };
      }),
    );
    await visit({ ...step, blocks, copies });
    doneBytes += step.lengthBytes;
    progress.stepped(doneBytes, totalBytes);
  }
}

function totalOf({ volumes, loose }: BlocksToCheck): number {
  const extents = loose.flatMap(({ entry }) => entry.extents);
  return (
    volumes.reduce((sum, { volume }) => sum + volume.sizeBytes, 0) +
    extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
  );
}

function* stepsOf({ volumes, loose, disks }: BlocksToCheck): Generator<Step> {
  for (const known of volumes) yield* stepsOfVolume(known, disks);
  for (const each of loose) yield* stepsOfExtents(each);
}

function* stepsOfVolume(
  { volume, layout, mirrorSets, hosts, olderCopies }: KnownVolume,
  disks: ReadonlyMap<DiskId, UsableDisk>,
): Generator<Step> {
  const states = extentStatesOf(layout, mirrorSets);
  const isClosed = hosts.length === 0;
  for (let at = 0; at < volume.sizeBytes; at += stepBytes) {
    const start = unitOf<VolumeOffset>(at);
    const lengthBytes = Math.min(stepBytes, volume.sizeBytes - at);
    for (const part of cutRange(layout, { start, lengthBytes })) {
      const legs = part.legs.flatMap(({ disk: name, offset, extent }): readonly Leg[] => {
        const disk = disks.get(name);
        const entry = disk?.content.volumes.find((each) => each.volume === volume.id);
        const own = entry?.extents.find((each) => each.extent === extent);
        if (disk === undefined || own === undefined) return [];
        const isInSync = states.get(extent) === 'in-sync' && !olderCopies.includes(name);
        return [{ disk, diskOffset: offset, reference: own.reference, isInSync }];
      });
      const { start: volumeOffset, lengthBytes: partBytes } = part;
      yield { volume: volume.id, volumeOffset, isClosed, lengthBytes: partBytes, legs };
    }
  }
}

function* stepsOfExtents({ volume, disk, entry }: LooseExtents): Generator<Step> {
  for (const { start, lengthBytes, reference } of entry.extents)
    for (let at = 0; at < lengthBytes; at += stepBytes)
      yield {
        volume,
        volumeOffset: null,
        isClosed: false,
        lengthBytes: Math.min(stepBytes, lengthBytes - at),
        legs: [{ disk, diskOffset: start + at, reference, isInSync: true }],
      };
}
