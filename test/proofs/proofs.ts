/** All proofs, by what the project claims. */
import { crashesProof } from './crashes.ts';
import { failoverProof } from './failover.ts';
import { fuzzProof } from './fuzz.ts';
import { injectionsProof } from './injections.ts';
import { killOrdersProof } from './kill-orders.ts';
import { mochaStep } from './mocha-step.ts';
import { mutantsProof } from './mutants.ts';
import { powerCutsProof } from './power-cuts.ts';
import type { Proof } from './proof.ts';
import { rotProof } from './rot.ts';
import { seedsProof } from './seeds.ts';

/** A proof whose steps are test files: short in `npm test`, long here. */
function proofOfTests(name: string, shows: string, files: readonly string[]): Proof {
  return {
    name,
    shows,
    shortForm: files,
    steps: ({ length }) => files.map((file) => mochaStep(file, length)),
  };
}

export const proofs: readonly Proof[] = [
  seedsProof,
  killOrdersProof,
  powerCutsProof,
  mutantsProof,
  fuzzProof,
  injectionsProof,
  crashesProof,
  rotProof,
  proofOfTests('clients', 'real clients find what they wrote on real processes', [
    'test/cluster/real/clients.test.ts',
    'test/cluster/real/processes.test.ts',
    'test/cluster/real/data-kept.test.ts',
  ]),
  proofOfTests(
    'histories',
    'what clients see of real processes is one history: through two hosts at once, while they hang up and ask again, while processes and NATS servers are killed',
    [
      'test/cluster/real/shared-volume.test.ts',
      'test/cluster/real/history.test.ts',
      'test/cluster/real/edge-order.test.ts',
      'test/cluster/real/nats-trouble.test.ts',
      'test/cluster/real/two-fabrics.test.ts',
      'test/cluster/real/paused-coordinator.test.ts',
    ],
  ),
  proofOfTests('refusals', 'every bad input gets an error that says what is wrong and what to do', [
    'test/cluster/real/bad-input.test.ts',
    'test/cluster/real/refusals.test.ts',
    'test/cluster/real/restored-disks.test.ts',
    'test/cluster/real/commands.test.ts',
    'test/cluster/real/several-hosts.test.ts',
    'test/cluster/real/volumes.test.ts',
    'test/cluster/real/faults.test.ts',
    'test/cluster/real/explain.test.ts',
    'test/cluster/real/processes.test.ts',
    'test/cluster/real/nats-trouble.test.ts',
    'test/cluster/cli/errors.test.ts',
    'test/cluster/nats/server-binary.test.ts',
    'test/cluster/topology-file.test.ts',
    'test/protocols/topology/topology-problems.test.ts',
    'test/protocols/topology/structure-problems.test.ts',
  ]),
  proofOfTests(
    'trouble',
    'consumers see no error while any way or mirror is left, and nothing stale',
    [
      'test/cluster/real/mirror-retry.test.ts',
      'test/cluster/real/ways.test.ts',
      'test/cluster/real/caches.test.ts',
      'test/cluster/paths/all-but-one.test.ts',
      'test/cluster/paths/fabric-loss.test.ts',
      'test/cluster/paths/load.test.ts',
      'test/cluster/paths/quarantine.test.ts',
      'test/cluster/paths/reach.test.ts',
      'test/cluster/paths/silence.test.ts',
      'test/cluster/simulation/stale-reads.test.ts',
      'test/cluster/simulation/cut-off-reads.test.ts',
      'test/cluster/simulation/lone-faults.test.ts',
    ],
  ),
  failoverProof,
  proofOfTests(
    'file-system',
    'a file system on a volume, and databases in it, lose no commit whatever is killed; needs root, FUSE and loop devices',
    ['test/cluster/real/file-system.test.ts'],
  ),
  proofOfTests('discovery', 'every actor answers NATS service discovery by the rules, under load', [
    'test/cluster/real/discovery.test.ts',
  ]),
];
