/** A topology without problems, as plain values, to be bent by tests. */
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import type { Topology } from '../../../protocols/topology.ts';

export type Written = Record<string, unknown>;

/** One host with two HBAs, two switches, four disks, a stripe of mirrors; keys given here replace those. */
export function smallTopology(change: Written = {}): Written {
  return {
    cluster: 'test',
    fabrics: ['n1'],
    virtualizers: ['v1'],
    hosts: [{ id: 'h1', hbas: ['h1-a', 'h1-b'], exports: [{ volume: 'vol0' }] }],
    switches: ['s1', 's2'],
    disks: ['d1', 'd2', 'd3', 'd4'].map((id) => ({ id, size: '64MiB', store: 'memory' })),
    links: [
      ['h1-a', 's1'],
      ['h1-a', 's2'],
      ['h1-b', 's1'],
      ['h1-b', 's2'],
      ['s1', 's2'],
      ...['d1', 'd2', 'd3', 'd4'].flatMap((disk) => [
        ['s1', disk],
        ['s2', disk],
      ]),
    ],
    volumes: [smallVolume()],
    ...change,
  };
}

/** HBA a on n1, HBA b on n2, switches and disks on both; commands on c1. */
export function twoFabrics(change: Written = {}): Written {
  const onBoth = (one: string, other: string) => [
    [one, other, 'n1'],
    [one, other, 'n2'],
  ];
  return smallTopology({
    fabrics: ['n1', 'n2', 'c1'],
    control: 'c1',
    hosts: [
      { id: 'h1', hbas: ['h1-a', { id: 'h1-b', fabric: 'n2' }], exports: [{ volume: 'vol0' }] },
    ],
    links: [
      ...['h1-a', 'h1-b'].flatMap((hba) => ['s1', 's2'].map((each) => [hba, each])),
      ...['s1', 's2'].flatMap((each) =>
        ['d1', 'd2', 'd3', 'd4'].flatMap((disk) => onBoth(each, disk)),
      ),
      ...onBoth('s1', 's2'),
      { id: 'slow', ends: ['s1', 's2'], fabric: 'n2', speed: 0.1 },
    ],
    ...change,
  });
}

export function smallVolume(change: Written = {}): Written {
  const layout = {
    stripe: { stripBytes: '64KiB', of: [{ mirror: ['d1', 'd2'] }, { mirror: ['d3', 'd4'] }] },
  };
  return { id: 'vol0', size: '64MiB', layout, ...change };
}

/** @throws Error with all problems when there are any. */
export function topologyOf(written: Written): Topology {
  const read = parseTopology(written);
  if (read.ok) return read.topology;
  throw new Error(problemsOf(written).join('\n'));
}

/** As `a.0.b: what is wrong`. */
export function problemsOf(written: unknown): readonly string[] {
  const read = parseTopology(written);
  return read.ok ? [] : read.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`);
}
