/**
 * What one consumer of a volume wrote, another one flushes: the promise on which databases of several hosts build
 * (DESIGN I1), for the one that flushes has nothing of its own to make durable.
 */
import { Status } from '../../protocols/codes.ts';
import type { HostId } from '../../protocols/ids.ts';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';
import type { SeededRandom } from './random.ts';
import { type Consumer, flushAll } from './workload.ts';

export interface HandoverConsumer extends Consumer {
  readonly host: HostId;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
}

const blockSectors = blockBytes / sectorBytes;

/**
 * One of them, drawn, writes a block, and another one flushes before and after it; the same one where there is no other.
 *
 * @param consumers of one volume; at least one
 * @param flushed called if all went well
 * @returns who does what; null when the one that was drawn may not write
 */
export function handOver(
  consumers: readonly HandoverConsumer[],
  random: SeededRandom,
  flushed: () => void,
): string | null {
  const writer = random.pick(consumers);
  const others = consumers.filter((each) => each !== writer);
  const flusher = others.length > 0 ? random.pick(others) : writer;
  const firstSector = random.integer(writer.sizeBytes / blockBytes) * blockSectors;
  if (writer.readOnly) return null;
  flushAll(flusher, (wasFlushed) => {
    const volume = writer.volume();
    if (!wasFlushed || volume === null) return;
    writer.recorded.write(volume, { firstSector, sectorCount: blockSectors }, false, (status) => {
      if (status !== Status.ok) return;
      flushAll(flusher, (isOk) => {
        if (isOk) flushed();
      });
    });
  });
  return `${writer.host} has written, and ${flusher.host} flushed`;
}
