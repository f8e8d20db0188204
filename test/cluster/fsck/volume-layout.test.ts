/** The layout of a volume is found again without the config database. */
import { expect } from 'chai';
import { planVolume } from '../../../actors/virtualizer/planner.ts';
import { layoutAgain } from '../../../cluster/fsck/volume-layout.ts';
import { type DiskId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import { extentsOf, type Layout, mirrorSetsOf } from '../../../protocols/layout/layout.ts';
import type { LayoutForm } from '../../../protocols/topology/layout-form.ts';
import { mebibyte, unitOf } from '../../../protocols/units.ts';

const names = ['d1', 'd2', 'd3', 'd4'].map((disk) => idOf<DiskId>(disk));
const leaf = (index: number): LayoutForm => ({ kind: 'disk', disk: idOf(`d${index}`) });
const mirror = (...children: LayoutForm[]): LayoutForm => ({ kind: 'mirror', children });
const stripe = (...children: LayoutForm[]): LayoutForm => ({
  kind: 'stripe',
  stripBytes: 65_536,
  children,
});
const concat = (...forms: LayoutForm[]): LayoutForm => ({
  kind: 'concat',
  children: forms.map((form) => ({ form, sizeBytes: null })),
});

const forms: Readonly<Record<string, LayoutForm>> = {
  'a stripe of mirrors': stripe(mirror(leaf(1), leaf(2)), mirror(leaf(3), leaf(4))),
  'a mirror of stripes': mirror(stripe(leaf(1), leaf(2)), stripe(leaf(3), leaf(4))),
  'a mirror within a mirror': mirror(mirror(leaf(1), leaf(2)), concat(leaf(3), leaf(4))),
  'a disk that occurs twice': concat(mirror(leaf(1), leaf(2)), mirror(leaf(2), leaf(1))),
  'one disk': leaf(3),
};

const volume = { id: idOf<VolumeId>('vol0'), sizeBytes: 4 * mebibyte };

/** As the virtualizer plans it on disks of which parts are taken, so that some extents lie in two gaps. */
function planned(form: LayoutForm): Layout {
  const taken = [{ start: unitOf(mebibyte), lengthBytes: mebibyte }] as never;
  const plan = planVolume({
    volume: volume.id,
    sizeBytes: volume.sizeBytes,
    form,
    generation: unitOf(1),
    disks: names.map((disk) => ({
      disk,
      homeBytes: 16 * mebibyte,
      taken: disk === 'd2' ? [] : taken,
    })),
  });
  if (!plan.ok) throw new Error(plan.problems.map(({ problem }) => problem).join());
  return plan.layout;
}

/** On disks that have two gaps only. */
function scattered(form: LayoutForm): Layout {
  const plan = planVolume({
    volume: volume.id,
    sizeBytes: volume.sizeBytes,
    form,
    generation: unitOf(1),
    disks: names.map((disk) => ({
      disk,
      homeBytes: 6 * mebibyte,
      taken: [{ start: unitOf(mebibyte), lengthBytes: mebibyte }],
    })),
  });
  if (!plan.ok) throw new Error(plan.problems.map(({ problem }) => problem).join());
  return plan.layout;
}

describe('a layout that is found again', () => {
  for (const [name, form] of Object.entries(forms)) {
    it(`is the one that was planned: ${name}`, () => {
      for (const layout of [planned(form), scattered(form)]) {
        const found = extentsOf(layout).toReversed();
        expect(layoutAgain({ ...volume, layout: form }, found)).to.deep.equal(layout);
      }
    });

    it(`has all that is known when any one disk is missing: ${name}`, () => {
      const layout = scattered(form);
      for (const missing of names) {
        const known = extentsOf(layout).filter(({ disk }) => disk !== missing);
        if (known.length === 0) continue;
        const again = layoutAgain({ ...volume, layout: form }, known);
        if (again === null) throw new Error(`none without ${missing}`);
        expect(extentsOf(again).filter(({ disk }) => disk !== missing)).to.deep.equal(known);
        expect(mirrorSetsOf(again).map(({ set }) => set)).to.deep.equal(
          mirrorSetsOf(layout).map(({ set }) => set),
        );
      }
    });
  }

  it('is not made up where the topology says something else', () => {
    const found = extentsOf(planned(stripe(mirror(leaf(1), leaf(2)), mirror(leaf(3), leaf(4)))));
    for (const form of [
      mirror(leaf(1), leaf(2)),
      stripe(mirror(leaf(1), leaf(3)), mirror(leaf(2), leaf(4))),
      mirror(leaf(1), leaf(2), leaf(3), leaf(4)),
    ])
      expect(layoutAgain({ ...volume, layout: form }, found)).to.equal(null);
    const written = { ...volume, sizeBytes: 8 * mebibyte };
    expect(layoutAgain({ ...written, layout: concat(leaf(1), leaf(2)) }, found)).to.equal(null);
  });
});
