/**
 * When a host leaves a switch because of its load, and when it returns (DESIGN H7). Pure: given what was measured and
 * when, it says which switches are avoided. Made not to go back and forth: a switch must be much slower than another
 * for some time, must be almost as fast again for some time, and a move that did not help is not repeated soon.
 */
import type { BalancePolicy } from './driver-policy.ts';

/** What was measured of one switch. */
export interface MeasuredSwitch {
  readonly id: string;
  /** By the metric of the policy; null: nothing was measured yet. */
  readonly metricMs: number | null;
}

/** What is remembered of one. */
interface JudgedSwitch {
  isAvoided: boolean;
  /** Since when it has been otherwise than it is treated; null: it has not. */
  otherwiseSinceMs: number | null;
  avoidedAtMs: number;
  /** What answers took before it was avoided; 0: there were none. */
  answersBeforeMs: number;
  isGainJudged: boolean;
  blockedUntilMs: number;
  blockMs: number;
}

export interface Judgement {
  readonly id: string;
  readonly isAvoided: boolean;
  /** Why, for people. */
  readonly reason: string;
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

  /** @param answersMs what answers of disks took on average of late; 0: there were none. @returns what changed */
  judge(
    measured: readonly MeasuredSwitch[],
    answersMs: number,
    nowMs: number,
  ): readonly Judgement[] {
    return measured.flatMap(({ id, metricMs }) => {
      const others = measured.filter((other) => other.id !== id && !this.isAvoided(other.id));
      const bestMs = others.reduce<number | null>(
        (best, other) => lowerOf(best, other.metricMs),
        null,
      );
      if (metricMs === null || bestMs === null) return [];
      const judged = this.#of(id);
      return judged.isAvoided
        ? this.#judgeReturn(id, judged, { metricMs, bestMs, answersMs, nowMs })
        : this.#judgeMove(id, judged, { metricMs, bestMs, answersMs, nowMs });
    });
  }

  #judgeMove(id: string, judged: JudgedSwitch, now: Measures): readonly Judgement[] {
    const { threshold, floorMs, dwellMs } = this.#policy;
    const { metricMs, bestMs, answersMs, nowMs } = now;
    const isSlow = metricMs >= threshold * bestMs && metricMs - bestMs >= floorMs;
    if (!this.#lasts(judged, isSlow && nowMs >= judged.blockedUntilMs, nowMs)) return [];
    judged.isAvoided = true;
    judged.otherwiseSinceMs = null;
    judged.avoidedAtMs = nowMs;
    judged.answersBeforeMs = answersMs;
    judged.isGainJudged = false;
    const reason = `${shown(metricMs)} ms, another switch takes ${shown(bestMs)} ms, for ${dwellMs} ms`;
    return [{ id, isAvoided: true, reason }];
  }

  #judgeReturn(id: string, judged: JudgedSwitch, now: Measures): readonly Judgement[] {
    const { threshold, hysteresis, floorMs, dwellMs, minimumGain } = this.#policy;
    const { metricMs, bestMs, answersMs, nowMs } = now;
    // Whoever has lost its load looks well: whether the move helped is seen elsewhere, and first.
    if (!judged.isGainJudged) {
      if (nowMs - judged.avoidedAtMs < 2 * dwellMs) return [];
      judged.isGainJudged = true;
      const { answersBeforeMs } = judged;
      const isComparable = answersBeforeMs > 0 && answersMs > 0;
      if (isComparable && answersMs > answersBeforeMs * (1 - minimumGain)) {
        this.#takeBack(judged, nowMs);
        const reason = `avoiding it did not help: ${shown(answersBeforeMs)} ms before, ${shown(answersMs)} ms since`;
        return [{ id, isAvoided: false, reason }];
      }
      judged.blockMs = 0;
    }
    const isFine =
      metricMs < Math.max(1, threshold * hysteresis) * bestMs ||
      metricMs - bestMs < floorMs * hysteresis;
    if (!this.#lasts(judged, isFine, nowMs)) return [];
    judged.isAvoided = false;
    judged.otherwiseSinceMs = null;
    const reason = `${shown(metricMs)} ms again, another switch takes ${shown(bestMs)} ms, for ${dwellMs} ms`;
    return [{ id, isAvoided: false, reason }];
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
  readonly bestMs: number;
  readonly answersMs: number;
  readonly nowMs: number;
}

function lowerOf(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

function shown(ms: number): string {
  return ms.toFixed(1);
}
