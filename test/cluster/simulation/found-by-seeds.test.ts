import { expect } from 'chai';
import { Run } from '../../../cluster/simulation/run.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { TopologyName } from '../../../cluster/simulation/topology-names.ts';

interface Found {
  readonly seed: number;
  readonly topology: TopologyName;
  readonly minutes: number;
  readonly what: string;
}

/** What was wrong once, and the seed that met it. The rule itself has a test of its own beside the code. */
const found: readonly Found[] = [
  {
    seed: 106,
    topology: 'default',
    minutes: 2,
    what: 'a write of a host that died arrived while another host went on, and was taken for a ghost',
  },
  {
    seed: 122,
    topology: 'default',
    minutes: 2,
    what: 'a flush through one host did not make durable what had been acknowledged to another',
  },
  {
    seed: 292,
    topology: 'default',
    minutes: 2,
    what: 'a disk that was stopped while it was being opened left a write behind that no later one got past',
  },
];

describe('seeds that found something', function () {
  this.timeout(60_000);

  for (const { seed, topology, minutes, what } of found)
    it(`seed ${seed} on ${topology} passes: ${what}`, () => {
      const report = new Run({ seed, minutes, topology: simulatedTopology(topology) }).run();
      expect(report.problems).to.deep.equal([]);
    });
});
