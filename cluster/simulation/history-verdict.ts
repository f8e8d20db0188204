/** What the histories of several volumes come to: what they do not explain, and of how much nothing can be said. */
import type { VolumeHistory } from '../history/volume-history.ts';

export interface JudgedSectors {
  /** That any consumer wrote or read, of all volumes. */
  readonly sectors: number;
  /** Of these: sectors of which nothing is claimed, because too much went on at once. */
  readonly unclear: number;
}

export interface HistoryVerdict {
  /** What cannot be explained, as sentences. */
  readonly violations: readonly string[];
  readonly judged: JudgedSectors;
}

/** The same for real processes. */
const unclearShareMax = 0.005;

export function verdictOn(histories: Iterable<readonly [string, VolumeHistory]>): HistoryVerdict {
  const violations: string[] = [];
  let sectors = 0;
  let unclear = 0;
  for (const [volume, history] of histories) {
    const judgement = history.judge();
    for (const { sector, what } of judgement.violations)
      violations.push(`volume ${volume}, sector ${sector}: ${what}`);
    sectors += judgement.judgedSectors;
    unclear += judgement.unclearSectors;
  }
  return { violations, judged: { sectors, unclear } };
}

/** Why a verdict is none, as a sentence; null when it is one. */
export function whyNoVerdict({ sectors, unclear }: JudgedSectors): string | null {
  if (unclear <= unclearShareMax * sectors) return null;
  return `nothing can be said of ${unclear} of ${sectors} sectors: too much went on there at once`;
}
