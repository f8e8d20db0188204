import { expect } from 'chai';
import {
  coordinators,
  disk,
  h1,
  h2,
  layout,
  linksOf,
  refuses,
  small,
  threeDisks,
  volume,
} from './refused.ts';
import {
  problemsOf,
  smallTopology,
  smallVolume,
  twoFabrics,
  type Written,
} from './small-topology.ts';

const export0 = (change: Written = {}) => ({ volume: 'vol0', ...change });

describe('a topology: shapes', () => {
  it('a good one has no problems', () => expect(problemsOf(small)).to.deep.equal([]));
  it('refuses what is no topology at all', () => {
    expect(problemsOf(null)).to.deep.equal([': expected the keys of a topology, this is null']);
    expect(problemsOf([1])[0]).to.match(/^: expected the keys of a topology, this is \[1\]/);
  });
  refuses([
    ['an unknown key', { color: 'red' }, /^color: unknown key; allowed are cluster, faults/],
    ['an id with a dot', { cluster: 'a.b' }, /^cluster: "a.b" is not an id; allowed are 1 to 64/],
    ['disks that are no list', { disks: 'd1' }, /^disks: expected a list .* this is "d1"/],
    ['a topology without fabric', { fabrics: [] }, /^fabrics: a topology needs fabrics: at least/],
    [
      'a size in decimal units',
      { disks: [...threeDisks, disk('d4', { size: '64MB' })] },
      /^disks.3.size: "64MB" is not a size; allowed is a number of bytes, or one with KiB, MiB/,
    ],
    [
      'a disk without size',
      { disks: [...threeDisks, { id: 'd4' }] },
      /^disks.3.size: expected a s/,
    ],
    [
      'memory with a wrong unit',
      { switches: ['s1', { id: 's2', limits: { layoutMemoryBytes: '16m' } }] },
      /^switches.1.limits.layoutMemoryBytes: "16m" is not a size/,
    ],
    [
      'an unknown limit',
      { switches: ['s1', { id: 's2', limits: { memory: 1 } }] },
      /^switches.1.limits.memory: unknown key; allowed are layoutMemoryBytes, mirrorsMax, seria/,
    ],
    [
      'an unknown policy',
      { policies: { path: 'x' } },
      /^policies.path: "x" is unknown; allowed ar/,
    ],
    [
      'a frame that is not whole blocks',
      { policies: { frameBytesMax: 5000 } },
      /^policies.frameBytesMax: 5000 is not a positive multiple of 4KiB/,
    ],
    ['a deadline of nothing', { policies: { ioDeadlineMs: 0 } }, /^policies.ioDeadlineMs: no I\/O/],
    ['a link with one end', linksOf(['s1']), /^links.13.ends: expected the two ends of a link/],
    ['a link in one word', linksOf('s1-d1'), /^links.13: expected the two ends of a link, as in/],
    ['a logical block of 1 KiB', volume({ logicalBlockBytes: 1024 }), /expected 512 or 4096/],
    ['hosts that are neither all nor a list', volume({ hosts: 'h1' }), /expected all, or a list/],
    ['a map of no known kind', coordinators({ map: 'x' }), /map: "x" is unknown; allowed are modu/],
  ]);
});

describe('a topology: names and links', () => {
  refuses([
    [
      'an actor id that occurs twice',
      { disks: [...threeDisks, disk('s1'), disk('d4')] },
      /^disks.3.id: the id s1 is taken; ids must differ among virtualizers, hosts, HBAs/,
    ],
    ['a volume id that occurs twice', { volumes: [smallVolume(), smallVolume()] }, /vol0 is taken/],
    ['a second link without id', linksOf(['s1', 'd1']), /^links.13: the id s1-d1 is taken.*second/],
    [
      'an unknown link end',
      linksOf(['s1', 'd9']),
      /^links.13.ends.1: there is no HBA, switch or d/,
    ],
    ['a link to a host', linksOf(['h1', 's1']), /h1 is a host; link its HBAs instead: h1-a, h1-b/],
    [
      'a link that is written twice, the second time from its other end',
      linksOf(['s2', 's1']),
      /^links.13: a link between s1 and s2 is there already; leave this one out/,
    ],
    ['a link to itself', linksOf(['s1', 's1']), /^links.13: a link from s1 to itself/],
    [
      'an HBA linked to a disk',
      linksOf(['h1-a', 'd1']),
      /between hba and disk; at least one end mu/,
    ],
    [
      'an unknown control fabric',
      { control: 'n2' },
      /^control: there is no fabric n2; there are n1/,
    ],
    [
      'a link on another fabric than its HBA',
      { fabrics: ['n1', 'n2'], ...linksOf({ id: 'x', ends: ['h1-a', 's1'], fabric: 'n2' }) },
      /^links.13.fabric: HBA h1-a is on fabric n1/,
    ],
    [
      'a link on a fabric that is not there',
      linksOf(['s1', 'd1', 'n7']),
      /^links.13.fabric: there is no fabric n7; there are n1/,
    ],
    [
      'a link that does not say its fabric where HBAs are on several',
      twoFabrics({ links: [...(twoFabrics().links as unknown[]), ['s1', 'd1']] }),
      /^links.\d+: say on which fabric this link is, as in \[s1, d1, n1\]: HBAs are on n1, n2/,
    ],
    [
      'a fabric that nothing is on',
      { fabrics: ['n1', 'n2'] },
      /^fabrics.1: no HBA and no link is on fabric n2, and it is not the one for control; leave it/,
    ],
    [
      'a link that is written twice, once without its fabric',
      linksOf(['s2', 's1', 'n1']),
      /^links.13: a link between s1 and s2 is there already; leave this one out/,
    ],
    [
      'a disk on another fabric than the only HBA: switches carry nothing from one to another',
      twoFabrics({
        hosts: [{ id: 'h1', hbas: ['h1-a'], exports: [{ volume: 'vol0' }] }],
        links: (twoFabrics().links as string[][]).filter(
          (link) => !['h1-b', 'd2'].some((id) => link.includes?.(id)) || link[2] === 'n2',
        ),
      }),
      /to its disk d2 within 4 links of one fabric that begins at a virtualizing switch/,
    ],
    [
      'a node of an unknown actor, of an HBA, and of an actor that runs elsewhere',
      {
        nodes: [
          { id: 'n', actors: ['q', 'h1-a', 'd1'] },
          { id: 'm', actors: ['d1'] },
        ],
      },
      /^nodes.0.actors.0: there is no host, switch, disk or virtualizer q/,
      /^nodes.0.actors.1: h1-a is an HBA; it runs in the node of its host/,
      /^nodes.1.actors.0: d1 already runs in node n/,
    ],
    [
      'a node that is named like the supervisor',
      { nodes: [{ id: 'supervisor', actors: ['d1'] }] },
      /^nodes.0.id: the node supervisor is Sanctor's own; choose another id/,
    ],
    [
      'an actor whose own node would be named like the supervisor',
      { virtualizers: ['supervisor'] },
      /^virtualizers.0.id: the node supervisor is Sanctor's own; choose another id/,
    ],
    [
      'a node named like an actor that runs by itself',
      { nodes: [{ id: 's1', actors: ['d1'] }] },
      /^nodes.0.id: s1 gets a node of that name already/,
    ],
  ]);
});

describe('a topology: exports', () => {
  const secondHost = (...exports: unknown[]) => ({
    hosts: [h1, { ...h2, exports }],
    ...linksOf(['h2-a', 's1']),
  });
  refuses([
    [
      'an export of an unknown volume',
      { hosts: [{ ...h1, exports: [{ volume: 'vol9' }] }] },
      /^hosts.0.exports.0.volume: there is no volume vol9; there are vol0/,
    ],
    [
      'an export by a host that may not use the volume',
      { hosts: [h1, h2], ...linksOf(['h2-a', 's1']), ...volume({ hosts: ['h2'] }) },
      /^hosts.0.exports.0.volume: volume vol0 is for h2, not for h1/,
    ],
    [
      'an address that is none',
      { hosts: [{ ...h1, exports: [export0({ listen: 'tcp://x' })] }] },
      /"tcp:\/\/x" is no address to listen on; allowed is nbd:\/\/HOST:PORT/,
    ],
    [
      'two hosts on one port',
      secondHost(export0({ attach: 'shared', listen: 'nbd://0.0.0.0:10809' })),
      /^hosts.1.exports.0.listen: nbd:\/\/0.0.0.0:10809 is taken by host h1/,
      /^hosts.1.exports.0.attach: host h1 attaches vol0 exclusive, host h2 shared; say shared for a/,
    ],
    [
      'a volume attached exclusively by two hosts',
      secondHost(export0({ listen: 'nbd://127.0.0.1:10810' })),
      /^hosts.1.exports.0.attach: host h1 attaches vol0 exclusively; say shared for both/,
    ],
    [
      'one name twice at one address',
      { hosts: [{ ...h1, exports: [export0(), export0()] }] },
      /^hosts.0.exports.1: the name vol0 is taken at nbd:\/\/127.0.0.1:10809/,
    ],
  ]);

  it('two hosts may share a volume on ports of their own, or on any free ones', () => {
    const shared = (listen: string) => [export0({ attach: 'shared', listen })];
    const listens = [
      ['nbd://127.0.0.1:10809', 'nbd://127.0.0.1:10810'],
      ['nbd://127.0.0.1:0', 'nbd://127.0.0.1:0'],
      ['nbd://127.0.0.1', 'unix:/tmp/nbd.sock'],
    ] as const;
    for (const [first, second] of listens) {
      const hosts = [
        { ...h1, exports: shared(first) },
        { ...h2, exports: shared(second) },
      ];
      expect(problemsOf(smallTopology({ hosts, ...linksOf(['h2-a', 's1']) }))).to.deep.equal([]);
    }
  });
});

describe('a topology: volumes', () => {
  const stripe = (of: unknown, stripBytes: unknown = '64KiB') => ({ stripe: { stripBytes, of } });
  const deep = (levels: number): unknown => (levels === 0 ? 'd1' : { concat: [deep(levels - 1)] });
  refuses([
    ['an unknown disk', layout('d9'), /^volumes.0.layout: there is no disk d9; there are d1, d2, /],
    ['an unknown host', volume({ hosts: ['h1', 'h9'] }), /^volumes.0.hosts.1: there is no host h9/],
    [
      'an unknown kind of layout',
      layout({ ring: ['d1'] }),
      /unknown kind of layout "ring"; allowed/,
    ],
    [
      'two kinds at once',
      layout({ mirror: [], stripe: {} }),
      /is not a layout; allowed is a disk i/,
    ],
    ['parity', layout({ parity: { of: ['d1', 'd2', 'd3'] } }), /parity is not served yet; allowed/],
    [
      'a lone mirror',
      layout({ mirror: ['d1'] }),
      /layout.mirror: a mirror is a list of at least 2/,
    ],
    ['a layout too deep', layout(deep(9)), /the layout is deeper than 8 levels/],
    [
      'an unknown key of a stripe',
      layout({ stripe: { of: ['d1'], width: 2 } }),
      /width: unknown key/,
    ],
    [
      'a strip of 5 KB',
      layout(stripe(['d1', 'd2'], '5KB')),
      /stripe.stripBytes: "5KB" is not a size/,
    ],
    [
      'a strip of 6 KiB',
      layout(stripe(['d1'], '6KiB')),
      /stripBytes: 6144 is not a strip; allowed/,
    ],
    [
      'a size that does not divide into strips',
      layout(stripe(['d1', 'd2', 'd3']), { size: '64MiB' }),
      /64MiB do not divide into rows of 3 strips of 64KiB; the nearest sizes that do: 65472KiB, 6/,
    ],
    [
      'a size of odd bytes',
      volume({ size: 4095 }),
      /size: 4095 is not a positive multiple of 4KiB/,
    ],
    [
      'a concat whose children do not make up its size',
      layout({
        concat: [
          { size: '1MiB', of: 'd1' },
          { size: '2MiB', of: 'd2' },
        ],
      }),
      /layout.concat: its children, 1MiB \+ 2MiB, must be multiples of 4KiB and make up 64MiB/,
    ],
    [
      'a mirror set with two mirrors on one disk',
      layout({ mirror: ['d1', { concat: ['d2', 'd1'] }] }),
      /layout.mirror.1.concat.1: disk d1 already holds another mirror of this set/,
    ],
    [
      'more copies than a coordinator writes',
      {
        switches: [{ id: 's1', limits: { mirrorsMax: 2 } }, 's2'],
        ...layout({ mirror: ['d1', 'd2', 'd3'] }),
      },
      /^volumes.0.layout: vol0 keeps 3 copies, but its coordinator s1 writes at most 2 \(limits.mir/,
    ],
    [
      'an unknown coordinator',
      coordinators({ map: 'modulo', switches: ['s3'] }),
      /no switch s3; th/,
    ],
    [
      'a coordinator that does not virtualize',
      {
        switches: ['s1', { id: 's2', virtualizing: false }],
        ...coordinators({ map: 'modulo', switches: ['s1', 's2'] }),
      },
      /^volumes.0.coordinators.switches.1: switch s2 is plain and cannot coordinate vol0; name a v/,
    ],
    [
      'volumes without any virtualizing switch',
      { switches: ['s1', 's2'].map((id) => ({ id, virtualizing: false })) },
      /^volumes.0.coordinators: no switch is virtualizing, so none can coordinate vol0; say virtua/,
    ],
    [
      'partitions that split regions',
      coordinators({ map: 'modulo', unitBytes: '64KiB' }),
      /^volumes.0.coordinators: unit 65536 is not a positive multiple of the region, 1048576/,
    ],
    [
      'one switch for two partitions',
      coordinators({ map: 'consecutive', bounds: ['32MiB'], switches: ['s1'] }),
      /^volumes.0.coordinators.switches: 1 bounds make 2 partitions, but 1 switches are named/,
    ],
    ['a region of odd bytes', volume({ regionBytes: 5000 }), /regionBytes: 5000 is not a positive/],
    [
      'a volume id of 49 letters',
      volumeNamed('v'.repeat(49)),
      /49 characters are too long for a vo/,
    ],
  ]);

  function volumeNamed(id: string): Written {
    return { hosts: [{ ...h1, exports: [] }], ...volume({ id }) };
  }
});
