import { expect } from 'chai';
import { readVolume } from '../../../protocols/topology/read-volume.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { smallTopology, smallVolume, topologyOf, type Written } from './small-topology.ts';

const running = topologyOf(smallTopology());
const written = (change: Written = {}) => smallVolume({ id: 'vol1', ...change });

function problemsOf(value: unknown, topology: Topology = running): readonly string[] {
  const read = readVolume(topology, value);
  return read.ok ? [] : read.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`);
}

describe('a volume that is to be made while the cluster runs', () => {
  it('gets the same defaults as one of the topology’s file', () => {
    const volumes = [smallVolume(), written({ size: '1MiB' })];
    const inFile = topologyOf(smallTopology({ volumes })).volumes[1];
    const read = readVolume(running, written({ size: '1MiB' }));
    expect(read.ok && read.volume).to.deep.equal(inFile);
    expect(read.ok && read.volume.sizeBytes).to.equal(mebibyte);
  });

  it('is judged by the same rules, in the same words', () => {
    const two = { map: 'modulo', switches: ['s1', 's9'] };
    expect(problemsOf(written({ layout: { mirror: ['d1', 'd9'] }, coordinators: two }))).to.match(
      /^layout.mirror.1: there is no disk d9; there are d1, .*,coordinators.switches.1: there is no s/,
    );
    expect(problemsOf(written({ size: '100KiB' }))[0]).to.match(/^layout.stripe: .*do not divide/);
    expect(problemsOf(written({ color: 'red' }))[0]).to.match(
      /^color: unknown key; allowed are id/,
    );
    expect(problemsOf(7)).to.have.length(1);
    expect(problemsOf(smallVolume())).to.deep.equal([
      'id: there is a volume vol0 already; choose another id',
    ]);
  });

  it('is refused when no switch can serve it beside those that are there', () => {
    const limits = { layoutMemoryBytes: 4096 };
    const topology = topologyOf(smallTopology({ switches: ['s1', { id: 's2', limits }] }));
    expect(problemsOf(written(), topology)).to.have.length(1);
    expect(problemsOf(written(), topology)[0]).to.match(
      /^layout: the layout of vol1 takes 2944 bytes, but switch s2 has 1152 left/,
    );
    expect(problemsOf(written(), { ...topology, volumes: [] })).to.deep.equal([]);
  });

  it('is refused when there are as many volumes as a switch loads', () => {
    const [volume] = running.volumes;
    if (volume === undefined) throw new Error('no volume');
    const full = { ...running, volumes: new Array<typeof volume>(1024).fill(volume) };
    expect(problemsOf(written(), full)).to.deep.equal([
      ': vol1 is one volume too many: a switch loads at most 1024',
    ]);
  });

  it('is refused when a host that may use it does not reach it', () => {
    const topology = topologyOf(
      smallTopology({
        hosts: [
          { id: 'h1', hbas: ['h1-a'] },
          { id: 'h2', hbas: ['h2-a'] },
        ],
        links: [
          ['h1-a', 's1'],
          ['h2-a', 's2'],
          ...['d1', 'd2', 'd3', 'd4'].map((disk) => ['s1', disk]),
          ['s2', 'd1'],
        ],
        volumes: [],
      }),
    );
    const onS1 = { layout: 'd2', coordinators: { map: 'modulo', switches: ['s1'] } };
    expect(problemsOf(written({ ...onS1, hosts: ['h1'] }), topology)).to.deep.equal([]);
    const [disk, coordinator] = problemsOf(written(onS1), topology);
    expect(disk).to.match(/^layout: host h2 may use vol1 but has no way to its disk d2 within 4 /);
    expect(coordinator).to.match(/^: host h2 may use vol1 but has no way to its coordinator s1/);
  });
});
