/** Findings as `sanctor fsck` prints them, of a stopped and of a running cluster. */
import type { Finding, Unlisted } from '../fsck/finding.ts';

/** Whatever was checked: the findings, and how many of them there are. */
export interface Findings {
  readonly totals: { readonly errors: number; readonly warnings: number; readonly notes: number };
  readonly findings: readonly Finding[];
  readonly unlisted: readonly Unlisted[];
}

/** Each with what to do about it. */
export function findingLines({ findings, unlisted }: Findings): readonly string[] {
  return [...findings.flatMap(linesOf), ...unlisted.map(unlistedLine)];
}

export function totalsText({ totals }: Findings): string {
  const { errors, warnings, notes } = totals;
  return `${counted(errors, 'error')}, ${counted(warnings, 'warning')}, ${counted(notes, 'note')}`;
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function linesOf({ severity, kind, what, remedy }: Finding): readonly string[] {
  return [`${severity} (${kind}): ${what}`, `  ${remedy}`];
}

function unlistedLine({ severity, kind, count }: Unlisted): string {
  return `${severity} (${kind}): and ${count} more`;
}
