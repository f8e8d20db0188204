/** What of a volume is to be looked at when its mirrors are made equal, in stretches of bounded length. Pure. */
import { rangeBytesMax } from '../../protocols/frames/request.ts';
import { partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import {
  blockBytes,
  roundDown,
  roundUp,
  unitOf,
  type VolumeOffset,
} from '../../protocols/units.ts';
import { copiesOf, type LoadedVolume } from './loaded-volume.ts';

/** A range of the volume. */
export interface SettlingRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A window with how much of it lies in the partitions that are meant. */
export interface OwnWindow extends SettlingRange {
  readonly bytes: number;
}

const windowBytes = rangeBytesMax;

/** Whole blocks, in the order of the volume, each at most `windowBytes` long; the last first. */
export function windowsOf(
  volume: LoadedVolume,
  ranges: readonly SettlingRange[] | null,
): SettlingRange[] {
  if (copiesOf(volume) < 2) return [];
  const endBytes = roundUp(volume.load.sizeBytes, blockBytes);
  const windows: SettlingRange[] = [];
  for (const { start, end } of merged(ranges ?? [{ offset: 0, lengthBytes: endBytes }], endBytes))
    for (let offset = start; offset < end; offset += windowBytes)
      windows.push({ offset, lengthBytes: Math.min(windowBytes, end - offset) });
  return windows.reverse();
}

/** What of the volume is to be looked at that lies in some partitions: windows of all of it, but those with none of that. */
export function ownWindowsOf(
  volume: LoadedVolume,
  partitions: ReadonlyMap<number, unknown>,
): OwnWindow[] {
  return windowsOf(volume, null)
    .map((window) => ({ ...window, bytes: ownBytesOf(volume, window, partitions) }))
    .filter(({ bytes }) => bytes > 0);
}

function ownBytesOf(
  { load: { coordinatorMap } }: LoadedVolume,
  { offset, lengthBytes }: SettlingRange,
  partitions: ReadonlyMap<number, unknown>,
): number {
  const end = offset + lengthBytes;
  let bytes = 0;
  for (let at = offset; at < end; ) {
    const start = unitOf<VolumeOffset>(at);
    const next = Math.min(end, partitionEnd(coordinatorMap, start));
    if (partitions.has(partitionOf(coordinatorMap, start))) bytes += next - at;
    at = next;
  }
  return bytes;
}

/** Whole blocks; ranges that touch become one. */
function merged(ranges: readonly SettlingRange[], endBytes: number) {
  const stretches: { start: number; end: number }[] = [];
  const inOrder = ranges.toSorted((one, other) => one.offset - other.offset);
  for (const { offset, lengthBytes } of inOrder) {
    const start = roundDown(offset, blockBytes);
    const end = Math.min(roundUp(offset + lengthBytes, blockBytes), endBytes);
    const last = stretches.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else if (start < end) stretches.push({ start, end });
  }
  return stretches;
}
