/**
 * A disk: its machine says when, its block device keeps the data, its fences say for whom. Here they are wired to
 * the links, to the command network and to a store that was found for it.
 */
import type { Actor as MachineActor } from 'xstate';
import { z } from 'zod';
import { type Answer, checksumQuerySchema, refusal, verbs } from '../../protocols/commands.ts';
import { type DiskAssembly, diskAssemblySchema } from '../../protocols/control-data.ts';
import { eventNames } from '../../protocols/events.ts';
import type { DiskFacts } from '../../protocols/facts.ts';
import type { DiskId, HostId, LinkId, VolumeId } from '../../protocols/ids.ts';
import type { BlockStore, Bus, Cancel } from '../../protocols/ports.ts';
import { blockBytes, type Incarnation, unitOf } from '../../protocols/units.ts';
import { Actor, type ActorPorts } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { assemble } from './assembly.ts';
import { answerChecksums } from './checksum-query.ts';
import { DiskIo } from './disk-io.ts';
import { diskMachine } from './disk-machine.ts';
import { fenceTableOf } from './fences.ts';
import { type OpenDisk, type OpenedDisk, openDisk } from './open-disk.ts';
import type { SuperblockContent } from './superblock.ts';

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
  readonly #assembled = new Set<VolumeId>();
  #open: OpenDisk | null = null;
  #io: DiskIo | null = null;
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
    this.#actor.onCommand(verbs.assemble, (body, answer) => this.#assemble(body, answer));
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
    const { identity, clusterIdentity, volumes } = superblock.content;
    return {
      identity,
      homeBytes: this.#homeBytes(this.#open),
      clusterIdentity,
      volumes: volumes.map(({ volume, generation, controlEpoch, highestEpoch }) => {
        return { volume, generation, controlEpoch, highestEpoch };
      }),
      reason,
      links,
      replayedRecords,
      counters: { ...this.#io?.allCounters(), ...device.counters() },
    };
  }

  #homeBytes({ device }: OpenDisk): number {
    return device.parts.layout.homeBlocks * blockBytes;
  }

  #openStore(): void {
    const { store } = this.#options;
    if (!store.ok) return;
    const { clock, log, cluster } = this.#ports;
    openDisk(
      {
        store: store.store,
        clock,
        log,
        disk: this.id,
        cluster,
        onFailure: (error) => this.#fail(error.detail),
      },
      (opened) => this.#opened(opened),
    );
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
    const nothingAssembled = fenceTableOf(superblock.content, () => false, new Map());
    this.#io.fence(nothingAssembled, () => {});
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

  #fail(reason: string): void {
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
          message: (data) => this.#io?.received(data, io),
        }),
      );
  }

  /** The command `assemble`: confirmed once the superblock with the decision is durable. */
  #assemble(body: unknown, answer: (result: Answer) => void): void {
    const parsed = diskAssemblySchema.safeParse(body);
    const snapshot = this.#machine.getSnapshot();
    const open = this.#open;
    if (snapshot.hasTag('broken'))
      answer(refusal('refused', `disk ${this.id} cannot serve: ${snapshot.context.reason}`));
    else if (!parsed.success) answer(refusal('invalid', z.prettifyError(parsed.error)));
    else if (open === null || snapshot.matches('stopping') || snapshot.matches('stopped'))
      answer(refusal('not-ready', `disk ${this.id} is ${this.state}`));
    else this.#take(open, parsed.data, answer);
  }

  #take(open: OpenDisk, assembly: DiskAssembly, answer: (result: Answer) => void): void {
    const { superblock } = open;
    const result = assemble(superblock.content, assembly, this.#homeBytes(open));
    if (!result.ok) {
      answer(refusal(result.reason, result.message));
      return;
    }
    if (!superblock.fits(result.content)) {
      const message = `the superblock of disk ${this.id} has no room for volume ${assembly.volume}`;
      answer(refusal('refused', message));
      return;
    }
    const { content } = result;
    const isNew = JSON.stringify(content) !== JSON.stringify(superblock.durableContent);
    let waitFor = isNew ? 2 : 1;
    const oneDone = () => {
      waitFor -= 1;
      if (waitFor > 0) return;
      this.#machine.send({ type: 'volume.assembled' });
      answer({ ok: true, generation: assembly.generation, instance: content.instance });
    };
    this.#assembled.add(assembly.volume);
    // In force at once: nothing that is fenced may slip in while the decision becomes durable.
    this.#fence(open, content, oneDone);
    if (!isNew) return;
    superblock.keep(content, (error) => {
      if (error === null) oneDone();
      else {
        this.#fail(`the superblock cannot be written: ${error.detail}`);
        answer(refusal('refused', `disk ${this.id} has failed: ${error.detail}`));
      }
    });
  }

  /** The command `checksums`. */
  #checksums(body: unknown, answer: (result: Answer) => void): void {
    const parsed = checksumQuerySchema.safeParse(body);
    if (!parsed.success) answer(refusal('invalid', z.prettifyError(parsed.error)));
    else if (this.#open === null) answer(refusal('not-ready', `disk ${this.id} is ${this.state}`));
    else answerChecksums(this.#open, parsed.data, answer);
  }

  #fence({ device, superblock }: OpenDisk, content: SuperblockContent, over: () => void): void {
    if (this.#io === null) return;
    const isAssembled = (volume: VolumeId) => this.#assembled.has(volume);
    const isAttached = (host: HostId, incarnation: number) =>
      superblock.content.volumes.some(({ attachments }) =>
        attachments.some((each) => each.host === host && each.hostIncarnation === incarnation),
      );
    this.#io.fence(fenceTableOf(content, isAssembled, this.#io.fences), () => {
      device.parts.remembered.keepOnly(isAttached);
      over();
    });
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
