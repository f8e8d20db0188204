/**
 * When a host leaves a switch because of its load, and when it returns (DESIGN H7). Pure: given what was measured and
 * when, it says which switches are avoided. Made not to go back and forth: a switch must be much slower than a way past
 * it for some time, must be almost as fast again for some time, and a move that did not help is not repeated soon.
 */
import type { BalancePolicy } from './driver-policy.ts';

/** What was measured of one switch. */
export interface MeasuredSwitch {
  readonly id: string;
  /** By the metric of the policy; null: nothing was measured yet. */
  readonly metricMs: number | null;
  /** The same of a way past it that is not avoided; null where there is none. */
  readonly otherMs: number | null;
  /** How long answers of disks took of late that came through it; 0: there were none. */
  readonly answersMs: number;
}

/** Answers of disks, whatever way they came. */
export interface AnswerTimes {
  /** Of late; 0: there were none. */
  readonly averageMs: number;
  /** Since the beginning. */
  readonly count: number;
}

/** What is remembered of one. */
interface JudgedSwitch {
  isAvoided: boolean;
  /** Since when it has been otherwise than it is treated; null: it has not. */
  otherwiseSinceMs: number | null;
  avoidedAtMs: number;
  /** What answers took before it was avoided; 0: there were none. */
  answersBeforeMs: number;
  /** How many there had been by then. */
  countBefore: number;
  isGainJudged: boolean;
  blockedUntilMs: number;
  blockMs: number;
}

/** What a move did for those who read; all 0 where nobody did. */
export interface MoveGain {
  readonly beforeMs: number;
  readonly sinceMs: number;
  /** I/Os that have ended since, by other ways. */
  readonly ios: number;
}

export interface Judgement {
  readonly id: string;
  readonly isAvoided: boolean;
  /** Why, for people. */
  readonly reason: string;
  /** Of a move that was judged now, whether it is kept or not; null: the switch was left, or returned to. */
  readonly gain: MoveGain | null;
}

/** A move that was in vain is not repeated for so many dwell times; twice as long each time, up to the most. */
const blockDwells = 10;
const blockMsMax = 600_000;

export class LoadPolicy {
  readonly #policy: BalancePolicy;
  readonly #judged = new Map<string, JudgedSwitch>();

  constructor(policy: BalancePolicy) {
    this.#policy = policy;
  }

  isAvoided(id: string): boolean {
    return this.#judged.get(id)?.isAvoided ?? false;
  }

  /** @returns what changed, and which moves were found to have helped */
  judge(
    measured: readonly MeasuredSwitch[],
    answers: AnswerTimes,
    nowMs: number,
  ): readonly Judgement[] {
    return measured.flatMap(({ id, metricMs, otherMs, answersMs }) => {
      if (metricMs === null || otherMs === null) return [];
      const judged = this.#of(id);
      const now = { metricMs, otherMs, answersMs, answers, nowMs };
      if (!judged.isAvoided) return this.#judgeMove(id, judged, now);
      // Whoever has lost its load looks well: whether the move helped is seen elsewhere, and first.
      return judged.isGainJudged
        ? this.#judgeReturn(id, judged, now)
        : this.#judgeGain(id, judged, now);
    });
  }

  #judgeMove(id: string, judged: JudgedSwitch, now: Measures): readonly Judgement[] {
    const { threshold, floorMs, dwellMs } = this.#policy;
    const { metricMs, otherMs, answersMs, answers, nowMs } = now;
    const isSlow = metricMs >= threshold * otherMs && metricMs - otherMs >= floorMs;
    if (!this.#lasts(judged, isSlow && nowMs >= judged.blockedUntilMs, nowMs)) return [];
    judged.isAvoided = true;
    judged.otherwiseSinceMs = null;
    judged.avoidedAtMs = nowMs;
    judged.answersBeforeMs = answersMs;
    judged.countBefore = answers.count;
    judged.isGainJudged = false;
    const reason = `${shown(metricMs)} ms, a way past it takes ${shown(otherMs)} ms, for ${dwellMs} ms`;
    return [{ id, isAvoided: true, reason, gain: null }];
  }

  #judgeGain(id: string, judged: JudgedSwitch, now: Measures): readonly Judgement[] {
    const { dwellMs, minimumGain } = this.#policy;
    const { answers, nowMs } = now;
    if (nowMs - judged.avoidedAtMs < 2 * dwellMs) return [];
    judged.isGainJudged = true;
    const { answersBeforeMs: beforeMs, countBefore } = judged;
    const ios = answers.count - countBefore;
    const sinceMs = ios === 0 ? 0 : answers.averageMs;
    const gain = { beforeMs, sinceMs, ios };
    const times = `${shown(beforeMs)} ms before, ${shown(sinceMs)} ms since`;
    if (beforeMs > 0 && ios > 0 && sinceMs > beforeMs * (1 - minimumGain)) {
      this.#takeBack(judged, nowMs);
      return [{ id, isAvoided: false, reason: `avoiding it did not help: ${times}`, gain }];
    }
    judged.blockMs = 0;
    const reason = beforeMs > 0 && ios > 0 ? `answers took ${times}` : 'no reads to compare';
    return [{ id, isAvoided: true, reason, gain }];
  }

  #judgeReturn(id: string, judged: JudgedSwitch, now: Measures): readonly Judgement[] {
    const { threshold, hysteresis, floorMs, dwellMs } = this.#policy;
    const { metricMs, otherMs, nowMs } = now;
    const isFine =
      metricMs < Math.max(1, threshold * hysteresis) * otherMs ||
      metricMs - otherMs < floorMs * hysteresis;
    if (!this.#lasts(judged, isFine, nowMs)) return [];
    judged.isAvoided = false;
    judged.otherwiseSinceMs = null;
    const reason = `${shown(metricMs)} ms again, a way past it takes ${shown(otherMs)} ms, for ${dwellMs} ms`;
    return [{ id, isAvoided: false, reason, gain: null }];
  }

  #takeBack(judged: JudgedSwitch, nowMs: number): void {
    const firstMs = blockDwells * this.#policy.dwellMs;
    judged.blockMs = Math.min(Math.max(firstMs, 2 * judged.blockMs), blockMsMax);
    judged.blockedUntilMs = nowMs + judged.blockMs;
    judged.isAvoided = false;
    judged.otherwiseSinceMs = null;
  }

  /** True once something has been so for the dwell time. */
  #lasts(judged: JudgedSwitch, isSo: boolean, nowMs: number): boolean {
    if (!isSo) judged.otherwiseSinceMs = null;
    else judged.otherwiseSinceMs ??= nowMs;
    const { otherwiseSinceMs } = judged;
    return otherwiseSinceMs !== null && nowMs - otherwiseSinceMs >= this.#policy.dwellMs;
  }

  #of(id: string): JudgedSwitch {
    const known = this.#judged.get(id);
    if (known !== undefined) return known;
    const judged = {
      isAvoided: false,
      otherwiseSinceMs: null,
      avoidedAtMs: 0,
      answersBeforeMs: 0,
      countBefore: 0,
      isGainJudged: true,
      blockedUntilMs: 0,
      blockMs: 0,
    };
    this.#judged.set(id, judged);
    return judged;
  }
}

interface Measures {
  readonly metricMs: number;
  readonly otherMs: number;
  readonly answersMs: number;
  readonly answers: AnswerTimes;
  readonly nowMs: number;
}

function shown(ms: number): string {
  return ms.toFixed(1);
}
