/**
 * Fences disks that are no members of a volume any more and are there all the same, so that they answer nobody by a former
 * decision (DESIGN I14). Nobody waits for that; who is fenced is no reason any more to leave something undecided.
 */
import { verbs } from '../../protocols/commands.ts';
import type { DiskMember, VolumeRecord } from '../../protocols/control-data.ts';
import { CommandRound } from '../command-round.ts';
import { fencingAssembly } from './publications.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

export class LateFences {
  readonly #environment: VolumeEnvironment;
  readonly #fenced: (member: DiskMember) => void;
  /** By disk and instance. */
  readonly #rounds = new Map<string, CommandRound>();

  constructor(environment: VolumeEnvironment, fenced: (member: DiskMember) => void) {
    this.#environment = environment;
    this.#fenced = fenced;
  }

  /** Orders are repeated until they are carried out, or the next decision. */
  begin(record: VolumeRecord): void {
    const { actor, clock, presence } = this.#environment;
    for (const member of record.unfenced) {
      const { disk: id, instance } = member;
      const receiver = { kind: 'disk', id } as const;
      const key = `${id}/${instance}`;
      if (this.#rounds.has(key) || !presence.isThere(receiver, instance)) continue;
      const round = new CommandRound({
        actor,
        clock,
        verb: verbs.assemble,
        tasks: [{ receiver, body: fencingAssembly(record, member) }],
        finished: () => this.#fenced(member),
        // One that cannot keep it is unfenced still.
        refused: () => {},
      });
      this.#rounds.set(key, round);
      round.start();
    }
  }

  end(): void {
    for (const round of this.#rounds.values()) round.cancel();
    this.#rounds.clear();
  }
}
