/**
 * What the media of a simulated cluster do not give: ranges with read errors, and blocks that rotted. Kept by whoever
 * strikes, so that a checker can say of a read that ended with a media error whether any mirror could have given it.
 */
import { type VolumeRecord, volumeRecordSchema } from '../../protocols/control-data.ts';
import type { MirrorRetryFields, RepairFields } from '../../protocols/events.ts';
import { type FaultTarget, partsOfTarget } from '../../protocols/faults.ts';
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { cutRange } from '../../protocols/layout/geometry.ts';
import { blockBytes, sectorBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { SimulatedDatabase } from './database.ts';
import type { MembershipHistory } from './membership-history.ts';
import type { SectorRange } from './recorded-volume.ts';
import type { World } from './world.ts';

interface ReadErrors {
  readonly disk: DiskId;
  readonly firstBlock: number;
  readonly endBlock: number;
  readonly beganMs: number;
  endedMs: number;
}

/** What a host tells of a read that met bad mirrors. */
type ToldRetry = Pick<MirrorRetryFields, 'volume' | 'offset' | 'lengthBytes' | 'failed'>;

/** A read of a consumer that ended with a media error. */
export interface FailedRead {
  readonly volume: VolumeId;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly beganMs: number;
  readonly endedMs: number;
}

/** @param beganMs when it was asked for */
export function failedRead(
  volume: VolumeId,
  { firstSector, sectorCount }: SectorRange,
  beganMs: number,
  endedMs: number,
): FailedRead {
  const [offset, lengthBytes] = [firstSector * sectorBytes, sectorCount * sectorBytes];
  return { volume, offset, lengthBytes, beganMs, endedMs };
}

/** No repair takes longer than this to be told, from when it looked. */
const repairMsMax = 5000;
/** How a coordinator says what keeps a mirror from being in sync. */
const unreadable = /^the block at offset (\d+)(?: and \d+ others?)? can be read on no mirror/;

export class MediaDamage {
  readonly #readErrors: ReadErrors[] = [];
  readonly #rotten = new Map<DiskId, Set<number>>();

  /** @param range of the disk's data; all of it without one */
  readErrorsBegan(
    disk: DiskId,
    range: { readonly atBytes?: number | undefined; readonly lengthBytes?: number | undefined },
    nowMs: number,
  ): void {
    const { atBytes = 0, lengthBytes = Number.POSITIVE_INFINITY } = range;
    this.#readErrors.push({
      disk,
      firstBlock: Math.floor(atBytes / blockBytes),
      endBlock: Math.ceil((atBytes + lengthBytes) / blockBytes),
      beganMs: nowMs,
      endedMs: Number.POSITIVE_INFINITY,
    });
  }

  /** @param disk null: of all disks */
  readErrorsEnded(disk: DiskId | null, nowMs: number): void {
    for (const errors of this.#readErrors)
      if (disk === null || errors.disk === disk) errors.endedMs = Math.min(errors.endedMs, nowMs);
  }

  rotted(disk: DiskId, block: number): void {
    const blocks = this.#rotten.get(disk) ?? new Set<number>();
    this.#rotten.set(disk, blocks.add(block));
  }

  /** Whether a block rotted once. It may have been written since. */
  hasRotted(disk: DiskId, block: number): boolean {
    return this.#rotten.get(disk)?.has(block) === true;
  }

  /** Why a read had no right to fail, as a sentence; null when every mirror of one of its blocks may have been bad. */
  problemOf(
    read: FailedRead,
    { database, membership }: Pick<World, 'database' | 'membership'>,
  ): string | null {
    const record = recordOf(database, read.volume);
    if (record === null) return null;
    const first = Math.floor(read.offset / blockBytes);
    const end = Math.ceil((read.offset + read.lengthBytes) / blockBytes);
    for (let block = first; block < end; block++)
      if (this.#isBadEverywhere(record, block, read, membership)) return null;
    const { volume, offset, lengthBytes } = read;
    return `a read of volume ${volume}, ${lengthBytes} bytes at ${offset}, ended with a media error, and a mirror of each block was good`;
  }

  /**
   * Why no mirror had a right to be called bad (DESIGN §5: path trouble is never taken for mirror trouble), as a sentence;
   * null when something of the range was bad once. Whatever was bad on one mirror may be marked so on all of them.
   */
  accusationProblem(told: ToldRetry, database: SimulatedDatabase): string | null {
    const { volume, offset, lengthBytes, failed } = told;
    if (this.#wasEverBad(told, database)) return null;
    return `a host calls ${failed.join(', ')} bad for volume ${volume}, ${lengthBytes} bytes at ${offset}, where nothing ever was`;
  }

  /**
   * Why nothing was to be repaired, as a sentence; null when something of the range was bad once. Mirrors in sync are equal
   * all the time: what a repair finds there that never was bad, others have left unequal.
   */
  repairProblem(
    { volume, offset, lengthBytes, outcome, disks }: RepairFields,
    { database, membership }: Pick<World, 'database' | 'membership'>,
    nowMs: number,
  ): string | null {
    const failed = disks.filter((disk) => membership.wasInSync(volume, disk, nowMs - repairMsMax));
    const told = { volume, offset, lengthBytes, failed };
    if (outcome !== 'repaired' || failed.length === 0 || this.#wasEverBad(told, database))
      return null;
    return `mirrors of volume ${volume} differed, ${lengthBytes} bytes at ${offset}: ${failed.join(', ')} had to be repaired, where nothing ever was bad`;
  }

  /** Whether something of a range was bad once on any mirror. Also where there is no telling. */
  #wasEverBad({ volume, offset, lengthBytes }: ToldRetry, database: SimulatedDatabase): boolean {
    const record = recordOf(database, volume);
    if (record === null || offset + lengthBytes > record.sizeBytes) return true;
    const range = { start: unitOf<VolumeOffset>(offset), lengthBytes };
    const legs = cutRange(record.layout, range).flatMap((part) =>
      part.legs.map((leg) => ({ ...leg, lengthBytes: part.lengthBytes })),
    );
    return legs.some(({ disk, offset: at, lengthBytes: length }) => {
      const [first, end] = [Math.floor(at / blockBytes), Math.ceil((at + length) / blockBytes)];
      return this.#wasBad(disk, first, end);
    });
  }

  /** Whether a mirror cannot be made equal because a block rotted on every mirror that is in sync, and that is what is told. */
  keepsUnequal(
    { layout, mirrorSets }: Pick<VolumeRecord, 'layout' | 'mirrorSets'>,
    told: string,
  ): boolean {
    const [, offset] = unreadable.exec(told) ?? [];
    if (offset === undefined) return false;
    const states = extentStatesOf(layout, mirrorSets);
    const range = { start: unitOf<VolumeOffset>(Number(offset)), lengthBytes: blockBytes };
    return cutRange(layout, range).every(({ legs }) =>
      legs.every(
        ({ disk, offset: at, extent }) =>
          states.get(extent) !== 'in-sync' || this.hasRotted(disk, Math.floor(at / blockBytes)),
      ),
    );
  }

  #wasBad(disk: DiskId, firstBlock: number, endBlock: number): boolean {
    for (let block = firstBlock; block < endBlock; block++)
      if (this.hasRotted(disk, block)) return true;
    return this.#readErrors.some(
      (errors) =>
        errors.disk === disk && errors.firstBlock < endBlock && firstBlock < errors.endBlock,
    );
  }

  /** A mirror that was not in sync meanwhile could not be read. */
  #isBadEverywhere(
    record: VolumeRecord,
    block: number,
    { beganMs, endedMs }: FailedRead,
    membership: MembershipHistory,
  ): boolean {
    const start = unitOf<VolumeOffset>(block * blockBytes);
    const [part] = cutRange(record.layout, { start, lengthBytes: blockBytes });
    return (part?.legs ?? []).every(({ disk, offset }) => {
      const onDisk = Math.floor(offset / blockBytes);
      return (
        this.hasRotted(disk, onDisk) ||
        this.#hadErrors(disk, onDisk, beganMs, endedMs) ||
        !membership.wasInSync(record.volume, disk, beganMs)
      );
    });
  }

  #hadErrors(disk: DiskId, block: number, fromMs: number, toMs: number): boolean {
    return this.#readErrors.some(
      (errors) =>
        errors.disk === disk &&
        errors.firstBlock <= block &&
        block < errors.endBlock &&
        errors.beganMs <= toMs &&
        fromMs <= errors.endedMs,
    );
  }
}

/** What was decided last about a volume; null when there is none. */
export function recordOf(database: SimulatedDatabase, volume: VolumeId): VolumeRecord | null {
  const found = database.peek(`volume.${volume}`);
  if (found.outcome !== 'found') return null;
  return volumeRecordSchema.safeParse(JSON.parse(found.value)).data ?? null;
}

/** The disk of a target; of another kind of target: a name that no disk has. */
export function diskOf(target: FaultTarget): DiskId {
  const { kind, id } = partsOfTarget(target);
  return (kind === 'disk' ? id : '') as DiskId;
}
