/**
 * What a coordinator must know before it takes partitions over (DESIGN I6): which writes the attached hosts have not
 * seen the end of, and which of these were done at a disk. Asked of hosts and disks on the command network, after all
 * disks have been fenced: nothing that was sent to another coordinator can be done any more. What the answers come to is
 * `switch-volume`'s.
 */
import {
  type Answer,
  rememberedAnswerSchema,
  type UnfinishedAnswer,
  type UnfinishedWrite,
  unfinishedAnswerSchema,
  verbs,
} from '../../protocols/commands.ts';
import type { AttachmentRecord } from '../../protocols/control-data.ts';
import type { ActorAddress, DiskId, HostId } from '../../protocols/ids.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import { extentsOf } from '../../protocols/layout/layout.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';
import type { IoNumber, PartitionEpoch } from '../../protocols/units.ts';
import type { Actor } from '../actor.ts';
import { CommandRound, type Verdict } from '../command-round.ts';
import { legSilenceMs } from './leg-calls.ts';
import { firstPartOf, holdsRange, type LoadedVolume } from './loaded-volume.ts';

export interface CommandPorts {
  readonly actor: Pick<Actor, 'ask'>;
  readonly clock: Clock;
}

/** A host's writes that have not ended. */
export interface HostWrites {
  readonly host: HostId;
  readonly hostIncarnation: AttachmentRecord['hostIncarnation'];
  /** All below it have ended. */
  readonly watermark: IoNumber;
  readonly writes: readonly UnfinishedWrite[];
  /** Those that were done at a disk, and the disks where they were. */
  readonly done: Map<IoNumber, Set<DiskId>>;
}

/** A write that its host is going to send again, and that must be carried out again. */
export interface OwedTo {
  readonly host: HostId;
  readonly write: UnfinishedWrite;
}

/** Numbers of writes that a disk is asked about at a time, and those of one host more: a message must hold them. */
export const askedWritesMax = 16_384;
/** A host that has not answered by then is gone on without: others wait. */
export const hostSilenceMs = 2000;

/** What became of the questions. One of the two is called, once, unless they are stopped before. */
export interface UnfinishedEnd {
  readonly found: (hosts: readonly HostWrites[]) => void;
  /** These have answered nothing for `legSilenceMs`: whether it is they or this switch, the virtualizer finds out. */
  readonly silent: (disks: readonly DiskId[]) => void;
}

const again: Verdict = { outcome: 'again' };
const through: Verdict = { outcome: 'done' };

export class UnfinishedWrites {
  readonly #ports: CommandPorts;
  readonly #volume: LoadedVolume;
  readonly #told: UnfinishedEnd;
  readonly #asked: readonly AttachmentRecord[];
  readonly #found = new Map<HostId, HostWrites>();
  readonly #cut = new PartList();
  #round: CommandRound | null = null;
  #timer: Timer | null = null;
  #silent: readonly HostId[] = [];
  readonly #heard = new Set<DiskId>();

  constructor(ports: CommandPorts, volume: LoadedVolume, told: UnfinishedEnd) {
    this.#ports = ports;
    this.#volume = volume;
    this.#told = told;
    this.#asked = volume.load.attachments.filter(goesOn);
  }

  /** Hosts that have not said for long what they have open. */
  get silentHosts(): readonly HostId[] {
    return this.#silent;
  }

  /** Begins. Ends before it returns when nobody has anything open. */
  start(): void {
    if (this.#asked.length === 0) {
      this.#told.found([]);
      return;
    }
    const { clock } = this.#ports;
    const { volume } = this.#volume.load;
    this.#timer = clock.setTimeout(() => this.#noteSilent(), hostSilenceMs);
    const tasks = this.#asked.map(({ host, hostIncarnation, firstEpoch }) => ({
      receiver: { kind: 'host', id: host } as const,
      body: { volume, hostIncarnation, firstEpoch },
    }));
    this.#begin(
      verbs.unfinished,
      tasks,
      (answer, { id }) => this.#hostAnswers(answer, id as HostId),
      () => this.#askDisks([...this.#found.values()].filter(({ writes }) => writes.length > 0)),
    );
  }

  stop(): void {
    this.#round?.cancel();
    this.#round = null;
    this.#clearTimer();
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#ports.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #begin(
    verb: string,
    tasks: readonly { receiver: ActorAddress; body: object }[],
    judge: (answer: Answer, receiver: ActorAddress) => Verdict,
    finished: () => void,
  ): void {
    const { actor, clock } = this.#ports;
    this.#round = new CommandRound({
      actor,
      clock,
      verb,
      tasks,
      judge,
      finished,
      refused: () => {},
    });
    this.#round.start();
  }

  /** Whatever is wrong with a host, the virtualizer finds out: it is asked until there is another decision. */
  #hostAnswers(answer: Answer, host: HostId): Verdict {
    const attachment = this.#asked.find((each) => each.host === host);
    const told = answer.ok ? unfinishedAnswerSchema.safeParse(answer).data : undefined;
    if (attachment === undefined || told === undefined) return again;
    this.#found.set(host, hostWritesOf(attachment, told));
    // It was late, and is silent no more: it must not be cut off for it.
    this.#silent = this.#silent.filter((each) => each !== host);
    return through;
  }

  #noteSilent(): void {
    this.#timer = null;
    this.#silent = this.#asked.map(({ host }) => host).filter((host) => !this.#found.has(host));
  }

  /** Asks about some of these hosts at a time. */
  #askDisks(left: readonly HostWrites[]): void {
    const { volume, generation, disks } = this.#volume.load;
    const writing = firstOf(left);
    if (writing.length === 0) {
      this.#end();
      return;
    }
    const hostsFor = (disk: DiskId) =>
      writing.map(({ host, hostIncarnation, writes }) => ({
        host,
        hostIncarnation,
        ioNumbers: writes.map(({ ioNumber }) => ioNumber),
        epochsMin: writes.map((write) => this.#inSyncSince(disk, write) ?? 0),
      }));
    const durable = writing.some(({ writes }) => writes.some(({ fua }) => fua));
    const tasks = disks
      .filter(({ disk }) => this.#isInSync(disk))
      .map(({ disk }) => ({
        receiver: { kind: 'disk', id: disk } as const,
        body: { volume, generation, durable, hosts: hostsFor(disk) },
      }));
    this.#clearTimer();
    this.#listen();
    this.#begin(
      verbs.remembered,
      tasks,
      (answer, { id }) => this.#diskAnswers(answer, id as DiskId, writing),
      () => this.#askDisks(left.slice(writing.length)),
    );
  }

  /**
   * An answer counts only from the disk process that the volume was assembled from, and of what lies on a mirror of it
   * that is in sync: what another one has done, none of those that hold all data may have. Nor does what was done before
   * it was in sync: it has been copied over with what those held that did not have it.
   */
  #diskAnswers(answer: Answer, disk: DiskId, writing: readonly HostWrites[]): Verdict {
    if (answer.ok || answer.reason !== 'timeout') this.#heard.add(disk);
    const parsed = answer.ok ? rememberedAnswerSchema.safeParse(answer) : undefined;
    const told = parsed?.data;
    if (told === undefined || told.instance !== this.#volume.instances.get(disk)) return again;
    for (const [index, { done, writes }] of writing.entries()) {
      const isDone = new Set(told.done[index]);
      for (const write of writes)
        if (isDone.has(write.ioNumber) && this.#inSyncSince(disk, write) !== null)
          done.set(write.ioNumber, (done.get(write.ioNumber) ?? new Set<DiskId>()).add(disk));
    }
    return through;
  }

  #listen(): void {
    this.#heard.clear();
    this.#timer = this.#ports.clock.setTimeout(() => this.#judgeSilence(), legSilenceMs);
  }

  /** One that answers, and not what it was asked, has restarted or is busy: it is asked on, as long as it answers. */
  #judgeSilence(): void {
    this.#timer = null;
    const waiting = (this.#round?.waitingActors ?? []).map(({ id }) => id as DiskId);
    const silent = waiting.filter((disk) => !this.#heard.has(disk));
    if (silent.length === 0) {
      this.#listen();
      return;
    }
    this.stop();
    this.#told.silent(silent);
  }

  #isInSync(disk: DiskId): boolean {
    const { load, inSync } = this.#volume;
    return extentsOf(load.layout).some((extent, index) => extent.disk === disk && inSync[index]);
  }

  /** The first epoch under which what lies there on the disk has been in sync ever since; null when it is not. */
  #inSyncSince(disk: DiskId, { offset, lengthBytes }: UnfinishedWrite): PartitionEpoch | null {
    const { inSync, since } = this.#volume;
    if (!holdsRange(this.#volume, offset, lengthBytes)) return null;
    const part = firstPartOf(this.#volume, offset, lengthBytes, this.#cut);
    const leg = part.legs.find(
      ({ disk: other, extentIndex }) => other === disk && inSync[extentIndex] === true,
    );
    return leg === undefined ? null : (since[leg.extentIndex] ?? null);
  }

  #end(): void {
    this.stop();
    this.#silent = [];
    this.#told.found([...this.#found.values()]);
  }
}

/** An attachment that has just begun has nothing open, and one for reading nothing that could be half done. */
function goesOn({ firstEpoch, attachEpoch, readOnly }: AttachmentRecord): boolean {
  return firstEpoch < attachEpoch && !readOnly;
}

/** So many of them, from the start, as a question may be about. */
function firstOf(hosts: readonly HostWrites[]): readonly HostWrites[] {
  let asked = 0;
  const end = hosts.findIndex(({ writes }) => {
    asked += writes.length;
    return asked >= askedWritesMax;
  });
  return end === -1 ? hosts : hosts.slice(0, end + 1);
}

function hostWritesOf(
  { host, hostIncarnation }: AttachmentRecord,
  { watermark, writes }: UnfinishedAnswer,
): HostWrites {
  return { host, hostIncarnation, watermark, writes, done: new Map() };
}
