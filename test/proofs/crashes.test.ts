import { expect } from 'chai';
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { defaultTopologyFile, readTopologyFile } from '../../cluster/topology-file.ts';
import type { Node, Topology } from '../../protocols/topology.ts';
import {
  type Crash,
  type CrashKinds,
  crashesBehindConsumers,
  crashesOfAll,
  crashesOfOneDisk,
  crashText,
  drawCrashes,
} from './crash-plans.ts';
import type { CrashCount } from './crash-step.ts';
import { crashesProof } from './crashes.ts';

const rounds = 50;
const short = { length: 'short', jobs: 1 } as const;

describe('crashes that are drawn from a seed', () => {
  let nodes: readonly Node[];
  before(() => {
    nodes = topology().nodes;
  });

  const drawn = (kinds: CrashKinds, seed = 'some'): readonly Crash[] =>
    drawCrashes(kinds, rounds, { nodes, random: new SeededRandom(seed) });
  const nodesStruck = (crashes: readonly Crash[]) =>
    new Set(crashes.flatMap((crash) => crash.nodes));

  it('are the same for the same seed, and others for another one', () => {
    const texts = (seed: string) => drawn(crashesOfAll, seed).map(crashText);
    expect(texts('some')).to.deep.equal(texts('some'));
    expect(texts('some')).to.not.deep.equal(texts('other'));
    expect(new Set(texts('some'))).to.have.length.above(rounds / 4);
  });

  it('spare hosts and NATS servers where consumers must see no error, and strike all the others', () => {
    const crashes = drawn(crashesBehindConsumers);
    const others = nodes.map(({ id }) => id).filter((id) => id !== 'h1');
    expect([...nodesStruck(crashes)].sort()).to.deep.equal([...others].sort());
    expect(crashes.filter((each) => each.natsServers || each.supervisor)).to.deep.equal([]);
    const disks = ['d1', 'd2', 'd3', 'd4'];
    const withoutDisks = crashes.filter((each) => disks.every((id) => each.nodes.includes(id)));
    expect(withoutDisks.length, 'times that no disk was left').to.be.at.least((rounds / 5) * 2);
  });

  it('leave a mirror of each set where consumers flush', () => {
    const crashes = drawn(crashesOfOneDisk);
    const disks = crashes.map((each) => each.nodes.filter((id) => id.startsWith('d')).length);
    expect(new Set(disks)).to.deep.equal(new Set([1]));
  });

  it('spare nobody where clients come back: everything at once is among each five', () => {
    const crashes = drawn(crashesOfAll);
    expect([...nodesStruck(crashes)].sort()).to.deep.equal(nodes.map(({ id }) => id).sort());
    for (let first = 0; first < rounds; first += 5) {
      const five = crashes.slice(first, first + 5);
      expect(five.filter((each) => each.supervisor)).to.have.length(2);
      const all = five.filter((each) => each.natsServers && each.nodes.length === nodes.length);
      expect(all.filter((each) => each.supervisor)).to.have.length(1);
    }
  });
});

describe('the proof of crashes', () => {
  const results = (counts: readonly CrashCount[]) =>
    counts.map((data, index) => ({ id: `${index}`, said: '', problems: [], seconds: 1, data }));
  const conclude = (counts: readonly CrashCount[]) =>
    crashesProof.conclude?.(results(counts), short);

  it('kills 200 times in its long form', () => {
    expect(crashesProof.shows).to.match(/^200 times SIGKILL /);
  });

  it('says how often it killed, and how long it took at most until all was well', () => {
    const counts = [
      { rounds: 5, killed: 30, longestMs: 4000 },
      { rounds: 5, killed: 12, longestMs: 7100 },
    ];
    expect(conclude(counts)).to.deep.equal({
      problems: [],
      lines: ['10 rounds, 42 processes killed, well again after 7.1 s at most'],
    });
  });

  it('shows nothing when rounds are missing', () => {
    expect(conclude([{ rounds: 5, killed: 30, longestMs: 4000 }])?.problems).to.deep.equal([
      '5 of 10 rounds were done',
    ]);
  });
});

function topology(): Topology {
  const read = readTopologyFile(defaultTopologyFile);
  if (!read.ok) throw new Error('the default topology is refused');
  return read.topology;
}
