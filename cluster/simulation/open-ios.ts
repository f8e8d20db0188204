/** Whether the I/O of consumers ends in time, and as it must, while a run goes on (DESIGN I12). */
import type { Topology } from '../../protocols/topology.ts';
import type { Consumers } from './consumers.ts';
import type { Verdict } from './run-report.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** How long an I/O may be open beyond its deadline. */
const deadlineSlackMs = 2000;

/** No I/O may be open for longer, from when its host can end it: a write may be in doubt for another deadline. */
export function openMsMax({ policies }: Topology): number {
  return 2 * policies.ioDeadlineMs + deadlineSlackMs;
}

export class OpenIos {
  readonly #world: World;
  readonly #consumers: Consumers;
  readonly #isAlone: boolean;
  /** When a host's process was last seen paused: its I/O cannot end then. */
  #hostPausedMs = 0;

  /** @param isAlone faults strike one at a time: none of them may be an error for a consumer */
  constructor(world: World, consumers: Consumers, isAlone: boolean) {
    this.#world = world;
    this.#consumers = consumers;
    this.#isAlone = isAlone;
  }

  /** What is wrong now; null when nothing is. To be asked often. */
  problem(): { readonly verdict: Verdict; readonly what: string } | null {
    const { clock, nodes, topology } = this.#world;
    const nowMs = clock.now();
    const isPaused = ({ kind, process }: SimulatedNode) =>
      kind === 'host' && process?.state === 'paused';
    if (nodes.some(isPaused)) this.#hostPausedMs = nowMs;
    const openMs = nowMs - Math.max(this.#consumers.openSinceMs, this.#hostPausedMs);
    if (openMs > openMsMax(topology)) {
      const what = `an I/O is open ${Math.round(openMs)} ms after it began`;
      return { verdict: 'stuck', what };
    }
    const { failed } = this.#consumers.counts;
    if (!this.#isAlone || failed === 0) return null;
    const what = `${failed} I/Os ended with an error although one fault struck at a time`;
    return { verdict: 'wrong', what };
  }
}
