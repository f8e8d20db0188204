/** What can be done to a running cluster, and undone: each strike names its target and knows how it is healed. */
import { verbs } from '../../protocols/commands.ts';
import type { Fault } from '../../protocols/faults.ts';
import type { CoordinatorMove } from '../../protocols/volume-orders.ts';
import type { ClusterOperator } from './cluster-operator.ts';
import { untilAsync } from './until.ts';

export interface Strike {
  /** For people, as in `link:s1-d1 down`. */
  readonly what: string;
  /** Does it; resolves once it is done. */
  strike(operator: ClusterOperator): Promise<void>;
  /** Ends it; resolves once that was asked for. */
  heal(operator: ClusterOperator): Promise<void>;
}

/** A fault that `sanctor fault` knows. */
export function faultStrike(fault: Fault): Strike {
  return {
    what: `${fault.target} ${fault.kind}`,
    strike: (operator) => operator.strike(fault),
    heal: (operator) => operator.heal(fault.target),
  };
}

/** SIGKILL of a node's process, of which nobody was told before: its supervisor starts it again. */
export async function killStrike(operator: ClusterOperator, node: string): Promise<Strike> {
  const pid = await operator.pidOf(node);
  return {
    what: `node ${node} SIGKILL`,
    strike: async () => void process.kill(pid, 'SIGKILL'),
    heal: async () => {},
  };
}

/** SIGSTOP of a node's process, behind its supervisor's back, and later SIGCONT. */
export async function pauseStrike(operator: ClusterOperator, node: string): Promise<Strike> {
  const pid = await operator.pidOf(node);
  return {
    what: `node ${node} SIGSTOP`,
    strike: async () => void process.kill(pid, 'SIGSTOP'),
    heal: async () => void process.kill(pid, 'SIGCONT'),
  };
}

/** SIGKILL of the NATS server of a fabric: its supervisor starts it again at the same address. */
export async function natsStrike(operator: ClusterOperator, fabric: string): Promise<Strike> {
  const { nats } = await operator.status();
  const pid = nats.servers.find((server) => server.fabric === fabric)?.pid;
  if (typeof pid !== 'number') throw new Error(`the NATS server of fabric ${fabric} does not run`);
  return {
    what: `NATS server of ${fabric} SIGKILL`,
    strike: async () => void process.kill(pid, 'SIGKILL'),
    heal: async () => {},
  };
}

/** Takes the NATS server of a fabric away until it is healed. It is struck after the answer, so that is waited for. */
export function natsLossStrike(fabric: string): Strike {
  const target = `nats:${fabric}` as const;
  return {
    what: `${target} crash`,
    strike: async (operator) => {
      await operator.strike({ target, kind: 'crash' });
      const isGone = async () =>
        (await operator.status()).nats.servers.some(
          (server) => server.fabric === fabric && server.state === 'held',
        );
      await untilAsync(isGone, `the NATS server of ${fabric} to be gone`);
    },
    heal: (operator) => operator.heal(target),
  };
}

/** Has another switch coordinate a partition, as an operator does, and later whom the topology names. */
export function moveStrike({ volume, partition, to }: Required<CoordinatorMove>): Strike {
  const what = `partition ${partition} of ${volume} moved to ${to}`;
  return {
    what,
    strike: async (operator) => {
      const isTaken = async () => {
        const answer = await operator.order(verbs.moveCoordinator, { volume, partition, to });
        if (answer.ok) return true;
        // One that has just come back answers everybody before the virtualizer hears of it, or gets back what it had.
        if (answer.reason === 'not-ready' || answer.message.includes('is not there')) return false;
        throw new Error(answer.message);
      };
      await untilAsync(isTaken, what);
    },
    heal: async (operator) => {
      // Where it has already gone home, which is no error here, the answer is a refusal.
      await operator.order(verbs.moveCoordinator, { volume, partition });
    },
  };
}
