import { expect } from 'chai';
import fc from 'fast-check';
import { type DiskSpace, type Plan, planVolume } from '../../../actors/virtualizer/planner.ts';
import { type DiskId, idOf } from '../../../protocols/ids.ts';
import { extentsOf, type Layout, mirrorSetsOf, sizeOf } from '../../../protocols/layout/layout.ts';
import { validateLayout } from '../../../protocols/layout/validate-layout.ts';
import { type LayoutForm, layoutFormSchema } from '../../../protocols/topology/layout-form.ts';
import { blockBytes, mebibyte, unitOf } from '../../../protocols/units.ts';

const volume = idOf<never>('vol0');
const form = (written: unknown): LayoutForm => layoutFormSchema.parse(written);
const space = (
  disk: string,
  homeBytes: number,
  ...taken: readonly (readonly [number, number])[]
) => ({
  disk: idOf<DiskId>(disk),
  homeBytes,
  taken: taken.map(([start, lengthBytes]) => ({ start: unitOf<never>(start), lengthBytes })),
});

function plan(written: unknown, sizeBytes: number, disks: readonly DiskSpace[]): Plan {
  return planVolume({ volume, sizeBytes, form: form(written), disks, generation: unitOf(7) });
}

function layoutOf(made: Plan): Layout {
  if (made.ok) return made.layout;
  throw new Error(made.problems.map(({ problem }) => problem).join('\n'));
}

function problemsOf(made: Plan) {
  return made.ok ? [] : made.problems;
}

describe('the planner', () => {
  it('makes a stripe of mirrors on empty disks', () => {
    const disks = ['d1', 'd2', 'd3', 'd4'].map((id) => space(id, 8 * mebibyte));
    const stripe = {
      stripBytes: '64KiB',
      of: [{ mirror: ['d1', 'd2'] }, { mirror: ['d3', 'd4'] }],
    };
    const layout = layoutOf(plan({ stripe }, 8 * mebibyte, disks));
    const extent = (index: number, disk: string) => ({
      kind: 'extent',
      extent: `vol0-e${index}`,
      disk,
      start: 0,
      lengthBytes: 4 * mebibyte,
      generation: 7,
    });
    expect(layout).to.deep.equal({
      kind: 'stripe',
      stripBytes: 65536,
      children: [
        { kind: 'mirror', set: 'vol0-m0', children: [extent(0, 'd1'), extent(1, 'd2')] },
        { kind: 'mirror', set: 'vol0-m1', children: [extent(2, 'd3'), extent(3, 'd4')] },
      ],
    });
  });

  it('gives a concat child its size, and the others equal shares of the rest', () => {
    const disks = ['d1', 'd2', 'd3'].map((id) => space(id, 8 * mebibyte));
    const concat = [{ size: '1MiB', of: 'd1' }, 'd2', 'd3'];
    const sizes = extentsOf(layoutOf(plan({ concat }, 7 * mebibyte, disks)));
    expect(sizes.map(({ lengthBytes }) => lengthBytes / mebibyte)).to.deep.equal([1, 3, 3]);
  });

  it('takes the first gap that is long enough', () => {
    const disks = [space('d1', 100 * 4096, [4 * 4096, 4096], [20 * 4096, 4096])];
    const [extent] = extentsOf(layoutOf(plan('d1', 8 * 4096, disks)));
    expect(extent?.start).to.equal(5 * 4096);
  });

  it('two leaves on one disk lie behind each other', () => {
    const extents = extentsOf(
      layoutOf(plan({ concat: ['d1', 'd1'] }, 2 * mebibyte, [space('d1', 2 * mebibyte)])),
    );
    expect(extents.map(({ start }) => start)).to.deep.equal([0, mebibyte]);
  });

  it('joins gaps when no single one is long enough', () => {
    const disks = [space('d1', 10 * 4096, [3 * 4096, 4096], [7 * 4096, 2 * 4096])];
    const layout = layoutOf(plan('d1', 7 * 4096, disks));
    expect(layout.kind).to.equal('concat');
    expect(
      extentsOf(layout).map(({ start, lengthBytes }) => [start / 4096, lengthBytes / 4096]),
    ).to.deep.equal([
      [0, 3],
      [4, 3],
      [9, 1],
    ]);
  });

  it('says which disks lack how many bytes, all of them', () => {
    const disks = [space('d1', 4 * mebibyte, [0, mebibyte]), space('d2', mebibyte)];
    const problems = problemsOf(plan({ mirror: ['d1', 'd2', 'd3'] }, 4 * mebibyte, disks));
    expect(problems).to.deep.equal([
      {
        disk: 'd1',
        lackingBytes: mebibyte,
        problem: 'disk d1 lacks 1MiB: volume vol0 needs 4MiB of it, 3MiB are free',
      },
      {
        disk: 'd2',
        lackingBytes: 3 * mebibyte,
        problem: 'disk d2 lacks 3MiB: volume vol0 needs 4MiB of it, 1MiB are free',
      },
      {
        disk: 'd3',
        lackingBytes: 4 * mebibyte,
        problem: 'nothing is known of disk d3; volume vol0 needs 4MiB of it',
      },
    ]);
  });

  it('refuses a size that does not divide', () => {
    const disks = [space('d1', mebibyte), space('d2', mebibyte)];
    const [problem] = problemsOf(plan({ stripe: { of: ['d1', 'd2'] } }, 4096 * 3, disks));
    expect(problem?.disk).to.equal(null);
    expect(problem?.problem).to.match(/12KiB do not divide into rows of 2 strips of 64KiB/);
  });

  it('on disks with random gaps: uses free space only, all sizes right, or names a true lack', () => {
    const gaps = fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 1, max: 6 })), { maxLength: 12 });
    const forms = fc.constantFrom<unknown>(
      'd1',
      { mirror: ['d1', 'd2'] },
      { concat: ['d1', 'd2'] },
      { stripe: { stripBytes: 4096, of: ['d1', 'd2'] } },
      { mirror: [{ concat: ['d1', 'd1'] }, { stripe: { stripBytes: 8192, of: ['d2', 'd2'] } }] },
    );
    fc.assert(
      fc.property(
        gaps,
        gaps,
        forms,
        fc.integer({ min: 1, max: 16 }),
        (first, second, written, quarter) => {
          const taken = (list: readonly (readonly [number, number])[]) =>
            list.map(([start, length]) => [start * blockBytes, length * blockBytes] as const);
          const disks = [
            space('d1', 64 * blockBytes, ...taken(first)),
            space('d2', 64 * blockBytes, ...taken(second)),
          ];
          const sizeBytes = quarter * 4 * blockBytes;
          const made = plan(written, sizeBytes, disks);
          if (!made.ok) {
            for (const { disk, lackingBytes } of made.problems) {
              expect(disk).to.be.oneOf(['d1', 'd2']);
              expect(lackingBytes).to.be.above(0);
            }
            return;
          }
          expect(sizeOf(made.layout)).to.equal(sizeBytes);
          expect(validateLayout(made.layout)).to.deep.equal([]);
          const sets = mirrorSetsOf(made.layout).map(({ set }) => set);
          expect(sets).to.deep.equal(sets.map((_, index) => `vol0-m${index}`));
          for (const extent of extentsOf(made.layout)) {
            const disk = disks.find((one) => one.disk === extent.disk);
            const end = extent.start + extent.lengthBytes;
            expect(end).to.be.at.most(disk?.homeBytes ?? 0);
            for (const other of disk?.taken ?? [])
              expect(
                end <= other.start || extent.start >= other.start + other.lengthBytes,
              ).to.equal(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
