/**
 * A switch: takes frames from its links and sends them on (DESIGN S1). A virtualizing one also finds the disks behind
 * volume-addressed reads and coordinates writes. This file wires its parts to the ports: commands, one subscription
 * for each link, replies, and the machines that say what the data path may do.
 */
import type { Actor as MachineActor } from 'xstate';
import { Operation, Status } from '../../protocols/codes.ts';
import { verbs } from '../../protocols/commands.ts';
import { eventNames, type RepairFields } from '../../protocols/events.ts';
import { decodeFrame, type FrameData, FrameKind } from '../../protocols/frames/frame.ts';
import { plainError } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { SwitchId, VirtualizerId, VolumeId } from '../../protocols/ids.ts';
import type { Cancel } from '../../protocols/ports.ts';
import { type Subjects, slotOf, subjectsOf } from '../../protocols/subjects.ts';
import { reportedDisksMax } from '../../protocols/trouble-report.ts';
import type { Incarnation } from '../../protocols/units.ts';
import { Actor, type ActorPorts } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { Answers } from './answers.ts';
import { CachedReads } from './cached-reads.ts';
import { callPlacesMax } from './call-places.ts';
import { DeadLinks } from './dead-links.ts';
import { Forwarding, recentForwardsMax } from './forwarding.ts';
import { LegCalls } from './leg-calls.ts';
import { LoadMeter } from './load-meter.ts';
import { Steering } from './steering.ts';
import { type SwitchCounters, switchFactsOf } from './switch-facts.ts';
import {
  type CoordinatorRoute,
  type DiskRoute,
  type SwitchLink,
  SwitchLinks,
} from './switch-links.ts';
import { type SwitchMode, switchMachine } from './switch-machine.ts';
import { type SwitchConnections, SwitchPorts } from './switch-ports.ts';
import type { SwitchVolume } from './switch-volume.ts';
import { type SwitchLimits, Virtualizing } from './virtualizing.ts';

export interface SwitchOptions {
  readonly id: SwitchId;
  /** False: it carries disk-addressed frames and nothing else. */
  readonly virtualizing: boolean;
  readonly links: readonly SwitchLink[];
  /** Ways from this switch to disks, best first. */
  readonly routes: readonly DiskRoute[];
  /** Ways to other switches, where hosts leave it to switches how a frame gets to its coordinator. */
  readonly coordinatorRoutes?: readonly CoordinatorRoute[];
  readonly limits: SwitchLimits;
  /** The most that is copied to mirrors that are made good again, for each volume that it coordinates. */
  readonly resyncBytesPerSecond: number;
  /** Who is told of trouble. */
  readonly virtualizers: readonly VirtualizerId[];
  readonly io: SwitchConnections;
}

/** Slots of forwarded frames lie above those of calls to disks, and those of reads to be kept above both. */
const forwardSlotBase = callPlacesMax;
const fillSlotBase = forwardSlotBase + recentForwardsMax;
const reportTimeoutMs = 1000;

export class Switch {
  readonly id: SwitchId;
  readonly counters: SwitchCounters = { receivedFrames: 0, invalidFrames: 0, droppedFrames: 0 };
  readonly #options: SwitchOptions;
  readonly #ports: ActorPorts;
  readonly #subjects: Subjects;
  readonly #actor: Actor;
  readonly #machine: MachineActor<typeof switchMachine>;
  readonly #links: SwitchLinks;
  readonly #fabrics: SwitchPorts;
  readonly #answers: Answers;
  readonly #forwarding: Forwarding;
  readonly #calls: LegCalls;
  readonly #load: LoadMeter;
  readonly #cachedReads: CachedReads | null;
  readonly #virtualizing: Virtualizing;
  readonly #cancels: Cancel[] = [];
  #mode: SwitchMode = 'isolated';

  constructor(options: SwitchOptions, incarnation: Incarnation, ports: ActorPorts) {
    const { id, io, links, routes, limits, resyncBytesPerSecond } = options;
    this.id = id;
    this.#options = options;
    this.#ports = ports;
    const address = { kind: 'switch', id } as const;
    const subjects = subjectsOf(ports.cluster);
    this.#subjects = subjects;
    this.#fabrics = new SwitchPorts(io, ports.clock);
    this.#links = new SwitchLinks(links, routes, subjects, {
      ports: this.#fabrics,
      coordinatorRoutes: options.coordinatorRoutes ?? [],
      namesAlternates: limits.namesAlternates,
      deadLinks: new DeadLinks(ports.clock, (link) =>
        this.#actor.tell(eventNames.linkDown, { link }),
      ),
    });
    this.#answers = new Answers(this.#fabrics, subjects);
    this.#forwarding = new Forwarding({
      links: this.#links,
      answers: this.#answers,
      subjects,
      replySubjects: Array.from({ length: recentForwardsMax }, (_, place) =>
        subjects.reply(address, forwardSlotBase + place),
      ),
      mirrorOutcome: (request, failed) => this.#virtualizing.mirrorOutcome(request, failed),
    });
    this.#calls = new LegCalls(this.#fabrics, ports.clock, this.#links, (slot) =>
      subjects.reply(address, slot),
    );
    this.#load = new LoadMeter(
      ports.clock,
      links.map(({ link }) => link),
      () => this.#calls.openCount,
    );
    this.#links.onSent = (link, bytes) => this.#load.sent(link, bytes);
    this.#actor = new Actor(address, incarnation, ports, () => ({
      state: stateText(this.#machine.getSnapshot().value),
      facts: this.facts(),
    }));
    this.#machine = this.#runMachine();
    const { calls, forwarding, answers } = this.#data();
    const commands = { actor: this.#actor, clock: ports.clock };
    const tellRepair = (fields: RepairFields) => this.#actor.tell(eventNames.repair, fields);
    const { cacheBytes } = limits;
    const cacheParts = { self: id, clock: ports.clock, slotBase: fillSlotBase };
    const cachedReads =
      cacheBytes === 0 ? null : new CachedReads(cacheBytes, { ...cacheParts, answers });
    this.#cachedReads = cachedReads;
    const sending = { calls, forwarding, answers, cachedReads };
    const own = { self: id, incarnation, resyncBytesPerSecond };
    const parts = { ...own, ...sending, commands, tellRepair };
    this.#virtualizing = new Virtualizing(limits, parts, (volume) => this.#steeringOf(volume), {
      volumesChanged: (loadedVolumes) =>
        this.#machine.send({ type: 'volumes.changed', loadedVolumes }),
      settled: (volume) => this.#tellSettled(volume),
    });
  }

  /** Its place on the command network, to look at it. */
  get actor(): Actor {
    return this.#actor;
  }

  get mode(): SwitchMode {
    return this.#mode;
  }

  start(): void {
    const { links, virtualizing } = this.#options;
    const { address } = this.#actor;
    if (virtualizing) this.#virtualizing.register(this.#actor);
    this.#cancels.push(
      this.#fabrics.subscribe(this.#subjects.replies(address), {
        message: (data, subject, finalSubject) => this.#replied(data, subject, finalSubject),
        noResponders: (subject) => this.#unanswered(subject),
      }),
      ...links.map(({ link, io }) =>
        this.#fabrics.subscribe(
          this.#subjects.io(address, link),
          { message: (data, _subject, hop) => this.#received(data, hop) },
          io,
        ),
      ),
      this.#fabrics.onState((changed) => {
        this.#machine.send({ type: `bus.${this.#fabrics.state}` });
        if (changed.state !== 'connected') this.#calls.connectionLost(changed);
      }),
    );
    this.#machine.send({ type: `bus.${this.#fabrics.state}` });
    this.#load.start();
    this.#actor.start();
  }

  /** Ends; the connections are their owner's to close. */
  stop(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#virtualizing.stop();
    this.#load.stop();
    this.#machine.send({ type: 'bus.closed' });
    this.#machine.stop();
    this.#actor.stop();
  }

  /** What it presents of itself. */
  facts(): Record<string, unknown> {
    return switchFactsOf({
      options: this.#options,
      load: this.#load.facts(),
      counters: this.counters,
      ...this.#data(),
      virtualizing: this.#virtualizing,
    });
  }

  #data() {
    return {
      calls: this.#calls,
      forwarding: this.#forwarding,
      answers: this.#answers,
      cachedReads: this.#cachedReads,
    };
  }

  #runMachine(): MachineActor<typeof switchMachine> {
    const { clock, log } = this.#ports;
    return runMachine({
      machine: switchMachine.provide({
        actions: {
          publishMode: (_, { mode }) => {
            this.#mode = mode;
          },
        },
      }),
      name: `switch:${this.id}`,
      input: undefined,
      actor: this.#actor,
      clock,
      log,
      onFailure: () => {
        this.#mode = 'isolated';
      },
    });
  }

  #steeringOf(volume: VolumeId): Steering {
    const { clock, log } = this.#ports;
    const report = (id: VolumeId, what: string) => this.#reportTrouble(id, what);
    return new Steering(volume, { actor: this.#actor, clock, log, report });
  }

  #reportTrouble(volume: VolumeId, what: string): void {
    const known = this.#virtualizing.get(volume);
    const generation = known?.volume.load.generation ?? 0;
    const silentDisks = [...this.#calls.silentDisks].slice(0, reportedDisksMax);
    const failedDisks = [...(known?.failedDisks ?? [])].slice(0, reportedDisksMax);
    this.#ports.log.warn({ switch: this.id, volume, what }, 'a coordinator is in trouble');
    for (const virtualizer of this.#options.virtualizers)
      this.#actor.ask(
        { kind: 'virtualizer', id: virtualizer },
        verbs.trouble,
        { volume, generation, reporter: this.id, what, silentDisks, failedDisks },
        reportTimeoutMs,
        () => {},
      );
  }

  #tellSettled(volume: SwitchVolume): void {
    const { volume: id, generation } = volume.volume.load;
    this.#actor.tell(eventNames.settled, { volume: id, generation, ...volume.settlingReport() });
  }

  #received(data: Uint8Array, hop: string): void {
    if (this.#mode === 'isolated') {
      this.counters.droppedFrames++;
      return;
    }
    this.counters.receivedFrames++;
    const frame = decodeFrame(data);
    if (frame === null || frame.kind !== FrameKind.request) this.counters.invalidFrames++;
    else this.#request(frame.request, frame.data, hop);
  }

  #request(request: Request, data: FrameData, hop: string): void {
    if (request.extentGeneration !== 0) this.#forwarding.forwardToDisk(request, data, hop);
    else if (!this.#options.virtualizing) {
      const what = `switch ${this.id} carries disk-addressed frames only`;
      this.#answers.end(request, plainError(Status.invalid, what));
    } else if (this.#mode === 'virtualizing' || request.operation === Operation.probe)
      this.#virtualizing.request(request, data);
    else {
      const detail = { volume: request.volume };
      this.#answers.end(request, { status: Status.notLoaded, detail });
    }
  }

  #replied(data: Uint8Array, subject: string, finalSubject: string): void {
    const frame = decodeFrame(data);
    const slot = slotOf(subject);
    if (frame === null || frame.kind !== FrameKind.reply) this.counters.invalidFrames++;
    else if (slot >= fillSlotBase)
      this.#cachedReads?.answered(slot - fillSlotBase, data, frame.reply, frame.data);
    else if (slot >= forwardSlotBase)
      this.#forwarding.returned(slot - forwardSlotBase, frame.reply, finalSubject);
    else this.#calls.answered(slot, frame.reply, frame.data);
  }

  #unanswered(subject: string): void {
    const slot = slotOf(subject);
    if (slot >= forwardSlotBase) this.#forwarding.unanswered(slot - forwardSlotBase);
    else this.#calls.unanswered(slot);
  }
}
