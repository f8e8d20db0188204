/**
 * The proof that a volume keeps what it acknowledged in whatever order its mirrors' disks are killed and restarted: all
 * orders of two and of three disks, each also with one step moved into everything that a decision goes through. A step
 * is a few orders.
 */
import { joined, type KillOrderSum, sumText } from '../cluster/kill-orders/kill-order-sum.ts';
import { type Mirrors, moments, restingOrders, stepsMax } from '../cluster/kill-orders/orders.ts';
import { programStep } from './program-step.ts';
import type { Proof, ProofOptions, ProofStep, StepOutcome } from './proof.ts';

const program = 'test/cluster/kill-orders/main.js';
/** Of so many orders the short form has one. */
const shortEvery = { 2: 8, 3: 45 } as const;
const ordersPerStep = { 2: 4, 3: 9 } as const;
const problemsShown = 3;

export const killOrdersProof: Proof = {
  name: 'kill-orders',
  shows:
    `two and three mirrors keep what was acknowledged, or refuse and say who must come back, in every order of ${stepsMax} ` +
    'kills and restarts of their disks, each also with one of them moved through every step of a decision',
  shortForm: [
    'test/cluster/kill-orders/kill-orders.test.ts',
    'test/cluster/kill-orders/broken-rules.test.ts',
  ],
  steps: (options) => [...stepsOf(2, options), ...stepsOf(3, options)],
  conclude: (results, { length }) => {
    const sum = joined(results.map(({ data }) => data as KillOrderSum));
    const missing = moments.filter((moment) => sum.moved[moment] === undefined);
    const problems =
      length === 'long' && missing.length > 0 ? [`nothing was moved to ${missing.join(', ')}`] : [];
    const places = Object.entries(sum.moved).map(([moment, count]) => `${moment} ${count}`);
    return { problems, lines: [sumText(sum), `moved: ${places.join(', ')}`] };
  },
};

function stepsOf(mirrors: Mirrors, { length, jobs }: ProofOptions): readonly ProofStep[] {
  const every = length === 'long' ? 1 : shortEvery[mirrors];
  const orders = restingOrders(mirrors).filter((_, index) => index % every === 0);
  const size = ordersPerStep[mirrors];
  return Array.from({ length: Math.ceil(orders.length / size) }, (_, index) => {
    const own = orders.slice(index * size, (index + 1) * size);
    return { id: `${own[0]} to ${own.at(-1)}`, run: () => runOrders(own, jobs) };
  });
}

/** Divided among so many processes. */
async function runOrders(orders: readonly string[], jobs: number): Promise<StepOutcome> {
  const shares = Array.from({ length: jobs }, (_, job) =>
    orders.filter((_, index) => index % jobs === job),
  ).filter((share) => share.length > 0);
  const outcomes = await Promise.all(
    shares.map((share) =>
      programStep('', { words: [program, '--moved', ...share], outcomeOf }).run(),
    ),
  );
  const sum = joined(
    outcomes.flatMap(({ data }) => (data === undefined ? [] : [data as KillOrderSum])),
  );
  return { said: sumText(sum), problems: outcomes.flatMap(({ problems }) => problems), data: sum };
}

function outcomeOf(output: string, _: boolean, ending: string): StepOutcome {
  const line = output.split('\n').findLast((each) => each.startsWith('{"orders"'));
  if (line === undefined)
    return { said: 'broke off', problems: [`ended with ${ending}:\n${output}`] };
  const sum = JSON.parse(line) as KillOrderSum;
  const problems = sum.failed.map(
    ({ name, problems: own }) => `${name}: ${own.slice(0, problemsShown).join('; ')}`,
  );
  return { said: sumText(sum), problems, data: sum };
}
