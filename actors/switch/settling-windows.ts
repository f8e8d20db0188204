/** What of a volume is to be looked at when its mirrors are made equal, in stretches of bounded length. Pure. */
import { rangeBytesMax } from '../../protocols/frames/request.ts';
import { blockBytes, roundDown, roundUp } from '../../protocols/units.ts';
import { copiesOf, type LoadedVolume } from './loaded-volume.ts';

/** A range of the volume. */
export interface SettlingRange {
  readonly offset: number;
  readonly lengthBytes: number;
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
