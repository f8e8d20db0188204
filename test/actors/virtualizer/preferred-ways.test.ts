/** What the ways that hosts prefer mean for who coordinates their writes (H8). */
import { expect } from 'chai';
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const switches = ['s1', 's2', 's3', 's4'];
const disks = ['d1', 'd2', 'd3', 'd4'];

/** One host on four switches that reach every disk; s1 and s2 coordinate. */
function wideTopology(): Topology {
  const read = parseTopology({
    cluster: 'test',
    fabrics: ['f1'],
    virtualizers: ['v1'],
    hosts: [{ id: 'h1', hbas: ['h1-a'] }],
    switches,
    disks: disks.map((id) => ({ id, size: '1GiB', store: 'memory' })),
    links: switches.flatMap((id) => [['h1-a', id], ...disks.map((disk) => [id, disk])]),
    volumes: [
      {
        id: 'vol0',
        size: '64MiB',
        layout: { mirror: disks },
        coordinators: { map: 'modulo', switches: ['s1', 's2', 's1', 's2'] },
      },
    ],
  });
  if (!read.ok) throw new Error(read.problems.map(({ problem }) => problem).join('; '));
  return read.topology;
}

describe('the ways that hosts prefer', () => {
  let world: VirtualizerWorld;
  let told = 0;
  /** Says, as h1, which switches its ways to all disks lead through, the best ones first. */
  const prefer = (order: string, failed: readonly string[] = []) => {
    const paths = disks.flatMap((id) =>
      order.split(' ').map((through) => ({
        ...{ target: { kind: 'disk', id }, hba: 'h1-a' },
        links: [`h1-a-${through}`, `${through}-${id}`],
      })),
    );
    told++;
    const body = { host: 'h1', hostIncarnation: 7, number: told, paths, failed };
    expect(world.command('prefer-paths', body)).to.deep.equal({ ok: true });
  };
  const coordinators = () =>
    world
      .record()
      .partitions.map(({ coordinator }) => coordinator)
      .join(' ');

  beforeEach(() => {
    told = 0;
    world = new VirtualizerWorld(wideTopology());
    world.startVirtualizer();
    world.start(...disks, ...switches, 'h1');
    world.host('h1').attach('vol0');
    world.until(() => world.host('h1').isAttached('vol0'), 'vol0 serves h1');
    expect(coordinators()).to.equal('s1 s2 s1 s2');
  });

  it('decide who stands in for a switch that was lost', () => {
    prefer('s4 s3 s1 s2');
    world.kill('s2');
    world.until(() => coordinators() !== 's1 s2 s1 s2', 'others coordinate');
    expect(coordinators()).to.equal('s1 s4 s1 s4');
  });

  it('that lead over what is gone or has failed are passed over for the next best', () => {
    prefer('s2 s4 s3 s1', ['s4-d1', 's4-d2', 's4-d3']);
    world.kill('s2');
    world.until(() => coordinators() !== 's1 s2 s1 s2', 'others coordinate');
    expect(coordinators()).to.equal('s1 s3 s1 s3');
  });

  it('move nobody’s partitions when they change, back and forth', () => {
    prefer('s4 s3 s1 s2');
    world.kill('s2');
    world.until(() => coordinators() === 's1 s4 s1 s4', 's4 stands in');
    world.untilState('serving');
    const { generation } = world.record();
    for (let round = 0; round < 20; round++) {
      prefer(round % 2 === 0 ? 's3 s4 s1' : 's1 s3 s4');
      world.run(5000);
    }
    expect(coordinators()).to.equal('s1 s4 s1 s4');
    expect(world.record().generation, 'nothing was decided').to.equal(generation);
    world.start('s2');
    world.until(() => coordinators() === 's1 s2 s1 s2', 'it has back what it is meant to have');
  });
});
