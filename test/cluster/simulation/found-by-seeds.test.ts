import { expect } from 'chai';
import { Run } from '../../../cluster/simulation/run.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { TopologyName } from '../../../cluster/simulation/topology-names.ts';

interface Found {
  readonly seed: number;
  readonly topology: TopologyName;
  readonly minutes: number;
  /** Those that it took; undefined: all. */
  readonly onlyFaults?: readonly number[];
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
  {
    seed: 27,
    topology: 'two-tier',
    minutes: 2,
    onlyFaults: [56, 100],
    what: 'a partition stayed with a switch to which a host had no way, because all others had been deaf lately',
  },
];

describe('seeds that found something', function () {
  this.timeout(60_000);

  for (const { seed, topology, minutes, onlyFaults, what } of found)
    it(`seed ${seed} on ${topology} passes: ${what}`, () => {
      const run = new Run({ seed, minutes, onlyFaults, topology: simulatedTopology(topology) });
      const report = run.run();
      expect(report.problems).to.deep.equal([]);
    });
});
