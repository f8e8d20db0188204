/**
 * A disk: its machine says when, its block device keeps the data, its fences say for whom. Here they are wired to
 * the links, to the command network and to a store that was found for it.
 */
import type { Actor as MachineActor } from 'xstate';
import { z } from 'zod';
import {
  type Answer,
  checksumQuerySchema,
  refusal,
  rememberedQuerySchema,
  verbs,
} from '../../protocols/commands.ts';
import { diskAssemblySchema, diskForgetSchema } from '../../protocols/control-data.ts';
import { eventNames } from '../../protocols/events.ts';
import type { DiskFacts } from '../../protocols/facts.ts';
import type { DiskId, LinkId } from '../../protocols/ids.ts';
import type { BlockStore, Bus, Cancel, Log } from '../../protocols/ports.ts';
import { type Incarnation, unitOf } from '../../protocols/units.ts';
import { Actor, type ActorPorts } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { answerChecksums } from './checksum-query.ts';
import { DiskDecisions, homeBytesOf } from './disk-decisions.ts';
import { DiskIo } from './disk-io.ts';
import { diskMachine } from './disk-machine.ts';
import { type OpenDisk, type OpenedDisk, openDisk } from './open-disk.ts';
import { highestGeneration } from './retired-generations.ts';

/** One link of a disk, and its connection to the fabric. */
export interface DiskLink {
  readonly link: LinkId;
  readonly io: Bus;
}

/** The store that was found for a disk, or why there is none. */
export type FoundStore =
  | { readonly ok: true; readonly store: BlockStore }
  | { readonly ok: false; readonly message: string };

export interface DiskOptions {
  readonly disk: DiskId;
  readonly links: readonly DiskLink[];
  readonly store: FoundStore;
}

export class Disk {
  readonly id: DiskId;
  readonly #options: DiskOptions;
  readonly #ports: ActorPorts;
  readonly #actor: Actor;
  readonly #machine: MachineActor<typeof diskMachine>;
  readonly #cancels: Cancel[] = [];
  #open: OpenDisk | null = null;
  #io: DiskIo | null = null;
  #decisions: DiskDecisions | null = null;
  #whenStopped: (() => void)[] = [];

  constructor(options: DiskOptions, ports: ActorPorts) {
    this.id = options.disk;
    this.#options = options;
    this.#ports = ports;
    this.#actor = new Actor(
      { kind: 'disk', id: options.disk },
      () => unitOf<Incarnation>(this.#open?.superblock.content.instance ?? 0),
      ports,
      () => ({ state: this.state, facts: this.facts() }),
    );
    this.#actor.onCommand(verbs.assemble, (body, answer) =>
      this.#whileOpen(diskAssemblySchema, body, answer, (decisions, assembly) =>
        decisions.assemble(assembly, answer),
      ),
    );
    this.#actor.onCommand(verbs.forget, (body, answer) =>
      this.#whileOpen(diskForgetSchema, body, answer, (decisions, order) =>
        decisions.forget(order, answer),
      ),
    );
    this.#actor.onCommand(verbs.remembered, (body, answer) =>
      this.#whileOpen(rememberedQuerySchema, body, answer, (decisions, query) =>
        decisions.remembered(query, answer),
      ),
    );
    this.#actor.onCommand(verbs.checksums, (body, answer) => this.#checksums(body, answer));
    this.#machine = runMachine({
      machine: diskMachine.provide({
        actions: {
          publishMode: (_, { mode }) => {
            if (this.#io !== null) this.#io.mode = mode;
          },
          openDisk: () => this.#openStore(),
          openLinks: () => this.#openLinks(),
          closeStore: () => this.#closeStore(),
        },
      }),
      name: 'disk',
      input: undefined,
      actor: this.#actor,
      clock: ports.clock,
      log: ports.log,
      onFailure: () => {
        if (this.#io !== null) this.#io.mode = 'failed';
      },
    });
  }

  /** Its place on the command network, to look at it. */
  get actor(): Actor {
    return this.#actor;
  }

  /** The state of its machine, for reports. */
  get state(): string {
    return stateText(this.#machine.getSnapshot().value);
  }

  /** Its machine, to look at it. */
  get machine(): MachineActor<typeof diskMachine> {
    return this.#machine;
  }

  /** What it opened; null before and after. For tools that look inside. */
  get opened(): OpenDisk | null {
    return this.#open;
  }

  /** Opens the store; presents itself once it is known what came of it. */
  start(): void {
    const { store } = this.#options;
    if (store.ok) this.#machine.send({ type: 'store.found' });
    else this.#refuse(store.message);
  }

  /** Makes everything durable, lets go of the store and leaves; the connections are their owner's to close. */
  stop(stopped: () => void): void {
    this.#whenStopped.push(stopped);
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#machine.send({ type: 'stop.requested' });
    if (this.state === 'stopped') this.#leave();
  }

  /** What it presents of itself: `DiskFacts` once it is open, and counters for people. */
  facts(): Partial<DiskFacts> {
    const { reason } = this.#machine.getSnapshot().context;
    const links = this.#options.links.map(({ link }) => link);
    if (this.#open === null) return { reason, links };
    const { device, superblock, replayedRecords } = this.#open;
    const { identity, clusterIdentity, starts, volumes } = superblock.content;
    return {
      identity,
      homeBytes: homeBytesOf(this.#open),
      clusterIdentity,
      starts: [...starts],
      highestExtentGeneration: highestGeneration(superblock.content),
      volumes: volumes.map(({ volume, generation, controlEpoch, highestEpoch, mirrorSets }) => {
        return { volume, generation, controlEpoch, highestEpoch, mirrorSets };
      }),
      reason,
      links,
      replayedRecords,
      underWay: { operations: this.#io?.openOperations ?? 0 },
      counters: { ...this.#io?.allCounters(), ...device.counters() },
    };
  }

  #openStore(): void {
    const { store } = this.#options;
    if (!store.ok) return;
    const { clock, log, random, cluster } = this.#ports;
    openDisk(
      {
        store: store.store,
        clock,
        log: this.#logWhileWanted(log),
        random,
        disk: this.id,
        cluster,
        onFailure: (error) => this.#fail(error.detail),
      },
      (opened) => this.#opened(opened),
    );
  }

  /** A store that was closed under its replay fails every read: that is no damage, and nothing is made of it. */
  #logWhileWanted(log: Log): Log {
    const isWanted = () => !this.#isEnding;
    return {
      debug: (fields, message) => isWanted() && log.debug(fields, message),
      info: (fields, message) => isWanted() && log.info(fields, message),
      warn: (fields, message) => isWanted() && log.warn(fields, message),
      error: (fields, message) => isWanted() && log.error(fields, message),
    };
  }

  get #isEnding(): boolean {
    return this.#machine.getSnapshot().matches('stopping') || this.state === 'stopped';
  }

  #opened(opened: OpenedDisk): void {
    if (!this.#machine.getSnapshot().matches('replaying')) return;
    if (!opened.ok) {
      this.#refuse(opened.message);
      return;
    }
    const { device, superblock, replayedRecords } = opened.disk;
    const { instance } = superblock.content;
    this.#open = opened.disk;
    this.#io = new DiskIo(this.id, instance, device, this.#actor.subjects);
    this.#decisions = new DiskDecisions(this.id, opened.disk, this.#io, {
      assembled: () => this.#machine.send({ type: 'volume.assembled' }),
      failed: (reason) => this.#fail(reason),
    });
    this.#ports.log.info({ disk: this.id, instance, replayedRecords }, 'the disk is open');
    this.#machine.send({ type: 'journal.replayed' });
    this.#actor.start();
  }

  #refuse(reason: string): void {
    this.#ports.log.error({ disk: this.id }, reason);
    this.#machine.send({ type: 'store.refused', reason });
    this.#actor.tell(eventNames.fault, { what: 'store refused', reason });
    this.#actor.start();
  }

  /** What is left undone by a disk that was told to stop is no failure of its store. */
  #fail(reason: string): void {
    if (this.#isEnding) return;
    this.#ports.log.error({ disk: this.id, reason }, 'the store failed');
    this.#machine.send({ type: 'store.failed', reason });
    this.#actor.tell(eventNames.fault, { what: 'store failed', reason });
    this.#actor.hello();
  }

  #openLinks(): void {
    const receiver = this.#actor.address;
    for (const { link, io } of this.#options.links)
      this.#cancels.push(
        io.subscribe(this.#actor.subjects.io(receiver, link), {
          message: (data, _subject, replySubject) => this.#io?.received(data, io, replySubject),
        }),
      );
  }

  #whileOpen<Body>(
    schema: z.ZodType<Body>,
    body: unknown,
    answer: (result: Answer) => void,
    carryOut: (decisions: DiskDecisions, body: Body) => void,
  ): void {
    const parsed = schema.safeParse(body);
    const snapshot = this.#machine.getSnapshot();
    if (snapshot.hasTag('broken'))
      answer(refusal('refused', `disk ${this.id} cannot serve: ${snapshot.context.reason}`));
    else if (!parsed.success) answer(refusal('invalid', z.prettifyError(parsed.error)));
    else if (this.#decisions === null || snapshot.matches('stopping') || this.state === 'stopped')
      answer(refusal('not-ready', `disk ${this.id} is ${this.state}`));
    else carryOut(this.#decisions, parsed.data);
  }

  /** The command `checksums`. */
  #checksums(body: unknown, answer: (result: Answer) => void): void {
    const parsed = checksumQuerySchema.safeParse(body);
    if (!parsed.success) answer(refusal('invalid', z.prettifyError(parsed.error)));
    else if (this.#open === null) answer(refusal('not-ready', `disk ${this.id} is ${this.state}`));
    else answerChecksums(this.#open, parsed.data, answer);
  }

  #closeStore(): void {
    const { store } = this.#options;
    const closed = () => {
      this.#machine.send({ type: 'store.closed' });
      this.#leave();
    };
    if (this.#open !== null) {
      const { device } = this.#open;
      device.flush(() => device.close(closed));
    } else if (store.ok) store.store.close(closed);
    else closed();
  }

  #leave(): void {
    if (this.#whenStopped.length === 0) return;
    this.#actor.tell(eventNames.goodbye, {});
    this.#actor.stop();
    this.#machine.stop();
    for (const stopped of this.#whenStopped.splice(0)) this.#ports.clock.soon(stopped);
  }
}
