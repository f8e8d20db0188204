/**
 * The proof that trouble does not reach the consumer: rounds of injections on each shipped topology. A step is one round,
 * in which each kind is struck and healed once.
 */
import { injectedTopologies } from './injection-kinds.ts';
import { injectionRound } from './injection-round.ts';
import type { Proof, ProofStep, StepResult } from './proof.ts';

const rounds = { short: 1, long: 20 } as const;

export const injectionsProof: Proof = {
  name: 'injections',
  shows: `the loss of links, HBAs and switches, read errors and slowness of a disk, and restarts of the NATS server, each ${rounds.long} times on ${injectedTopologies.map(({ shipped }) => shipped).join(' and ')}, are no errors for a consumer that verifies what it reads, and leave mirrors equal`,
  shortForm: ['test/cluster/real/injections.test.ts'],
  steps: ({ length }) =>
    Array.from({ length: rounds[length] }, (_, index) => index + 1).flatMap((round) =>
      injectedTopologies.map(
        (topology): ProofStep => ({
          id: `${topology.shipped} ${round}`,
          run: () => injectionRound({ topology, round }),
        }),
      ),
    ),
  conclude: (results) => ({ problems: [], lines: tableOf(results) }),
};

/** How often each kind was struck and healed on each topology. */
function tableOf(results: readonly StepResult[]): readonly string[] {
  return injectedTopologies.map(({ shipped, kinds }) => {
    const own = results.filter(({ id }) => id.startsWith(`${shipped} `));
    const counts = kinds.map(({ name }) => {
      const times = own.map(({ data }) => (data as Record<string, number>)[name] ?? 0);
      return `${name} ${times.reduce((sum, each) => sum + each, 0)}`;
    });
    return `${shipped}: ${counts.join(', ')}`;
  });
}
