/** What a volume goes through at its virtualizer, step by step, as it happens. */
import type { World } from '../../../cluster/simulation/world.ts';
import { copying, type Moment, momentOf, passesMax, struckStates } from './orders.ts';

const becameResyncing = 'stale > resyncing';

export class VolumeMoments {
  readonly #world: World;
  #before: ReadonlyMap<string, number> = new Map();
  #awaited: { readonly moment: Moment; readonly run: () => void } | null = null;

  constructor(world: World) {
    this.#world = world;
    world.clock.afterEach(() => this.#look());
  }

  /** Counts from now on. */
  begin(): void {
    this.#before = this.#counts();
  }

  /** What there was since `begin`. */
  met(): readonly Moment[] {
    const counts = this.#counts();
    return [...struckStates, copying].flatMap((state) => {
      const passes = Math.min(passesMax, this.#passes(state, counts));
      return Array.from({ length: passes }, (_, pass) => momentOf(state, pass + 1));
    });
  }

  /** Calls once, at the moment, or `laterMs` after it where it is one that lasts. Replaces an earlier call. */
  once(moment: Moment, laterMs: number, called: () => void): void {
    const { clock } = this.#world;
    const delayMs = moment.startsWith(copying) ? laterMs : 0;
    this.#awaited = { moment, run: () => clock.setTimeout(called, delayMs) };
  }

  #look(): void {
    const awaited = this.#awaited;
    if (awaited === null || !this.met().includes(awaited.moment)) return;
    this.#awaited = null;
    awaited.run();
  }

  #passes(state: string, counts: ReadonlyMap<string, number>): number {
    return (counts.get(state) ?? 0) - (this.#before.get(state) ?? 0);
  }

  #counts(): ReadonlyMap<string, number> {
    const { transitions, mirrors } = this.#world.coverage.counts;
    const counts = new Map([[copying, mirrors[becameResyncing] ?? 0]]);
    for (const [text, count] of Object.entries(transitions)) {
      const [, state] = /^volume: .* > (\S+)/.exec(text) ?? [];
      if (state !== undefined) counts.set(state, (counts.get(state) ?? 0) + count);
    }
    return counts;
  }
}
