/** What consumers of a simulated cluster ask for at last: that all be durable, and what is stored. */
import { Status } from '../../protocols/codes.ts';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';
import type { RequestEnded } from './recorded-volume.ts';
import type { Consumer } from './workload.ts';

const sectorsPerBlock = blockBytes / sectorBytes;
const readAllStepSectors = (64 * 1024) / sectorBytes;
/** A last flush fails, and says so, once for every disk that met a restart unflushed; then it must succeed. */
const lastFlushesMax = 3;

/** Flushes once. */
export function flushAll({ recorded, volume }: Consumer, ended: RequestEnded): void {
  const attached = volume();
  if (attached === null) ended(Status.path);
  else recorded.flush(attached, ended);
}

/** Flushes as often as it may have to be asked for. */
export function flushAtLast(
  consumer: Consumer,
  done: (isOk: boolean) => void,
  times = lastFlushesMax,
): void {
  flushAll(consumer, (status) => {
    const isOk = status === Status.ok;
    if (isOk || times <= 1) done(isOk);
    else flushAtLast(consumer, done, times - 1);
  });
}

/** Reads a volume once from its beginning; what is seen counts. `done` gets the number of reads that failed. */
export function readAll(
  { recorded, volume }: Consumer,
  spanBytes: number,
  done: (failed: number) => void,
): void {
  const sectors = spanBytes / sectorBytes;
  let failed = 0;
  // After a media error block by block until there: whether it had to be is for who is told of each.
  const next = (firstSector: number, singlyUntil: number): void => {
    const attached = volume();
    if (firstSector >= sectors || attached === null) {
      done(attached === null ? failed + 1 : failed);
      return;
    }
    const step = firstSector < singlyUntil ? sectorsPerBlock : readAllStepSectors;
    const sectorCount = Math.min(step, sectors - firstSector);
    const end = firstSector + sectorCount;
    recorded.read(attached, { firstSector, sectorCount }, (status) => {
      if (status === Status.media && sectorCount > sectorsPerBlock) next(firstSector, end);
      else {
        if (status !== Status.ok && status !== Status.media) failed++;
        next(end, singlyUntil);
      }
    });
  };
  next(0, 0);
}

/** Takes each step when the one before it has ended. */
export function oneByOne<Item>(
  items: readonly Item[],
  step: (item: Item, next: () => void) => void,
  done: () => void,
): void {
  const [item, ...rest] = items;
  if (item === undefined) done();
  else step(item, () => oneByOne(rest, step, done));
}
