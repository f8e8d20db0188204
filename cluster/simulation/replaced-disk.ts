/** A disk that is destroyed: another one is put in its place, formatted, with nothing on it. */
import { formatDisk } from '../../actors/disk/format-disk.ts';
import { type VolumeRecord, volumeRecordSchema } from '../../protocols/control-data.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { extentsOf } from '../../protocols/layout/layout.ts';
import { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';
import { MemoryMedium } from './store.ts';
import type { World } from './world.ts';

/** True when no volume has anything on a disk that is in sync, as far as the config database knows. */
export function canBeMissed({ database }: World, disk: DiskId): boolean {
  return database.peekKeys('volume.').every((key) => {
    const found = database.peek(key);
    if (found.outcome !== 'found') return true;
    const record = volumeRecordSchema.safeParse(JSON.parse(found.value)).data;
    return record === undefined || isMissedIn(record, disk);
  });
}

/** True when a volume has nothing on a disk that is in sync, or being made so. */
export function isMissedIn({ layout, mirrorSets }: VolumeRecord, disk: DiskId): boolean {
  const states = extentStatesOf(layout, mirrorSets);
  const own = extentsOf(layout).filter((extent) => extent.disk === disk);
  return own.every(({ extent }) => states.get(extent) === 'absent');
}

/** Its process must not run. Calls when the other one can be started. */
export function replaceDisk(
  world: World,
  disk: DiskId,
  random: SeededRandom,
  done: () => void,
): void {
  const { media, latencies, clock } = world;
  const [former, latency] = [media.get(disk), latencies.get(disk)];
  if (former === undefined || latency === undefined) throw new Error(`there is no disk ${disk}`);
  const process = new SimulatedProcess(clock, `format ${disk}`);
  const { sizeBytes } = former;
  const medium = new MemoryMedium({ sizeBytes, random: random.fork('medium'), latency });
  const store = medium.open(process.clock);
  formatDisk({ store, disk, random, isNew: true, overwrite: false }, (why) => {
    process.stop();
    if (why !== null) throw new Error(why);
    media.set(disk, medium);
    done();
  });
}
