/**
 * What is wrong with a volume's disks although they are there: they fail, refuse, or answer switches nothing. Says which
 * of them are not to be used for a while, and why.
 */
import type { DiskId } from '../../protocols/ids.ts';
import type { TroubleReport } from '../../protocols/trouble-report.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';
import type { Absences } from './absences.ts';
import { barredMs } from './actor-watch.ts';
import type { MembersParts } from './volume-members.ts';

export class DiskTroubles {
  readonly #parts: Pick<MembersParts, 'environment' | 'diskIds' | 'candidates'>;
  readonly #absences: Absences;
  readonly #inSync: () => readonly DiskId[];

  /** @param inSync the disks of mirrors in sync, by the last decision */
  constructor(
    parts: Pick<MembersParts, 'environment' | 'diskIds' | 'candidates'>,
    absences: Absences,
    inSync: () => readonly DiskId[],
  ) {
    this.#parts = parts;
    this.#absences = absences;
    this.#inSync = inSync;
  }

  /** These disks are there, and cannot do what members do. */
  noteFailed(disks: readonly DiskId[], reason: string): void {
    const { presence, clock } = this.#parts.environment;
    const inSync = this.#inSync();
    for (const id of disks.filter((each) => this.#parts.diskIds().includes(each))) {
      const until = this.#absences.failed(id, reason, inSync.includes(id), clock.now());
      presence.bar({ kind: 'disk', id }, until);
    }
  }

  /** Somebody cannot go on with some disks. @param reason for people */
  noteReport(
    { reporter, failedDisks = [], silentDisks = [] }: TroubleReport,
    reason: string,
  ): void {
    const { presence, clock } = this.#parts.environment;
    this.noteFailed(failedDisks, reason);
    const silent = silentDisks.filter((id) => presence.find({ kind: 'disk', id }) !== undefined);
    // Disks that are there, as far as anybody else can tell, and a switch that hears nothing of them: it is cut off.
    if (silent.length > 0 && !this.#areDeaf(silent, reporter))
      presence.bar({ kind: 'switch', id: reporter }, unitOf<Instant>(clock.now() + barredMs));
  }

  /** A disk would not do its part of a decision. @param reason for people */
  noteRefusal(disk: DiskId, reason: string): void {
    if (this.#absences.refused(disk)) this.noteFailed([disk], reason);
  }

  /** Why a disk that is there is not to be used yet, for people; '' when it is. */
  failureOf(id: DiskId): string {
    const { presence } = this.#parts.environment;
    return presence.isBarred({ kind: 'disk', id }) ? this.#absences.reasonOf(id) : '';
  }

  /** Where another switch hears nothing of these disks either, or there is none, that is held against the disks. */
  #areDeaf(disks: readonly DiskId[], to: string): boolean {
    const { clock } = this.#parts.environment;
    const others = this.#parts.candidates().filter((id) => id !== to);
    const isDeaf = (disk: DiskId) =>
      this.#absences.silentTo(disk, to, clock.now()) || others.length === 0;
    const deaf = disks.filter(isDeaf);
    this.noteFailed(deaf, `${deaf.join(', ')} answers commands, but switches no I/O`);
    return deaf.length > 0;
  }
}
