import { expect } from 'chai';
import { readTopologyFile } from '../../cluster/topology-file.ts';
import type { Topology } from '../../protocols/topology.ts';
import { onlyWays } from './only-ways.ts';

function shipped(name: string): Topology {
  const read = readTopologyFile(`cluster/topologies/${name}.yaml`);
  if (!read.ok) throw new Error(`${name} is refused`);
  return read.topology;
}

describe('the ways that a host cannot do without', () => {
  const all = ({ links, hosts }: Topology) => ({
    links: links.map(({ id }) => id),
    hbas: hosts.flatMap(({ hbas }) => hbas.map(({ id }) => id)),
  });

  it('are none where each HBA reaches each switch', () => {
    const topology = shipped('default');
    expect(onlyWays(topology, 'vol0', ['s1', 's2'], all(topology))).to.deep.equal({
      links: [],
      hbas: [],
    });
  });

  it('are those to a switch that only one HBA reaches, past no plain switch', () => {
    const topology = shipped('two-tier');
    expect(onlyWays(topology, 'vol0', ['s1', 's2'], all(topology))).to.deep.equal({
      links: ['h1-a-s1', 'h2-a-s1', 'h1-b-s2', 'h2-b-s2'],
      hbas: ['h1-a', 'h1-b', 'h2-a', 'h2-b'],
    });
    expect(onlyWays(topology, 'vol0', ['s2'], all(topology)).hbas).to.deep.equal(['h1-b', 'h2-b']);
    expect(onlyWays(topology, 'vol1', ['s3'], all(topology)).links).to.deep.equal([
      'h1-a-s1',
      's1-s3',
    ]);
  });
});
