/**
 * Keeps the load of switches in view (DESIGN H7): hears what they tell of themselves, measures with a small frame to
 * each of them how long an answer takes, and publishes which of them paths avoid. When that is, is `load-policy`'s.
 */
import { eventNames } from '../../protocols/events.ts';
import { type SwitchLoadFacts, switchTelemetrySchema } from '../../protocols/load.ts';
import type { Bus, Cancel, Clock, Timer } from '../../protocols/ports.ts';
import { senderOf } from '../../protocols/subjects.ts';
import type { Actor } from '../actor.ts';
import { decodeJson } from '../json.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { BalancePolicy } from './driver-policy.ts';
import { LoadPolicy } from './load-policy.ts';
import type { Paths } from './paths.ts';

export interface LoadBalanceParts {
  readonly actor: Actor;
  readonly control: Bus;
  readonly clock: Clock;
  readonly policy: BalancePolicy;
  readonly paths: Paths;
  readonly dispatcher: () => Dispatcher;
}

const tickMs = 500;
/** How much the latest measurement counts. */
const weight = 0.3;
/** What a switch told longer ago than this says nothing of now. */
const toldForMs = 3000;

interface Told {
  readonly load: SwitchLoadFacts;
  readonly atMs: number;
}

export class LoadBalance {
  readonly #parts: LoadBalanceParts;
  readonly #policy: LoadPolicy;
  readonly #told = new Map<string, Told>();
  /** By switch: the answer times of small frames, smoothed. */
  readonly #probedMs = new Map<string, number>();
  #answersMs = 0;
  #cancel: Cancel | null = null;
  #timer: Timer | null = null;

  constructor(parts: LoadBalanceParts) {
    this.#parts = parts;
    this.#policy = new LoadPolicy(parts.policy);
  }

  start(): void {
    const { actor, control, policy } = this.#parts;
    this.#cancel = control.subscribe(actor.subjects.telemetriesOf('switch'), {
      message: (data, subject) => this.#heard(data, subject),
    });
    if (policy.metric !== 'none') this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** What is known of each switch, for people. */
  facts(): readonly Record<string, unknown>[] {
    const ids = new Set([...this.#told.keys(), ...this.#probedMs.keys()]);
    return [...ids].map((id) => ({
      switch: id,
      answerMs: rounded(this.#probedMs.get(id) ?? null),
      queueDelayMs: this.#queueDelayMs(id),
      bytesPerSecond: this.#told.get(id)?.load.bytesPerSecond ?? null,
      avoided: this.#policy.isAvoided(id),
    }));
  }

  #heard(data: Uint8Array, subject: string): void {
    const id = senderOf(subject)?.sender.id;
    const told = switchTelemetrySchema.safeParse(decodeJson(data)).data;
    if (id === undefined || told === undefined) return;
    const { clock, paths } = this.#parts;
    this.#told.set(id, { load: told.facts.load, atMs: clock.now() });
    paths.switchState(id).queueDelayMs = told.facts.load.queueDelayMs;
  }

  #arm(): void {
    this.#timer = this.#parts.clock.setTimeout(() => {
      this.#tick();
      this.#arm();
    }, tickMs);
  }

  #tick(): void {
    const { clock, paths, dispatcher } = this.#parts;
    this.#takeAnswers();
    paths.forgetOldService();
    const ways = dispatcher().routes.byFirstSwitch();
    const measured = [...ways.keys()].map((id) => ({ id, metricMs: this.#metricMs(id) }));
    const changes = this.#policy.judge(measured, this.#answersMs, clock.now());
    for (const { id, isAvoided, reason } of changes) {
      paths.switchState(id).isAvoided = isAvoided;
      this.#parts.actor.tell(eventNames.balance, { switch: id, avoided: isAvoided, reason });
    }
    if (changes.length > 0) dispatcher().routesChanged();
    if (ways.size < 2) return;
    for (const route of ways.values()) dispatcher().measure(route);
  }

  #metricMs(id: string): number | null {
    const { policy, paths } = this.#parts;
    const { probeMs } = paths.switchState(id);
    paths.switchState(id).probeMs = null;
    if (probeMs !== null) {
      const before = this.#probedMs.get(id) ?? probeMs;
      this.#probedMs.set(id, before + weight * (probeMs - before));
    }
    const probedMs = this.#probedMs.get(id) ?? null;
    const queueDelayMs = this.#queueDelayMs(id);
    if (policy.metric === 'queueDelay') return queueDelayMs;
    return probedMs === null ? null : Math.max(probedMs, queueDelayMs ?? 0);
  }

  #queueDelayMs(id: string): number | null {
    const told = this.#told.get(id);
    if (told === undefined || this.#parts.clock.now() - told.atMs > toldForMs) return null;
    return told.load.queueDelayMs;
  }

  /** How long answers of disks took since the last tick, smoothed. */
  #takeAnswers(): void {
    const { answers } = this.#parts.paths;
    if (answers.count === 0) return;
    const averageMs = answers.sumMs / answers.count;
    answers.sumMs = 0;
    answers.count = 0;
    const before = this.#answersMs || averageMs;
    this.#answersMs = before + weight * (averageMs - before);
  }
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100;
}
