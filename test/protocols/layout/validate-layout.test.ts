import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Extent,
  extentsOf,
  type Layout,
  layoutDepthMax,
  legsOf,
  mirrorSetsOf,
  sizeOf,
} from '../../../protocols/layout/layout.ts';
import { layoutSchema } from '../../../protocols/layout/layout-schema.ts';
import { validateLayout } from '../../../protocols/layout/validate-layout.ts';
import { unitOf } from '../../../protocols/units.ts';
import { randomLayout } from './random-layouts.ts';

let extents = 0;

function extent(change: Partial<Record<keyof Extent, unknown>> = {}): Extent {
  const id = `e${++extents}`;
  const lengthBytes = 65536;
  const whole = { extent: id, disk: `d-${id}`, start: 0, lengthBytes, generation: 1 };
  return { kind: 'extent', ...whole, ...change } as Extent;
}

const stripe = (stripBytes: number, ...children: Layout[]): Layout => ({
  kind: 'stripe',
  stripBytes,
  children,
});
const mirror = (set: string, ...children: Layout[]): Layout => ({
  kind: 'mirror',
  set: set as never,
  children,
});

function problemsOf(layout: Layout): string {
  return validateLayout(layout)
    .map(({ at, problem }) => `${at}: ${problem}`)
    .join('\n');
}

describe('the layout validator', () => {
  const refused: readonly (readonly [string, () => Layout, RegExp])[] = [
    ['an empty mirror', () => mirror('m'), /a mirror needs at least one child/],
    [
      'mirrors of unequal size',
      () => mirror('m', extent(), extent({ lengthBytes: 4096 })),
      /of a mirror must be of equal size, these are 65536, 4096/,
    ],
    [
      'stripe children of unequal size',
      () => stripe(4096, extent(), extent({ lengthBytes: 4096 })),
      /of a stripe must be of equal size/,
    ],
    ['a strip of 6 KiB', () => stripe(6144, extent()), /strip 6144 is not a positive multiple/],
    ['a strip of nothing', () => stripe(0, extent()), /strip 0 is not a positive multiple/],
    [
      'children that are no multiple of the strip',
      () => stripe(49152, extent(), extent()),
      /children of 65536 bytes are no multiple of strip 49152/,
    ],
    ['an odd start', () => extent({ start: 512 }), /start 512 is not a multiple of 4096/],
    [
      'an odd length',
      () => extent({ lengthBytes: 5000 }),
      /length 5000 is not a positive multiple/,
    ],
    ['an empty extent', () => extent({ lengthBytes: 0 }), /length 0 is not a positive multiple/],
    ['a negative start', () => extent({ start: -4096 }), /start -4096 is not a multiple/],
    ['generation 0', () => extent({ generation: 0 }), /generation 0 is not a whole number from 1/],
    ['a disk that is no id', () => extent({ disk: 'd.1' }), /"d\.1" is not a disk id/],
    ['a mirror set that is no id', () => mirror('m 1', extent()), /"m 1" is not a mirror set id/],
    [
      'extents that overlap',
      () =>
        mirror(
          'm',
          extent({ extent: 'long', disk: 'd', start: 0 }),
          extent({ extent: 'late', disk: 'd', start: 61440 }),
        ),
      /extents long and late overlap on disk d/,
    ],
    [
      'an extent that occurs twice',
      () => mirror('m', extent({ extent: 'same' }), extent({ extent: 'same' })),
      /extent same occurs more than once/,
    ],
    [
      'a mirror set that occurs twice',
      () => stripe(4096, mirror('m', extent()), mirror('m', extent())),
      /mirror set m occurs more than once/,
    ],
    [
      'parity',
      () => ({ kind: 'parity', stripBytes: 4096, children: [extent(), extent(), extent()] }),
      /parity is not served yet; use mirror, stripe or concat/,
    ],
    [
      'a byte with 17 copies',
      () => mirror('m', ...Array.from({ length: 17 }, () => extent())),
      /a byte has 17 copies; at most 16/,
    ],
    [
      'a tree that is too deep',
      () => {
        let layout: Layout = extent();
        for (let depth = 0; depth < layoutDepthMax; depth++)
          layout = { kind: 'concat', children: [layout] };
        return layout;
      },
      /deeper than 8 levels/,
    ],
  ];
  for (const [what, layout, expected] of refused)
    it(`refuses ${what}`, () => expect(problemsOf(layout())).to.match(expected));

  it('names the place in the tree, and all problems at once', () => {
    const layout = stripe(6144, mirror('m', extent(), extent({ start: 1 })), extent({ start: 2 }));
    expect(problemsOf(layout)).to.match(/^: strip 6144/m);
    expect(problemsOf(layout)).to.match(/^children\[0\]\.children\[1\]: extent e\d+: start 1/m);
    expect(problemsOf(layout)).to.match(/^children\[1\]: extent e\d+: start 2/m);
  });

  it('extents that touch, and equal starts on different disks, are no overlap', () => {
    const layout = mirror(
      'm',
      extent({ disk: 'd' }),
      extent({ disk: 'd', start: 65536 }),
      extent({ disk: 'other' }),
    );
    expect(problemsOf(layout)).to.equal('');
  });
});

describe('a layout tree', () => {
  it('survives JSON, and its schema refuses what has not its shape', () => {
    fc.assert(
      fc.property(randomLayout, (layout) => {
        expect(layoutSchema.parse(JSON.parse(JSON.stringify(layout)))).to.deep.equal(layout);
      }),
    );
    expect(layoutSchema.safeParse({ kind: 'ring', children: [] }).success).to.equal(false);
    expect(layoutSchema.safeParse({ kind: 'mirror', set: 'm' }).success).to.equal(false);
    expect(layoutSchema.safeParse({ ...extent(), disk: 'a.b' }).success).to.equal(false);
  });

  it('knows its size, extents, copies and mirror sets', () => {
    const inner = mirror('inner', extent(), extent());
    const layout: Layout = {
      kind: 'concat',
      children: [mirror('outer', inner, stripe(4096, extent(), extent({ start: unitOf(4096) })))],
    };
    expect(sizeOf(inner)).to.equal(65536);
    expect(sizeOf(layout)).to.equal(65536);
    expect(extentsOf(layout)).to.have.length(4);
    expect(legsOf(layout)).to.equal(3);
    expect(mirrorSetsOf(layout).map(({ set, within }) => ({ set, within }))).to.deep.equal([
      { set: 'outer', within: [] },
      { set: 'inner', within: [{ set: 'outer', mirror: 0 }] },
    ]);
  });
});
