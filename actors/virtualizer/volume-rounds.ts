/**
 * The commands by which a decision takes effect: `assemble` to the disks, `load` to the switches, `settled` asked of
 * the coordinators; `forget` and `unload` when a volume has ended. One round at a time; what became of it is told in events of the volume machine.
 */
import { z } from 'zod';
import { type Answer, verbs } from '../../protocols/commands.ts';
import {
  type DiskMember,
  type EndedVolume,
  hostsMax,
  type VolumeRecord,
} from '../../protocols/control-data.ts';
import type { ActorAddress, DiskId, HostId, SwitchId } from '../../protocols/ids.ts';
import { id } from '../../protocols/schema.ts';
import { CommandRound, judgeAnswer, type RoundTask, type Verdict } from '../command-round.ts';
import { forgetTask, knownDisk, unloadTask } from './forget-orders.ts';
import { LateFences } from './late-fences.ts';
import { coordinatorsOf, LateLoads, loadTasks } from './late-loads.ts';
import { diskAssemblies } from './publications.ts';
import { type ResyncProgress, ResyncWatch } from './resync-watch.ts';
import type { VolumeEnvironment } from './volume-environment.ts';
import type { VolumeMachineEvent } from './volume-setup.ts';

type Tell = (event: VolumeMachineEvent) => void;

const settledAnswerSchema = z.looseObject({
  settled: z.boolean(),
  problem: z.string(),
  remainingBytes: z.number().nonnegative(),
  silentHosts: z.array(id<HostId>()).max(hostsMax),
});

interface VolumeRound {
  readonly verb: string;
  readonly tasks: readonly RoundTask[];
  readonly judge: (answer: Answer, receiver: ActorAddress) => Verdict;
  readonly finished: VolumeMachineEvent;
  readonly refused: 'member.refused' | 'trouble.reported';
}

export class VolumeRounds {
  readonly #environment: VolumeEnvironment;
  readonly #tell: Tell;
  #round: CommandRound | null = null;
  readonly #lateLoads: LateLoads;
  readonly #lateFences: LateFences;
  readonly #remainingBytes = new Map<SwitchId, number>();
  #resync: ResyncWatch | null = null;
  /** Disks that the last round has waited for to its end. */
  unconfirmedDisks: readonly DiskId[] = [];

  /** @param fenced told of disks that are no members any more, and refuse everybody by now */
  constructor(environment: VolumeEnvironment, tell: Tell, fenced: (member: DiskMember) => void) {
    this.#environment = environment;
    this.#tell = tell;
    this.#lateLoads = new LateLoads(environment);
    this.#lateFences = new LateFences(environment, fenced);
  }

  /** Who has not confirmed yet, for people; '' when nothing is waited for. */
  get waitingFor(): string {
    return this.#round?.waitingFor ?? '';
  }

  /** What the coordinators said last that they still have to compare or copy. */
  get remainingBytes(): number {
    return [...this.#remainingBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** @param leasesMayLast is told with the confirmation */
  assembleDisks(record: VolumeRecord, leasesMayLast: boolean): void {
    const tasks = diskAssemblies(record).map((body) => ({
      receiver: { kind: 'disk', id: body.disk.disk } as const,
      body,
    }));
    this.#begin({
      verb: verbs.assemble,
      tasks,
      judge: judgeAnswer,
      finished: { type: 'disks.confirmed', leasesMayLast },
      refused: 'member.refused',
    });
  }

  /** Coordinators must confirm; all switches where a former one may still be answered by a disk that was not told. */
  loadSwitches(record: VolumeRecord): void {
    const everybody = loadTasks(record, this.#environment);
    const coordinators = coordinatorsOf(record);
    const isAwaited = ({ receiver }: RoundTask) =>
      record.unfenced.length > 0 || coordinators.includes(receiver.id as SwitchId);
    const tasks = everybody.filter(isAwaited);
    this.#lateLoads.begin(
      record,
      everybody.filter((task) => !isAwaited(task)),
    );
    this.#begin({
      verb: verbs.load,
      tasks,
      judge: (answer, receiver) => {
        const verdict = judgeAnswer(answer, receiver);
        if (verdict.outcome === 'done') this.#lateLoads.noteLoaded(receiver, record);
        return verdict;
      },
      finished: { type: 'switches.confirmed' },
      refused: 'member.refused',
    });
  }

  /** Whoever refuses has another decision loaded, or none: then there is nothing to wait for. */
  askYield(record: VolumeRecord): void {
    this.#begin({
      verb: verbs.yield,
      tasks: coordinatorTasks(record),
      judge: () => ({ outcome: 'done' }),
      finished: { type: 'partitions.yielded' },
      refused: 'member.refused',
    });
  }

  askSettled(record: VolumeRecord): void {
    this.#remainingBytes.clear();
    this.#begin({
      verb: verbs.settled,
      tasks: coordinatorTasks(record),
      judge: (answer, receiver) => this.#judgeSettled(answer, receiver),
      finished: { type: 'partitions.settled' },
      // Comparing again makes sense under new epochs only: the coordinators then begin anew.
      refused: 'trouble.reported',
    });
  }

  /** Disks that are there must confirm that the volume is gone: those that it lay on, and whoever says to know it. */
  forgetAtDisks(ended: EndedVolume, disks: readonly DiskId[]): void {
    const { input, presence, clusterIdentity, controlEpoch } = this.#environment;
    const tasks = input.disks.flatMap((id) => {
      const disk = knownDisk(id, presence, clusterIdentity);
      const isConcerned =
        disks.includes(id) || disk?.facts.volumes.some(({ volume }) => volume === ended.volume);
      return disk !== null && isConcerned ? [forgetTask(ended, disk, controlEpoch)] : [];
    });
    this.#begin({
      verb: verbs.forget,
      tasks,
      judge: judgeAnswer,
      finished: { type: 'disks.forgot' },
      refused: 'member.refused',
    });
  }

  unloadSwitches(ended: EndedVolume): void {
    const { input, presence } = this.#environment;
    const there = input.virtualizingSwitches.filter(
      (id) => presence.find({ kind: 'switch', id }) !== undefined,
    );
    this.#begin({
      verb: verbs.unload,
      tasks: there.map((id) => unloadTask(ended, id)),
      judge: judgeAnswer,
      finished: { type: 'switches.forgot' },
      refused: 'member.refused',
    });
  }

  /** How far what is resyncing is; null while nothing is, or nobody has said. */
  get resync(): ResyncProgress | null {
    return this.#resync?.progress ?? null;
  }

  /** Asks the coordinators now and then until all say that what is resyncing is equal. */
  watchResync(record: VolumeRecord): void {
    const { actor, clock } = this.#environment;
    this.#resync = new ResyncWatch({ actor, clock, tasks: coordinatorTasks(record) }, () =>
      this.#tell({ type: 'mirrors.resynced' }),
    );
    this.#resync.start();
  }

  endResyncWatch(): void {
    this.#resync?.stop();
    this.#resync = null;
  }

  /** A coordinator tells that it may be through. */
  hurry(receiver: ActorAddress): void {
    this.#round?.hurry(receiver);
    this.#resync?.hurry(receiver);
  }

  /** Loads switches that are there and have not loaded what is decided: they carry reads. */
  loadLate(record: VolumeRecord): void {
    this.#lateFences.begin(record);
    this.#lateLoads.begin(record, loadTasks(record, this.#environment));
  }

  /** Ends the present round. */
  end(): void {
    const waited = this.#round?.waitingActors ?? [];
    if (this.#round !== null)
      this.unconfirmedDisks = waited.flatMap(({ kind, id }) =>
        kind === 'disk' ? [id as DiskId] : [],
      );
    this.#round?.cancel();
    this.#round = null;
  }

  /** Ends everything. */
  stop(): void {
    this.end();
    this.endResyncWatch();
    this.endLateLoads();
  }

  endLateLoads(): void {
    this.#lateFences.end();
    this.#lateLoads.end();
  }

  #begin({ verb, tasks, judge, finished, refused }: VolumeRound): void {
    const { actor, clock } = this.#environment;
    this.end();
    this.#round = new CommandRound({
      actor,
      clock,
      verb,
      tasks,
      judge,
      finished: () => this.#tell(finished),
      refused: (reason, member) =>
        this.#tell(
          refused === 'member.refused'
            ? { type: refused, reason, member }
            : { type: refused, reason },
        ),
    });
    this.#round.start();
  }

  #judgeSettled(answer: Answer, receiver: ActorAddress): Verdict {
    if (!answer.ok) return judgeAnswer(answer, receiver);
    const parsed = settledAnswerSchema.safeParse(answer);
    const name = `switch ${receiver.id}`;
    if (!parsed.success)
      return { outcome: 'refused', reason: `${name} does not say if it settled` };
    const { settled, problem, remainingBytes, silentHosts } = parsed.data;
    this.#remainingBytes.set(receiver.id as SwitchId, remainingBytes);
    if (silentHosts.length > 0) {
      const reason = `${name} hears nothing of ${silentHosts.join(', ')}`;
      const reporter = receiver.id as SwitchId;
      this.#tell({ type: 'hosts.silent', hosts: silentHosts, reporter, reason });
    }
    if (problem !== '') return { outcome: 'refused', reason: `${name} cannot settle: ${problem}` };
    return { outcome: settled ? 'done' : 'again' };
  }
}

/** Asks each coordinator about what was decided last. */
function coordinatorTasks(record: VolumeRecord): readonly RoundTask[] {
  const { volume, generation } = record;
  return coordinatorsOf(record).map((id) => ({
    receiver: { kind: 'switch', id },
    body: { volume, generation },
  }));
}
