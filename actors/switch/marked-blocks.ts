/** Where hosts may be writing, from what the disks of mirrors answer to `marks`. Pure. */
import { hasBlockBit } from '../../protocols/frames/block-bits.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { RunRange } from './mirror-runs.ts';

/** The ranges of a run that are marked on any of its mirrors; whole blocks, in order. */
export function markedRanges(
  answers: readonly Uint8Array[],
  lengthBytes: number,
): readonly RunRange[] {
  const ranges: { atBytes: number; lengthBytes: number }[] = [];
  for (let block = 0; block * blockBytes < lengthBytes; block++) {
    if (!answers.some((bits) => hasBlockBit(bits, block))) continue;
    const atBytes = block * blockBytes;
    const last = ranges.at(-1);
    if (last !== undefined && last.atBytes + last.lengthBytes === atBytes)
      last.lengthBytes += blockBytes;
    else ranges.push({ atBytes, lengthBytes: blockBytes });
  }
  return ranges;
}

/** Ranges of at most `lengthBytesMax`. */
export function* cutRanges(
  ranges: readonly RunRange[],
  lengthBytesMax: number,
): Generator<RunRange> {
  for (const { atBytes, lengthBytes } of ranges) {
    const end = atBytes + lengthBytes;
    for (let at = atBytes; at < end; at += lengthBytesMax)
      yield { atBytes: at, lengthBytes: Math.min(lengthBytesMax, end - at) };
  }
}

/** What two ranges have in common; null when that is nothing. */
export function commonRange(one: RunRange, other: RunRange): RunRange | null {
  const atBytes = Math.max(one.atBytes, other.atBytes);
  const end = Math.min(one.atBytes + one.lengthBytes, other.atBytes + other.lengthBytes);
  return atBytes < end ? { atBytes, lengthBytes: end - atBytes } : null;
}
