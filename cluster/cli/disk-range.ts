/** Where a range of a volume lies on one of its disks. */
import { isId } from '../../protocols/ids.ts';
import { cutRange } from '../../protocols/layout/geometry.ts';
import { sizeOf } from '../../protocols/layout/layout.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import { controlDataOf } from './compare.ts';
import type { ConnectedCluster } from './with-cluster.ts';

export interface ByteRange {
  readonly atBytes: number;
  readonly lengthBytes: number;
}

/**
 * The range on the disk, counted in the disk's data.
 *
 * @throws Error when the volume is not known, does not hold the range, or has it elsewhere.
 */
export async function diskRangeOf(
  connected: ConnectedCluster,
  volume: string,
  { atBytes, lengthBytes }: ByteRange,
  disk: string,
): Promise<ByteRange> {
  const { layout } = await controlDataOf(connected, volume);
  const sizeBytes = sizeOf(layout);
  if (!isId(volume) || lengthBytes === 0 || atBytes + lengthBytes > sizeBytes)
    throw new Error(
      `${lengthBytes} bytes at ${atBytes} lie outside of volume ${volume}, which has ${sizeText(sizeBytes)}`,
    );
  const range = { start: unitOf<VolumeOffset>(atBytes), lengthBytes };
  const pieces = cutRange(layout, range).flatMap(({ legs, lengthBytes: pieceBytes }) =>
    legs.map((leg) => ({ disk: leg.disk, atBytes: leg.offset, lengthBytes: pieceBytes })),
  );
  const runs = joined(pieces.filter((piece) => piece.disk === disk));
  const [run, second] = runs;
  const disks = [...new Set(pieces.map((piece) => piece.disk))].join(', ');
  if (run === undefined)
    throw new Error(`this range of volume ${volume} is not on disk:${disk}, but on ${disks}`);
  if (second === undefined) return run;
  const places = runs.map((each) => `--at ${each.atBytes} --length ${each.lengthBytes}`);
  throw new Error(
    `this range of volume ${volume} is in ${runs.length} places of disk:${disk}; name each without --volume: ${places.join('; ')}`,
  );
}

/** Ranges in order, with neighbours made one. */
function joined(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const runs: { atBytes: number; lengthBytes: number }[] = [];
  for (const { atBytes, lengthBytes } of ranges.toSorted((a, b) => a.atBytes - b.atBytes)) {
    const last = runs.at(-1);
    if (last !== undefined && last.atBytes + last.lengthBytes === atBytes)
      last.lengthBytes += lengthBytes;
    else runs.push({ atBytes, lengthBytes });
  }
  return runs;
}
