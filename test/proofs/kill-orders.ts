/**
 * The proof that a volume keeps what it acknowledged in whatever order its mirrors' disks are killed and restarted: all
 * orders of two and of three disks, each also with one step moved into everything that a decision goes through. A step
 * is a few orders. Of three disks that lose their power not all orders are carried out.
 */
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { joined, type KillOrderSum, sumText } from '../cluster/kill-orders/kill-order-sum.ts';
import {
  type Kill,
  type Mirrors,
  moments,
  restingOrders,
  stepsMax,
} from '../cluster/kill-orders/orders.ts';
import { programStep } from './program-step.ts';
import type { Proof, ProofLength, ProofOptions, ProofStep, StepOutcome } from './proof.ts';

const program = 'test/cluster/kill-orders/main.js';
const problemsShown = 3;

interface Family {
  readonly mirrors: Mirrors;
  readonly kill: Kill;
  /** Of so many neighbouring orders one is drawn; it is carried out with all that are made of it. */
  readonly every: Readonly<Record<ProofLength, number>>;
  readonly perStep: number;
}

const families: readonly Family[] = [
  { mirrors: 2, kill: 'process', every: { short: 8, long: 1 }, perStep: 4 },
  { mirrors: 3, kill: 'process', every: { short: 81, long: 1 }, perStep: 9 },
  { mirrors: 2, kill: 'power', every: { short: 16, long: 1 }, perStep: 4 },
  { mirrors: 3, kill: 'power', every: { short: 243, long: 7 }, perStep: 9 },
];

export const killOrdersProof: Proof = {
  name: 'kill-orders',
  shows:
    `two and three mirrors keep what was acknowledged, or refuse and say who must come back, in every order of ${stepsMax} ` +
    'kills and restarts of their disks, each also with one of them moved through every step of a decision; so they do ' +
    'with what is durable when disks lose their power',
  shortForm: [
    'test/cluster/kill-orders/kill-orders.test.ts',
    'test/cluster/kill-orders/broken-rules.test.ts',
  ],
  steps: (options) => families.flatMap((family) => stepsOf(family, options)),
  conclude: (results, { length }) => {
    const sum = joined(results.map(({ data }) => data as KillOrderSum));
    const missing = moments.filter((moment) => sum.moved[moment] === undefined);
    const problems =
      length === 'long' && missing.length > 0 ? [`nothing was moved to ${missing.join(', ')}`] : [];
    const places = Object.entries(sum.moved).map(([moment, count]) => `${moment} ${count}`);
    return { problems, lines: [sumText(sum), `moved: ${places.join(', ')}`] };
  },
};

function stepsOf(family: Family, { length, jobs }: ProofOptions): readonly ProofStep[] {
  const { mirrors, kill, every, perStep } = family;
  const random = new SeededRandom(`${mirrors} ${kill}`);
  const all = restingOrders(mirrors, kill);
  const orders = Array.from({ length: Math.floor(all.length / every[length]) }, (_, index) =>
    random.pick(all.slice(index * every[length], (index + 1) * every[length])),
  );
  return Array.from({ length: Math.ceil(orders.length / perStep) }, (_, index) => {
    const own = orders.slice(index * perStep, (index + 1) * perStep);
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
