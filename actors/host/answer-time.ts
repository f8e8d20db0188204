/**
 * How long answers take, and from that for how long one is waited for: the smoothed time and its mean deviation, as TCP
 * keeps them for its retransmission timer (Jacobson and Karels, “Congestion Avoidance and Control”, SIGCOMM 1988,
 * appendix A; RFC 6298, section 2). Where everything is slow nothing is silent. Pure, and a few additions for each answer.
 */
export interface AnswerTime {
  /** 0 before the first. */
  smoothedMs: number;
  /** How far from that answers are on average; falls more slowly than it rises. */
  deviationMs: number;
  /** When the last one came. */
  notedAtMs: number;
}

/** How much the latest answer counts; both as RFC 6298 has them. */
const timeWeight = 1 / 8;
const deviationWeight = 1 / 4;
/**
 * What a smaller deviation counts. TCP takes one measurement for each round trip, here each of many I/Os at a time is
 * one: with the same weight the rare late answer would be forgotten before the next one is under way (RFC 7323, G).
 */
const calmWeight = 1 / 16;
const deviations = 4;
/** Who was quick of late may be so many times as slow: what is far below that is no silence. */
const usualTimes = 2;
/** What is known of a way from longer ago than this may have changed with what is known of all others. */
const knownForMs = 2000;

export function newAnswerTime(): AnswerTime {
  return { smoothedMs: 0, deviationMs: 0, notedAtMs: Number.NEGATIVE_INFINITY };
}

export function noteAnswer(time: AnswerTime, tookMs: number, nowMs: number): void {
  if (time.notedAtMs === Number.NEGATIVE_INFINITY) {
    time.smoothedMs = tookMs;
    time.deviationMs = tookMs / 2;
  } else {
    const differenceMs = Math.abs(tookMs - time.smoothedMs) - time.deviationMs;
    time.deviationMs += differenceMs * (differenceMs > 0 ? deviationWeight : calmWeight);
    time.smoothedMs += (tookMs - time.smoothedMs) * timeWeight;
  }
  time.notedAtMs = nowMs;
}

/** An answer that is not there after so long is later than usual. @param way of its way @param all of all ways together */
export function patienceMs(way: AnswerTime, all: AnswerTime, nowMs: number): number {
  const wayMs = lateMs(way);
  return nowMs - way.notedAtMs <= knownForMs ? wayMs : Math.max(wayMs, lateMs(all));
}

function lateMs({ smoothedMs, deviationMs }: AnswerTime): number {
  return Math.max(usualTimes * smoothedMs, smoothedMs + deviations * deviationMs);
}
