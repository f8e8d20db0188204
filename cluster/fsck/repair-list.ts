/** What `sanctor fsck --repair` did, and the list of it: bounded as that of findings is. */
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { type BlockPlace, type FindingKind, listedMax } from './finding.ts';

/** What is repaired; all else stays as it is. */
export type RepairableKind = Extract<
  FindingKind,
  'bad-block' | 'damaged-checkpoint' | 'damaged-superblock'
>;

export interface Repair {
  readonly kind: RepairableKind;
  readonly disk: DiskId;
  /** Of a block. */
  readonly volume?: VolumeId;
  readonly block?: BlockPlace;
  /** What it was, for people. */
  readonly was: string;
  /** What it is now; what it was to become, where that failed. */
  readonly is: string;
  /** Why it could not be written; '' when it is durable, and was read back. */
  readonly problem: string;
}

/** What was done, and what was left alone. */
export interface RepairReport {
  readonly repaired: number;
  readonly failed: number;
  /** The first ones of each kind. */
  readonly repairs: readonly Repair[];
  /** How many more there were. */
  readonly unlisted: number;
  /** Whose damage was not touched, and why, for people. */
  readonly leftAlone: readonly string[];
}

export class RepairList {
  readonly #repairs: Repair[] = [];
  readonly #counts = new Map<string, number>();
  readonly #leftAlone: string[] = [];
  #repaired = 0;
  #failed = 0;

  add(repair: Repair): void {
    const isDone = repair.problem === '';
    if (isDone) this.#repaired++;
    else this.#failed++;
    const key = `${repair.kind} ${isDone}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count <= listedMax) this.#repairs.push(repair);
  }

  leaveAlone(what: string): void {
    this.#leftAlone.push(what);
  }

  get report(): RepairReport {
    return {
      repaired: this.#repaired,
      failed: this.#failed,
      repairs: this.#repairs,
      unlisted: this.#repaired + this.#failed - this.#repairs.length,
      leftAlone: this.#leftAlone,
    };
  }
}
