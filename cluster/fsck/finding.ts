/**
 * What the check of a cluster finds, and the list of it: bounded, whatever there is to find, for of each kind
 * only the first ones are kept and the others counted.
 */
import type { DiskId, MirrorSetId, VolumeId } from '../../protocols/ids.ts';

/**
 * - `error`: data or safety is at risk
 * - `warning`: an operator should look
 * - `note`: nothing is wrong
 */
export const severities = ['error', 'warning', 'note'] as const;
export type Severity = (typeof severities)[number];

/** What is wrong; never renamed, for programs read it. */
export type FindingKind =
  | 'actor-silent'
  | 'bad-block'
  | 'behind'
  | 'cannot-be-assembled'
  | 'damaged-checkpoint'
  | 'damaged-superblock'
  | 'database-older'
  | 'database-unreadable'
  | 'disagreement'
  | 'disk-in-memory'
  | 'disk-missing'
  | 'disk-silent'
  | 'disk-unusable'
  | 'fewer-mirrors'
  | 'grown'
  | 'journal-damaged'
  | 'journal-torn'
  | 'kept-blocks'
  | 'layout-unknown'
  | 'lost-tag'
  | 'nobody-decides'
  | 'not-closed'
  | 'not-created'
  | 'not-in-database'
  | 'not-in-topology'
  | 'not-known'
  | 'not-serving'
  | 'not-verified'
  | 'older-copy'
  | 'other-cluster'
  | 'other-disk'
  | 'other-size'
  | 'removal-proposed'
  | 'same-tag'
  | 'superblock-interrupted'
  | 'twin'
  | 'unequal'
  | 'unequal-tags';

/** Where in the volume and on each of the disks concerned a block begins, in bytes; on disks counted in their data. */
export interface BlockPlace {
  readonly volumeOffset: number;
  readonly copies: readonly { readonly disk: DiskId; readonly diskOffset: number }[];
}

export interface Finding {
  readonly severity: Severity;
  readonly kind: FindingKind;
  /** As far as it is about one. */
  readonly disk?: DiskId;
  readonly volume?: VolumeId;
  readonly set?: MirrorSetId;
  readonly block?: BlockPlace;
  /** One sentence, for people. */
  readonly what: string;
  /** What to do, for people. */
  readonly remedy: string;
}

/** Findings of one kind that are not listed. */
export interface Unlisted {
  readonly severity: Severity;
  readonly kind: FindingKind;
  readonly count: number;
}

/** Of one kind and severity that are kept. */
export const listedMax = 20;

export class FindingList {
  readonly #findings: Finding[] = [];
  readonly #counts = new Map<string, Unlisted>();

  add(...findings: readonly Finding[]): void {
    for (const finding of findings) {
      const { severity, kind } = finding;
      const key = `${severity} ${kind}`;
      const count = (this.#counts.get(key)?.count ?? 0) + 1;
      this.#counts.set(key, { severity, kind, count });
      if (count <= listedMax) this.#findings.push(finding);
    }
  }

  /** Those that are kept: the worst first, otherwise in the order in which they came. */
  get listed(): readonly Finding[] {
    const rank = ({ severity }: Finding) => severities.indexOf(severity);
    return this.#findings.toSorted((one, other) => rank(one) - rank(other));
  }

  /** How many more there are, by kind. */
  get unlisted(): readonly Unlisted[] {
    return [...this.#counts.values()].flatMap(({ count, ...kind }) =>
      count > listedMax ? [{ ...kind, count: count - listedMax }] : [],
    );
  }

  /** Of all that came, kept or not. */
  count(severity: Severity): number {
    return [...this.#counts.values()].reduce(
      (sum, each) => sum + (each.severity === severity ? each.count : 0),
      0,
    );
  }
}
