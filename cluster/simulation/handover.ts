/**
 * What one consumer of a volume wrote, another one flushes: the promise on which databases of several hosts build
 * (DESIGN I1), for the one that flushes has nothing of its own to make durable.
 */
import { Status } from '../../protocols/codes.ts';
import type { HostId } from '../../protocols/ids.ts';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';
import { flushAll } from './last-requests.ts';
import type { SeededRandom } from './random.ts';
import type { Consumer, Workload } from './workload.ts';

export interface HandoverConsumer extends Consumer {
  readonly host: HostId;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
}

export interface Handover {
  /** Of one volume; at least one. */
  readonly consumers: readonly HandoverConsumer[];
  /** Theirs, which judges the requests. */
  readonly workload: Pick<Workload, 'watch'>;
  readonly random: SeededRandom;
}

const blockSectors = blockBytes / sectorBytes;

/**
 * One of them, drawn, writes a block, and another one flushes before and after it; the same one where there is no other.
 *
 * @param flushed called if all went well
 * @returns who does what; null when the one that was drawn may not write
 */
export function handOver(
  { consumers, workload, random }: Handover,
  flushed: () => void,
): string | null {
  const writer = random.pick(consumers);
  const others = consumers.filter((each) => each !== writer);
  const flusher = others.length > 0 ? random.pick(others) : writer;
  const firstSector = random.integer(writer.sizeBytes / blockBytes) * blockSectors;
  const flush = (next: () => void): void => {
    const judge = workload.watch(flusher, 'other');
    flushAll(flusher, (status) => {
      judge(status);
      if (status === Status.ok) next();
    });
  };
  const write = (next: () => void): void => {
    const volume = writer.volume();
    if (volume === null) return;
    const judge = workload.watch(writer, 'write');
    writer.recorded.write(volume, { firstSector, sectorCount: blockSectors }, false, (status) => {
      judge(status);
      if (status === Status.ok) next();
    });
  };
  if (writer.readOnly) return null;
  flush(() => write(() => flush(flushed)));
  return `${writer.host} has written, and ${flusher.host} flushed`;
}
