/**
 * Keeps the load of switches in view (DESIGN H7): hears what they tell of themselves, measures with small frames how long
 * an answer takes through each of them and past it, and publishes which of them paths avoid. When that is, is
 * `load-policy`'s.
 */
import { type BalanceFields, eventNames } from '../../protocols/events.ts';
import type { SwitchId } from '../../protocols/ids.ts';
import { type SwitchLoadFacts, switchTelemetrySchema } from '../../protocols/load.ts';
import type { Bus, Cancel, Clock, Timer } from '../../protocols/ports.ts';
import { senderOf } from '../../protocols/subjects.ts';
import type { Actor } from '../actor.ts';
import { decodeJson } from '../json.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { BalancePolicy } from './driver-policy.ts';
import type { DriverRoute } from './driver-routes.ts';
import { type Comparison, comparisonsOf } from './load-comparison.ts';
import { type Judgement, LoadPolicy, type MeasuredSwitch } from './load-policy.ts';
import type { Paths } from './paths.ts';
import type { RouteEntry } from './route-table.ts';

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
/** What a switch told, or what came through it, longer ago than this says nothing of now. */
const toldForMs = 3000;

interface Told {
  readonly load: SwitchLoadFacts;
  readonly atMs: number;
}

/** How long answers that came through a switch took of late. */
interface Answered {
  readonly averageMs: number;
  readonly atMs: number;
}

export class LoadBalance {
  readonly #parts: LoadBalanceParts;
  readonly #policy: LoadPolicy;
  readonly #told = new Map<string, Told>();
  /** By switch: what was measured of it last. */
  readonly #measured = new Map<string, MeasuredSwitch>();
  readonly #answered = new Map<string, Answered>();
  #answers = { averageMs: 0, count: 0 };
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
    const ids = new Set([...this.#told.keys(), ...this.#measured.keys()]);
    return [...ids].map((id) => ({
      switch: id,
      answerMs: rounded(this.#measured.get(id)?.metricMs ?? null),
      pastItMs: rounded(this.#measured.get(id)?.otherMs ?? null),
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
    const comparisons = comparisonsOf(dispatcher().routes.all());
    const measured = comparisons.map((each) => this.#measure(each));
    for (const each of measured) this.#measured.set(each.id, each);
    const judgements = this.#policy.judge(measured, this.#answers, clock.now());
    for (const each of judgements) this.#tell(each);
    const changes = judgements.filter(
      ({ id, isAvoided }) => paths.switchState(id).isAvoided !== isAvoided,
    );
    for (const { id, isAvoided } of changes) paths.switchState(id).isAvoided = isAvoided;
    if (changes.length > 0) dispatcher().routesChanged();
    const ways = new Map<string, DriverRoute>();
    for (const { through, past } of comparisons)
      for (const way of [through, past]) ways.set(textOf(way.route), way);
    for (const way of ways.values()) dispatcher().measure(way, true);
    // Who is silent is found out, too, where nobody reads or writes.
    dispatcher().tryFirsts();
  }

  #measure({ id, through, past }: Comparison): MeasuredSwitch {
    const metricMs = this.#metricMs(through.route, [id]);
    const otherMs = this.#metricMs(past.route, past.route.ends);
    const answered = this.#answered.get(id);
    const isNew = answered !== undefined && this.#parts.clock.now() - answered.atMs <= toldForMs;
    return { id, metricMs, otherMs, answersMs: isNew ? answered.averageMs : 0 };
  }

  /** Of a way, as far as these switches on it account for it. */
  #metricMs({ service: { measuredMs } }: RouteEntry, ids: readonly string[]): number | null {
    const delays = ids.flatMap((id) => this.#queueDelayMs(id) ?? []);
    const queueDelayMs = delays.length === 0 ? null : Math.max(...delays);
    if (this.#parts.policy.metric === 'queueDelay') return queueDelayMs;
    return measuredMs === null ? null : Math.max(measuredMs, queueDelayMs ?? 0);
  }

  #queueDelayMs(id: string): number | null {
    const told = this.#told.get(id);
    if (told === undefined || this.#parts.clock.now() - told.atMs > toldForMs) return null;
    return told.load.queueDelayMs;
  }

  #tell({ id, isAvoided, reason, gain }: Judgement): void {
    const fields: BalanceFields = {
      switch: id as SwitchId,
      avoided: isAvoided,
      reason,
      ...(gain === null
        ? {}
        : {
            beforeMs: rounded(gain.beforeMs) ?? 0,
            sinceMs: rounded(gain.sinceMs) ?? 0,
            ios: gain.ios,
          }),
    };
    this.#parts.actor.tell(eventNames.balance, fields);
  }

  /** How long answers of disks took since the last tick, smoothed: all of them, and those through each switch. */
  #takeAnswers(): void {
    const { paths, clock } = this.#parts;
    const { answers } = paths;
    const { averageMs, count } = this.#answers;
    if (answers.count > 0)
      this.#answers = {
        averageMs: smoothed(averageMs, answers.sumMs / answers.count),
        count: count + answers.count,
      };
    answers.sumMs = 0;
    answers.count = 0;
    for (const each of paths.switches) {
      if (each.answers === 0) continue;
      const before = this.#answered.get(each.id)?.averageMs ?? 0;
      const latestMs = each.answersMs / each.answers;
      this.#answered.set(each.id, { averageMs: smoothed(before, latestMs), atMs: clock.now() });
      each.answers = 0;
      each.answersMs = 0;
    }
  }
}

/** @param beforeMs 0: there was nothing before */
function smoothed(beforeMs: number, latestMs: number): number {
  return beforeMs === 0 ? latestMs : beforeMs + weight * (latestMs - beforeMs);
}

function textOf({ links, target }: RouteEntry): string {
  return `${links.map(({ link }) => link).join(' ')} ${target.id}`;
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100;
}
