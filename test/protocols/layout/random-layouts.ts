/**
 * Random valid layouts, and a second opinion on where their blocks lie. The second opinion deals blocks out like
 * cards and does no arithmetic on offsets, so that it cannot share a mistake with the geometry.
 */
import fc from 'fast-check';
import { idOf } from '../../../protocols/ids.ts';
import type { Part } from '../../../protocols/layout/geometry.ts';
import type { Extent, Layout } from '../../../protocols/layout/layout.ts';
import {
  blockBytes,
  type DiskOffset,
  type ExtentGeneration,
  unitOf,
  type VolumeOffset,
} from '../../../protocols/units.ts';

const sizesBlocks = [12, 1, 7, 24, 36, 60, 48];
const depthMax = 4;

/** Trees of every kind within every kind, up to four deep, on four disks; shrinks to a single extent. */
export const randomLayout: fc.Arbitrary<Layout> = fc
  .array(fc.nat(999), { maxLength: 80, size: 'max' })
  .map(buildLayout);

/** A range of the volume, of at least one byte, at any alignment. */
export function randomRange(sizeBytes: number) {
  return fc.tuple(fc.nat(sizeBytes - 1), fc.nat(sizeBytes - 1)).map(([a, b]) => ({
    start: unitOf<VolumeOffset>(Math.min(a, b)),
    lengthBytes: Math.abs(a - b) + 1,
  }));
}

function buildLayout(choices: readonly number[]): Layout {
  let next = 0;
  const choose = (limit: number) => (choices[next++] ?? 0) % limit;
  const diskEnds = [0, 0, 0, 0];
  let extents = 0;
  let sets = 0;

  function extent(blocks: number): Extent {
    const disk = choose(diskEnds.length);
    const start = (diskEnds[disk] ?? 0) + choose(3) * blockBytes;
    diskEnds[disk] = start + blocks * blockBytes;
    return {
      kind: 'extent',
      extent: idOf(`e${extents++}`),
      disk: idOf(`d${disk}`),
      start: unitOf<DiskOffset>(start),
      lengthBytes: blocks * blockBytes,
      generation: unitOf<ExtentGeneration>(extents),
    };
  }

  function node(blocks: number, depth: number): Layout {
    const kind = depth === depthMax ? 0 : choose(depth === 1 ? 4 : 6) % 4;
    if (kind === 1) {
      const first = 1 + choose(blocks);
      const sizes = [first, blocks - first].filter((size) => size > 0);
      return { kind: 'concat', children: sizes.map((size) => node(size, depth + 1)) };
    }
    if (kind === 2) {
      const width = pick(divisors(blocks, 4));
      const strip = pick(divisors(blocks / width, blocks));
      const children = times(width, () => node(blocks / width, depth + 1));
      return { kind: 'stripe', stripBytes: strip * blockBytes, children };
    }
    if (kind === 3) {
      const set = idOf<never>(`m${sets++}`);
      return { kind: 'mirror', set, children: times(1 + choose(2), () => node(blocks, depth + 1)) };
    }
    return extent(blocks);
  }

  const pick = (values: readonly number[]) => values[choose(values.length)] ?? 1;
  return node(pick(sizesBlocks), 1);
}

function divisors(value: number, limit: number): readonly number[] {
  const all = times(Math.min(value, limit), (index) => index + 1);
  return all.filter((divisor) => value % divisor === 0);
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** For each block of the volume the places of its copies, as `extent@offset`. */
export function dealtBlocks(layout: Layout): readonly (readonly string[])[] {
  if (layout.kind === 'extent')
    return times(layout.lengthBytes / blockBytes, (index) => [
      `${layout.extent}@${layout.start + index * blockBytes}`,
    ]);
  const hands = layout.children.map((child) => [...dealtBlocks(child)]);
  switch (layout.kind) {
    case 'concat':
      return hands.flat();
    case 'mirror':
      return times(hands[0]?.length ?? 0, (index) => hands.flatMap((hand) => hand[index] ?? []));
    case 'stripe': {
      const dealt: (readonly string[])[] = [];
      while (hands.some((hand) => hand.length > 0))
        for (const hand of hands) dealt.push(...hand.splice(0, layout.stripBytes / blockBytes));
      return dealt;
    }
    default:
      throw new RangeError(`no second opinion on ${layout.kind}`);
  }
}

/**
 * What is wrong with a cut of a range by the second opinion: gaps, overlaps, bytes in the wrong place. Empty when
 * every byte lies where it should.
 */
export function disagreements(
  layout: Layout,
  range: { readonly start: number; readonly lengthBytes: number },
  parts: Iterable<Part>,
): readonly string[] {
  const blocks = dealtBlocks(layout);
  const found: string[] = [];
  let at = range.start;
  for (const part of parts) {
    if (part.start !== at) found.push(`a part begins at ${part.start} instead of ${at}`);
    if (part.lengthBytes < 1) found.push(`a part of ${part.lengthBytes} bytes at ${part.start}`);
    at = part.start + part.lengthBytes;
    for (let byte: number = part.start; byte < at; byte += blockBytes - (byte % blockBytes)) {
      const within = byte % blockBytes;
      const expected = (blocks[(byte - within) / blockBytes] ?? []).join(' ');
      const skipped = byte - part.start - within;
      const given = part.legs.map((leg) => `${leg.extent}@${leg.offset + skipped}`).join(' ');
      if (given !== expected) found.push(`byte ${byte} lies at ${expected}, not at ${given}`);
    }
  }
  if (at !== range.start + range.lengthBytes) found.push(`the parts end at ${at}`);
  return found;
}
