import { expect } from 'chai';
import { hostsMax } from '../../../protocols/control-data.ts';
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { disk, links, linksOf, linksWithout, refuses, threeDisks, volume } from './refused.ts';
import { problemsOf, smallTopology, smallVolume } from './small-topology.ts';

describe('a topology: disks', () => {
  const files = (...names: readonly (readonly string[])[]) => ({
    disks: ['d1', 'd2', 'd3', 'd4'].map((id, index) => disk(id, { files: names[index] ?? [] })),
  });
  refuses([
    [
      'two disks over one file, however it is spelled',
      files(['/data/a'], ['/data/b', '/data/x/..//./a']),
      /^disks.1.files.1: \/data\/x\/..\/\/.\/a is a file of disk d1 already; give disk d2 a file of i/,
    ],
    [
      'one file twice in a disk',
      files(['a', './a']),
      /^disks.0.files.1: .\/a occurs twice in disk d1; name each file once/,
    ],
    [
      'files of a disk that is kept in memory',
      { disks: [...threeDisks, disk('d4', { store: 'memory', files: ['/data/a'] })] },
      /^disks.3.files: disk d4 is kept in memory; leave out its files, or say store: file/,
    ],
  ]);

  it('files that only look alike are files of their own', () => {
    const change = files(['/a/b'], ['a/b'], ['../a/b'], ['/b/a']);
    expect(problemsOf(smallTopology(change))).to.deep.equal([]);
  });
});

describe('a topology: the whole', () => {
  refuses([
    [
      'more hosts than can share a volume',
      {
        hosts: Array.from({ length: hostsMax + 1 }, (_, index) => ({ id: `h${index}`, hbas: [] })),
      },
      /^hosts: expected a list of at most 4096 hosts/,
    ],
    [
      'a disk without link',
      { disks: [...threeDisks, disk('d4'), disk('d5')] },
      /d5 has no link; not/,
    ],
    [
      'volumes larger than their disks',
      volume({ size: '130MiB' }),
      /^disks.0.size: volumes need 65MiB of disk d1, which can give 64MiB of its 64MiB/,
      /disk d2/,
      /disk d3/,
      /disk d4/,
    ],
    [
      'a disk that a host does not reach',
      {
        links: ['d1', 'd2', 'd3', 'd4', 'h1-a', 'h1-b'].map((end) => [
          end,
          end === 'd4' ? 's2' : 's1',
        ]),
      },
      /^volumes.0.layout.stripe.of.1.mirror.1: host h1 may use vol0 but has no way to its disk d4 w/,
      /^volumes.0: host h1 may use vol0 but has no way to its coordinator s2 within 4 links/,
      /^volumes.0.layout.stripe.of.1.mirror.1: vol0 is coordinated by switch s1, which has no way to its disk d4 within 3 links; add a link, or name other/,
      /switch s2, which has no way to its disk d1/,
      /switch s2, which has no way to its disk d2/,
      /switch s2, which has no way to its disk d3/,
    ],
    ['an HBA without link', linksWithout('h1-b'), /^hosts.0.hbas.1: HBA h1-b has no link/],
    [
      'ways that begin at a plain switch only, which cannot turn a volume’s address into a disk’s',
      {
        switches: ['s1', 's2', { id: 'p', virtualizing: false }],
        links: [['h1-a', 'p'], ['h1-b', 'p'], ['p', 's1'], ...links.slice(4)],
        ...volume({ layout: 'd1', coordinators: { map: 'modulo', switches: ['s1'] } }),
      },
      /^volumes.0.layout: host h1 may use vol0 but has no way to its disk d1 within 4 links that begins at a virtualizing switch; add a link, or leave h1 out of the hosts that may use vol0/,
      /^volumes.0: host h1 may use vol0 but has no way to its coordinator s1 .* through virtualizing switches only/,
    ],
    [
      'a layout that is larger than the memory of a switch that must know it',
      { switches: ['s1', { id: 's2', limits: { layoutMemoryBytes: 1000 } }] },
      /^volumes.0.layout: the layout of vol0 takes 2944 bytes, but switch s2 has 1000 left of 1000 /,
    ],
  ]);

  it('a plain switch needs no memory for layouts', () => {
    const plain = { id: 's3', virtualizing: false, limits: { layoutMemoryBytes: 0 } };
    const change = { switches: ['s1', 's2', plain], ...linksOf(['s1', 's3']) };
    expect(problemsOf(smallTopology(change))).to.deep.equal([]);
  });

  it('a disk that has no room beside its own records is refused, used or not', () => {
    const read = parseTopology(smallTopology(), (sizeBytes) => sizeBytes - 64 * mebibyte);
    const problems = read.ok ? [] : read.problems.map(({ problem }) => problem);
    expect(problems[0]).to.equal(
      'disk d1 of 64MiB has no room beside its own records; make it larger',
    );
  });

  it('one volume may be larger in memory than another: the one that does not fit any more is named', () => {
    const limits = { layoutMemoryBytes: 4096 };
    const volumes = [smallVolume({ size: '1MiB' }), smallVolume({ id: 'vol1', size: '1MiB' })];
    const problems = problemsOf(smallTopology({ switches: ['s1', { id: 's2', limits }], volumes }));
    expect(problems).to.deep.equal([
      'volumes.1.layout: the layout of vol1 takes 2944 bytes, but switch s2 has 1152 left of 4096 ' +
        '(limits.layoutMemoryBytes); raise that, or make the switch plain',
    ]);
  });

  it('one broken entry is no unknown name, and hides nothing that is wrong elsewhere', () => {
    const problems = problemsOf(
      smallTopology({
        disks: [...threeDisks, disk('d4', { size: 'big' })],
        switches: ['s1', { id: 's2', virtualizing: 'maybe' }],
        ...linksOf(['s1', 'd9']),
        ...volume({ hosts: ['h1', 'h9'] }),
      }),
    );
    expect(problems).to.have.length(4);
    expect(problems[0]).to.match(
      /^switches.1.virtualizing: expected true or false, this is "maybe"/,
    );
    expect(problems[1]).to.match(/^disks.3.size: "big" is not a size/);
    expect(problems[2]).to.match(/^links.13.ends.1: there is no HBA, switch or disk d9/);
    expect(problems[3]).to.match(/^volumes.0.hosts.1: there is no host h9; there are h1/);
  });
});
