/**
 * Reports switches that owe this host answers to the virtualizers: who waits for an answer meets a silent switch first.
 * Whether it is silent, or only slow, or this host is, is for the virtualizer to find out; so a report costs little, and
 * is made early: after several times what answers by that way usually take.
 */
import { type SuspectReport, verbs } from '../../protocols/commands.ts';
import type { HostId, SwitchId, VirtualizerId } from '../../protocols/ids.ts';
import type { Actor } from '../actor.ts';
import type { SwitchState } from './route-table.ts';
import { type Slot, SlotState } from './slots.ts';

export interface SuspectReportsParts {
  readonly host: HostId;
  readonly virtualizers: readonly VirtualizerId[];
  readonly actor: Actor;
  readonly reportAfterMs: number;
  /** The switches that the host knows of. */
  readonly switches: () => Iterable<SwitchState>;
  /** Sends something small by each of them: where all I/O waits for one, nothing else shows whether the others answer. */
  readonly tryAll: () => void;
}

/** An answer is owed for long when it is by so many times later than usual. */
const usualTimes = 6;
/** An answer that is owed for this part of the time before a report is kept in mind, however it goes on. */
const notedPart = 1 / 4;
/** A switch is reported this often, while it owes answers. */
const reportIntervalMs = 500;
/** Whoever looks so late stood still itself: answers that it has not read are not owed. */
const lateMsMax = 200;
const reportTimeoutMs = 1000;
/** As many as a report may name. */
const suspectsMax = 64;

type Suspect = SuspectReport['suspects'][number];

export class SuspectReports {
  readonly #parts: SuspectReportsParts;
  /** By switch, when it was reported last. */
  readonly #reportedAtMs = new Map<SwitchId, number>();
  readonly #found = new Map<SwitchId, Suspect>();
  #awakeSinceMs = 0;
  #isJustAwake = false;

  constructor(parts: SuspectReportsParts) {
    this.#parts = parts;
  }

  /** A sweep begins that was due at `dueMs`. */
  sweepBegins(nowMs: number, dueMs: number): void {
    const isLate = nowMs - dueMs > lateMsMax;
    if (isLate) this.#awakeSinceMs = nowMs;
    this.#isJustAwake = isLate && !this.#isJustAwake;
  }

  /**
   * True in a sweep that comes so late that this host stood still itself, and may have answers that it has not read yet;
   * never twice in a row, so that one that is slow all the time gives nothing up for lost too late.
   */
  get isJustAwake(): boolean {
    return this.#isJustAwake;
  }

  /** Looks whether the switches on a slot's way owe it an answer for too long. */
  look({ state, route, sentAtMs, io, isMeasure }: Slot, nowMs: number): void {
    const { reportAfterMs } = this.#parts;
    const sinceMs = Math.max(sentAtMs, this.#awakeSinceMs);
    if (state !== SlotState.sent || route === null || isMeasure) return;
    if (nowMs - sinceMs < reportAfterMs * notedPart) return;
    const usualMs = route.service.answerMs;
    const patienceMs = Math.max(reportAfterMs, usualTimes * usualMs);
    for (const each of route.switches)
      if (each.answeredAtMs <= sinceMs) {
        // What is sent again may take another way; and a probe speaks for its one way only, others may work.
        const isOwed = io !== null;
        if (isOwed && each.owesSinceMs <= each.answeredAtMs) each.owesSinceMs = sinceMs;
        const fromMs = isOwed ? each.owesSinceMs : sinceMs;
        if (nowMs - fromMs >= patienceMs) this.#note(each, fromMs, usualMs, nowMs);
      }
  }

  /** Tells what the sweep found. */
  sweepEnds(): void {
    if (this.#found.size === 0) return;
    const { host, virtualizers, actor, tryAll } = this.#parts;
    const suspects = [...this.#found.values()].slice(0, suspectsMax);
    this.#found.clear();
    if (suspects.some(({ othersAnswer }) => !othersAnswer)) tryAll();
    const body: SuspectReport = { host, suspects };
    for (const id of virtualizers)
      actor.ask({ kind: 'virtualizer', id }, verbs.suspect, body, reportTimeoutMs, () => {});
  }

  #note({ id }: SwitchState, sinceMs: number, usualMs: number, nowMs: number): void {
    const reportedAtMs = this.#reportedAtMs.get(id) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - reportedAtMs < reportIntervalMs) return;
    this.#reportedAtMs.set(id, nowMs);
    const othersAnswer = [...this.#parts.switches()].some(
      (other) => other.id !== id && other.answeredAtMs > sinceMs,
    );
    this.#found.set(id, { switch: id, silentMs: nowMs - sinceMs, usualMs, othersAnswer });
  }
}
