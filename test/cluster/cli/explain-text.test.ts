import { expect } from 'chai';
import { explanationText } from '../../../cluster/cli/explain-text.ts';
import {
  type ExplainedMirror,
  type ExplainedPath,
  explanationSchema,
} from '../../../protocols/explanation.ts';
import { idOf } from '../../../protocols/ids.ts';

const way = { target: 'disk:d2', hba: 'h1-a', route: ['h1-a-s1', 's1-d2'], why: 'the only way' };

function explanationOf(mirrors: readonly Partial<ExplainedMirror>[]) {
  return explanationSchema.parse({
    ...{ host: 'h1', volume: 'vol0', offset: 4096, reason: '', isDirty: true, generation: 7 },
    attach: { mode: 'exclusive', readOnly: false, epoch: 5 },
    partition: {
      ...{ partition: 0, coordinator: 's1', epoch: 6, ownerIncarnation: 1, outstanding: 0 },
      paths: [],
    },
    mirrors: mirrors.map((mirror) => ({
      ...{ disk: 'd1', extent: 'x', diskOffset: 4096, state: 'in-sync', mirrorSet: 'vol0-m0' },
      ...{ eventCount: 4, outstanding: 0, why: '', paths: [], ...mirror },
    })),
    reads: way,
    writes: way,
    cache: { switch: '', mayAnswer: false, regionWrites: 0, why: 'no switch has a cache' },
  });
}

describe('where a block is, as text', () => {
  const linesOf = (mirror: Partial<ExplainedMirror>) => {
    const lines = explanationText(explanationOf([mirror])).split('\n');
    const first = lines.findIndex((line) => line.startsWith('  d1: '));
    return lines.slice(first, lines.indexOf('', first));
  };

  it('shows the state of a mirror, and why it is not read', () => {
    const why = 'is neither read nor written: it is stale in vol0-m0, and must be made equal first';
    expect(linesOf({ state: 'stale', why })).to.deep.equal([
      '  d1: at 4KiB of the disk, stale in vol0-m0, event count 4, 0 I/Os under way',
      `    ${why}`,
    ]);
  });

  it('shows the ways to a mirror that is being made equal', () => {
    const path: ExplainedPath = {
      ...{ hba: idOf('h1-a'), route: [idOf('h1-a-s1'), idOf('s1-d1')], hops: 2, state: 'usable' },
      ...{ outstanding: 0, chosen: true, why: 'the only way' },
    };
    const why = 'is not read before it is equal in vol0-m0';
    const lines = linesOf({ state: 'resyncing', why, paths: [path] });
    expect(lines).to.have.length(3);
    expect(lines[2]).to.match(/→ +h1-a +h1-a-s1 s1-d1 +2 hops .* the only way/);
  });

  it('says where a mirror in sync has no way', () => {
    expect(linesOf({})).to.deep.equal([
      '  d1: at 4KiB of the disk, in-sync in vol0-m0, event count 4, 0 I/Os under way',
      '    no way is known',
    ]);
  });
});
