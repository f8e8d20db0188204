/**
 * The proof that trouble does not reach the consumer: rounds of injections on each shipped topology. A step is one round,
 * in which each kind is struck and healed once, where it can be met by I/O. A kind that hardly ever was met has shown
 * nothing, and then nothing is proven.
 */
import { injectedTopologies } from './injection-kinds.ts';
import { injectionRound, type KindCount, type RoundData } from './injection-round.ts';
import type { Conclusion, Proof, ProofOptions, ProofStep, StepResult } from './proof.ts';

const rounds = { short: 1, long: 20 } as const;

/** Of all strikes of a kind. I/O may turn elsewhere just before one, but not time after time. */
const metShareMin = 0.5;

export const injectionsProof: Proof = {
  name: 'injections',
  shows: `the loss of links, HBAs and switches, partitions between coordinators and hosts or disks, read errors and slowness of a disk, and restarts of the NATS server, each met by I/O, and ${rounds.long} times on ${injectedTopologies.map(({ shipped }) => shipped).join(' and ')}, are no errors for consumers that verify what they read, and leave mirrors equal`,
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
  conclude: concludeInjections,
};

/** How often each kind was struck and met on each topology, and, where there are many rounds, whether that is enough. */
export function concludeInjections(
  results: readonly StepResult[],
  { length }: Pick<ProofOptions, 'length'>,
): Conclusion {
  const sums = injectedTopologies.map(({ shipped, kinds }) => {
    const own = results.filter(({ id }) => id.startsWith(`${shipped} `));
    const counts = kinds.map(({ name }) => ({ name, ...sumOf(name, own) }));
    return { shipped, counts };
  });
  const lines = sums.map(({ shipped, counts }) => {
    const texts = counts.map(({ name, times, met }) => `${name} ${times} (${met} met)`);
    return `${shipped}: ${texts.join(', ')}`;
  });
  const problems = sums.flatMap(({ shipped, counts }) =>
    counts
      .filter(({ times, met }) => times === 0 || met < metShareMin * times)
      .map(
        ({ name, times, met }) =>
          `${shipped}: ${met} of ${times} strikes of the kind ${name} were met by I/O: too few to show anything`,
      ),
  );
  return { problems: length === 'long' ? problems : [], lines };
}

/** Over all rounds that came to the kind. */
function sumOf(name: string, results: readonly StepResult[]): Pick<KindCount, 'times' | 'met'> {
  // A step that threw has no data.
  const counts = results.flatMap(({ data }) => (data as RoundData | undefined)?.[name] ?? []);
  return {
    times: counts.reduce((sum, { times }) => sum + times, 0),
    met: counts.reduce((sum, { met }) => sum + met, 0),
  };
}
