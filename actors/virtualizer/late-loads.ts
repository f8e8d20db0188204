/**
 * Loads switches that coordinate nothing: they carry reads, and nobody waits for them. Each process of a switch is told each
 * decision once; what it refuses is for the log.
 */
import { verbs } from '../../protocols/commands.ts';
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { ActorAddress, SwitchId } from '../../protocols/ids.ts';
import { CommandRound, type RoundTask } from '../command-round.ts';
import { switchLoad } from './publications.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

export class LateLoads {
  readonly #environment: VolumeEnvironment;
  readonly #rounds = new Map<string, CommandRound>();
  /** By switch: which process of it has loaded which generation. */
  readonly #loaded = new Map<string, string>();

  constructor(environment: VolumeEnvironment) {
    this.#environment = environment;
  }

  /** Gives those a load that have not loaded what is decided. */
  begin(record: VolumeRecord, tasks: readonly RoundTask[]): void {
    const { actor, clock, log } = this.#environment;
    for (const task of tasks) {
      const { receiver } = task;
      if (this.#loaded.get(receiver.id) === this.#mark(receiver, record)) continue;
      this.#rounds.get(receiver.id)?.cancel();
      const round = new CommandRound({
        actor,
        clock,
        verb: verbs.load,
        tasks: [task],
        finished: () => {},
        refused: (reason) => log.warn({ volume: record.volume, reason }, 'a switch loads nothing'),
      });
      this.noteLoaded(receiver, record);
      this.#rounds.set(receiver.id, round);
      round.start();
    }
  }

  /** It has loaded that, or is being told. */
  noteLoaded(receiver: ActorAddress, record: VolumeRecord): void {
    this.#loaded.set(receiver.id, this.#mark(receiver, record));
  }

  end(): void {
    for (const round of this.#rounds.values()) round.cancel();
    this.#rounds.clear();
    this.#loaded.clear();
  }

  #mark(receiver: ActorAddress, record: VolumeRecord): string {
    const { presence } = this.#environment;
    return `${presence.find(receiver)?.description.incarnation}/${record.generation}`;
  }
}

/** The load for each coordinator, and for every other virtualizing switch that is there. */
export function loadTasks(
  record: VolumeRecord,
  { input, presence }: Pick<VolumeEnvironment, 'input' | 'presence'>,
): readonly RoundTask[] {
  return [...new Set([...coordinatorsOf(record), ...input.virtualizingSwitches])].flatMap((id) => {
    const receiver = { kind: 'switch', id } as const;
    const owned = record.partitions.find(({ coordinator }) => coordinator === id);
    const incarnation = owned?.ownerIncarnation ?? presence.find(receiver)?.description.incarnation;
    return incarnation === undefined ? [] : [{ receiver, body: switchLoad(record, incarnation) }];
  });
}

export function coordinatorsOf(record: VolumeRecord): readonly SwitchId[] {
  return [...new Set(record.partitions.map(({ coordinator }) => coordinator))];
}
