/** What becomes of a block where it lies on a disk: all that media, and what writes to them, are known to do. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { blockBytes, sectorBytes } from '../../../protocols/units.ts';

export interface DamageSource {
  /** What lies there. */
  readonly current: Buffer;
  /** What lay there before it was written last. */
  readonly older: Buffer;
  /** What lies at another place of the same disk. */
  readonly elsewhere: Buffer;
}

type Damage = (source: DamageSource, random: SeededRandom) => Buffer;

const flippedBitsMax = 8;
const sectorsPerBlock = blockBytes / sectorBytes;

export const damageKinds = {
  'flipped bits': ({ current }, random) => {
    const bytes = Buffer.from(current);
    for (let flips = 1 + random.integer(flippedBitsMax); flips > 0; flips--) {
      const at = random.integer(blockBytes);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(8));
    }
    return bytes;
  },
  garbage: (_, random) => {
    const words = Uint32Array.from({ length: blockBytes / 4 }, () => random.word());
    return Buffer.from(words.buffer);
  },
  zeros: () => Buffer.alloc(blockBytes),
  'a block of another place': ({ elsewhere }) => elsewhere,
  'older content': ({ older }) => older,
  /** The last write came only in part. */
  'torn content': ({ current, older }, random) => {
    const at = sectorBytes * (1 + random.integer(sectorsPerBlock - 1));
    return Buffer.concat([current.subarray(0, at), older.subarray(at)]);
  },
} satisfies Record<string, Damage>;

export type DamageKind = keyof typeof damageKinds;
export const damageKindNames = Object.keys(damageKinds) as readonly DamageKind[];

/** @returns null where it would change nothing */
export function damaged(
  kind: DamageKind,
  source: DamageSource,
  random: SeededRandom,
): Buffer | null {
  const bytes = damageKinds[kind](source, random);
  return bytes.equals(source.current) ? null : bytes;
}
