/** Which requests history clients make: half of them where all clients meet. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { blockBytes, sectorBytes } from '../../../protocols/units.ts';
import type { RequestKind } from './history-recorder.ts';

/** A part of a volume that belongs to the history alone; whole blocks. */
export interface HistoryArea {
  readonly firstSector: number;
  readonly sectorCount: number;
  /** Numbers of blocks, counted from the begin of the volume: in the first half of the area. */
  readonly hotBlocks: readonly number[];
}

export interface PlannedRequest {
  readonly kind: RequestKind;
  readonly firstSector: number;
  readonly sectorCount: number;
}

const sectorsPerBlock = blockBytes / sectorBytes;
const hotBlocksCount = 64;
/** Of a thousand requests. */
const shares: readonly (readonly [RequestKind, number])[] = [
  ['flush', 10],
  ['zeroes', 20],
  ['trim', 20],
  ['fua', 60],
  ['read', 450],
  ['write', 440],
];
const longBlocksMax = 16;
const hugeBlocksMax = 256;

/** The area of `lengthBytes` behind `startBytes`. */
export function historyArea(
  startBytes: number,
  lengthBytes: number,
  random: SeededRandom,
): HistoryArea {
  const blocks = lengthBytes / blockBytes;
  const firstBlock = startBytes / blockBytes;
  return {
    firstSector: startBytes / sectorBytes,
    sectorCount: lengthBytes / sectorBytes,
    hotBlocks: Array.from(
      { length: hotBlocksCount },
      () => firstBlock + random.integer(blocks / 2),
    ),
  };
}

/**
 * Zeroes are written to the second half of the area only. They are the one value that is written more than once, and where
 * dozens of such writes hang beside others nobody can tell what happened; the simulation lets them meet.
 */
export function drawRequest(random: SeededRandom, area: HistoryArea): PlannedRequest {
  const kind = drawKind(random);
  const firstBlock = area.firstSector / sectorsPerBlock;
  const blocks = area.sectorCount / sectorsPerBlock;
  const isZeroing = kind === 'zeroes' || kind === 'trim';
  const isHot = !isZeroing && random.integer(2) === 0;
  const cold = isZeroing ? blocks / 2 + random.integer(blocks / 2) : random.integer(blocks);
  const block = isHot ? random.pick(area.hotBlocks) : firstBlock + cold;
  const shape = random.integer(1000);
  // A part of a block may be written, but not trimmed: that is rounded to whole blocks.
  if (shape < 200 && kind !== 'trim') {
    const skip = random.integer(sectorsPerBlock);
    const sectorCount = 1 + random.integer(sectorsPerBlock - skip);
    return { kind, firstSector: block * sectorsPerBlock + skip, sectorCount };
  }
  const blocksMax = shape < 950 ? 1 : shape < 995 ? longBlocksMax : hugeBlocksMax;
  const wanted = 1 + random.integer(blocksMax);
  const sectorCount = Math.min(wanted, firstBlock + blocks - block) * sectorsPerBlock;
  return { kind, firstSector: block * sectorsPerBlock, sectorCount };
}

function drawKind(random: SeededRandom): RequestKind {
  let left = random.integer(1000);
  for (const [kind, share] of shares) {
    if (left < share) return kind;
    left -= share;
  }
  return 'write';
}
