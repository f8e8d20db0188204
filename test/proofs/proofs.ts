/** All proofs, by what the project claims. */
import { mochaStep } from './mocha-step.ts';
import { mutantsProof } from './mutants.ts';
import type { Proof } from './proof.ts';
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
  mutantsProof,
  proofOfTests('clients', 'real clients find what they wrote on real processes', [
    'test/cluster/real/clients.test.ts',
    'test/cluster/real/processes.test.ts',
    'test/cluster/real/data-kept.test.ts',
  ]),
];
