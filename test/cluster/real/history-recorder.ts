/**
 * The history of one volume as the clients of one test process make it: they share its clock, its count of values,
 * and the checker that judges them together, through whatever host each of them comes.
 */
import { VolumeHistory } from '../../../cluster/history/volume-history.ts';

export const requestKinds = ['read', 'write', 'fua', 'zeroes', 'trim', 'flush'] as const;
export type RequestKind = (typeof requestKinds)[number];

/** `unanswered`: the connection ended first, so that nobody knows whether it was done. */
export type RequestOutcome = 'done' | 'error' | 'unanswered';

export class HistoryRecorder {
  readonly history = new VolumeHistory();
  readonly #counts = new Map<string, number>();
  /** What the errors said, and how often. */
  readonly errors = new Map<string, number>();
  reconnects = 0;
  #lastMoment = 0;
  #lastValue = 0;

  /** Microseconds of this process's clock, never twice the same. */
  now(): number {
    this.#lastMoment = Math.max(this.#lastMoment + 1, Math.floor(performance.now() * 1000));
    return this.#lastMoment;
  }

  /** A number that no other write puts into its sectors. */
  newValue(): number {
    this.#lastValue++;
    return this.#lastValue;
  }

  count(kind: RequestKind, outcome: RequestOutcome): void {
    const key = `${kind} ${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  countError(message: string): void {
    this.errors.set(message, (this.errors.get(message) ?? 0) + 1);
  }

  counted(kind: RequestKind, outcome: RequestOutcome): number {
    return this.#counts.get(`${kind} ${outcome}`) ?? 0;
  }

  total(outcome: RequestOutcome): number {
    return requestKinds.reduce((sum, kind) => sum + this.counted(kind, outcome), 0);
  }
}
