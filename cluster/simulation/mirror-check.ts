/**
 * Whether the mirrors of a volume that are in sync are equal, byte for byte and tag for tag, as their disks give them when they are
 * opened from what is on their media. For a cluster that has been scrubbed and stopped.
 */
import { type OpenDisk, openDisk } from '../../actors/disk/open-disk.ts';
import { tagRecordsOf } from '../../actors/disk/tag-queries.ts';
import { Status } from '../../protocols/codes.ts';
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { cutRange, type Leg, type Part } from '../../protocols/layout/geometry.ts';
import type { Random } from '../../protocols/ports.ts';
import { blockBytes, sectorBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import { recordOf } from './media-damage.ts';
import { SimulatedProcess } from './process.ts';
import { tracedLog } from './trace.ts';
import type { World } from './world.ts';

/** What is compared at a time. */
const stepBytes = 64 * 1024;
/** Nothing follows this start of a disk: what is drawn for it means nothing. */
const sameAlways: Random = { integer: () => 0 };
/** After so many differences the rest of a volume is not looked at. */
const problemsMax = 8;

/** Opens all disks and compares all mirrors. Runs the clock. @returns what is wrong, as sentences */
export function mirrorProblems(world: World): readonly string[] {
  const problems: string[] = [];
  const process = new SimulatedProcess(world.clock, 'mirror-check');
  const disks = new Map<DiskId, OpenDisk>();
  const log = tracedLog(world.trace, process.name, (what) => problems.push(what));
  for (const [disk, medium] of world.media)
    openDisk(
      {
        store: medium.open(process.clock),
        clock: process.clock,
        log,
        random: sameAlways,
        disk,
        cluster: world.topology.cluster,
        onFailure: (error) => problems.push(`disk ${disk} failed: ${error.detail}`),
      },
      (opened) => {
        if (opened.ok) disks.set(disk, opened.disk);
        else problems.push(opened.message);
      },
    );
  while (world.clock.runNext());
  for (const { id } of world.topology.volumes) {
    const record = recordOf(world.database, id);
    if (record === null) problems.push(`volume ${id} has no valid record in the config database`);
    else problems.push(...volumeProblems(world, record, disks));
  }
  process.stop();
  return problems;
}

function volumeProblems(
  world: World,
  record: VolumeRecord,
  disks: ReadonlyMap<DiskId, OpenDisk>,
): readonly string[] {
  const problems: string[] = [];
  const states = extentStatesOf(record.layout, record.mirrorSets);
  for (let at = 0; at < record.sizeBytes; at += stepBytes) {
    const lengthBytes = Math.min(stepBytes, record.sizeBytes - at);
    const start = unitOf<VolumeOffset>(at);
    for (const part of partsOf(world, record, start, lengthBytes)) {
      const legs = part.legs.filter(({ extent }) => states.get(extent) === 'in-sync');
      if (legs.every((leg) => isLostToRot(world, disks, record.volume, leg))) continue;
      const copies = legs.map((leg) =>
        copyOf(world, disks.get(leg.disk), record.volume, leg, part.lengthBytes),
      );
      const what = differenceOf(legs, copies);
      if (what !== null) problems.push(`volume ${record.volume}, offset ${part.start}: ${what}`);
    }
    if (problems.length >= problemsMax) break;
  }
  return problems;
}

/** Cut to single blocks where a mirror rotted. */
function partsOf(
  { damage }: World,
  { layout }: VolumeRecord,
  start: VolumeOffset,
  lengthBytes: number,
): readonly Part[] {
  return cutRange(layout, { start, lengthBytes }).flatMap((part) => {
    const places = Array.from({ length: part.lengthBytes / blockBytes }, (_, at) => at);
    const hasRot = part.legs.some(({ disk, offset }) =>
      places.some((at) => damage.hasRotted(disk, offset / blockBytes + at)),
    );
    if (!hasRot) return [part];
    return places.flatMap((at) => {
      const one = unitOf<VolumeOffset>(part.start + at * blockBytes);
      return cutRange(layout, { start: one, lengthBytes: blockBytes });
    });
  });
}

/** A block that rotted, and cannot be read any more. Where a mirror has it a scrub has made it good. */
function isLostToRot(
  world: World,
  disks: ReadonlyMap<DiskId, OpenDisk>,
  volume: VolumeId,
  leg: Leg,
): boolean {
  if (!world.damage.hasRotted(leg.disk, leg.offset / blockBytes)) return false;
  return typeof copyOf(world, disks.get(leg.disk), volume, leg, blockBytes) === 'string';
}

interface Copy {
  readonly bytes: Uint8Array;
  readonly tags: Uint8Array;
}

/** What a disk holds of a mirrored range; a sentence when it cannot be had. */
function copyOf(
  world: World,
  disk: OpenDisk | undefined,
  volume: VolumeId,
  leg: Leg,
  lengthBytes: number,
): Copy | string {
  const entry = disk?.superblock.content.volumes.find((each) => each.volume === volume);
  const extent = entry?.extents.find(
    ({ start, lengthBytes: extentBytes }) =>
      start <= leg.offset && leg.offset + lengthBytes <= start + extentBytes,
  );
  if (disk === undefined || extent === undefined) return `disk ${leg.disk} has no such extent`;
  const { device } = disk;
  const { reference } = extent;
  const bytes = new Uint8Array(lengthBytes);
  let readStatus: Status | null = null;
  device.read(
    { at: leg.offset, lengthBytes, reference, into: bytes, checksums: null },
    (status) => {
      readStatus = status;
    },
  );
  const range = {
    firstBlock: leg.offset / blockBytes,
    blocks: lengthBytes / blockBytes,
    reference,
  };
  let tags: Uint8Array | null = null;
  device.query(
    range,
    (parts) => tagRecordsOf(parts.tags, range),
    (_status, _what, result) => {
      tags = result;
    },
  );
  while (world.clock.runNext());
  if (readStatus !== Status.ok || tags === null) return `disk ${leg.disk} answers ${readStatus}`;
  return { bytes, tags };
}

function differenceOf(legs: readonly Leg[], copies: readonly (Copy | string)[]): string | null {
  const [first] = copies;
  for (const [index, copy] of copies.entries()) {
    if (typeof copy === 'string') return copy;
    if (first === undefined || typeof first === 'string') continue;
    const names = `disks ${legs[0]?.disk} and ${legs[index]?.disk}`;
    const at = firstDifference(first.bytes, copy.bytes);
    if (at !== -1) return `${names} differ in sector ${Math.floor(at / sectorBytes)} of the range`;
    const tagAt = firstDifference(first.tags, copy.tags);
    if (tagAt !== -1) return `${names} have equal bytes with different tags (byte ${tagAt})`;
  }
  return null;
}

function firstDifference(one: Uint8Array, other: Uint8Array): number {
  if (Buffer.compare(one, other) === 0) return -1;
  return one.findIndex((byte, index) => byte !== other[index]);
}
