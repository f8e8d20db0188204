/**
 * A host: its HBAs, its attachments, and what they share, wired to the ports. Volumes are attached for consumers
 * (the NBD server, or code through the driver's API); everything that happens to them is left to the parts.
 */
import type { Actor as MachineActor } from 'xstate';
import { z } from 'zod';
import { type Answer, refusal, unfinishedQuerySchema, verbs } from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import type { HbaId, HostId, LinkId, VirtualizerId, VolumeId } from '../../protocols/ids.ts';
import { Actor, type ActorPorts, newIncarnation } from '../actor.ts';
import { Hba, type HbaListener, type HbaOptions } from '../hba/hba.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { Attachment } from './attachment.ts';
import type { AttachmentOptions } from './attachment-parts.ts';
import { Dispatcher } from './dispatcher.ts';
import { newDriverCounters } from './driver-counters.ts';
import { type DriverPolicy, driverPolicyDefault } from './driver-policy.ts';
import { answerExplain } from './explanation.ts';
import { hostMachine } from './host-machine.ts';
import type { MirrorRetries } from './mirror-retries.ts';
import { PathControl } from './path-control.ts';
import { hbaFacts, pathFacts, trafficFacts } from './path-facts.ts';
import { Paths } from './paths.ts';
import { LinkRank, type PathLink } from './route-table.ts';
import { SlotTable } from './slots.ts';
import { SuspectReports } from './suspect-reports.ts';
import { underWayOf } from './under-way.ts';

export interface HostOptions {
  readonly host: HostId;
  readonly hbas: readonly HbaOptions[];
  /** Whom it may ask for attachments; at least one. */
  readonly virtualizers: readonly VirtualizerId[];
  readonly policy?: Partial<DriverPolicy>;
  /** Compared to others; 1 for those that are not named. */
  readonly linkSpeeds?: ReadonlyMap<LinkId, number>;
}

export class Host {
  readonly id: HostId;
  readonly counters = newDriverCounters();
  readonly hbas: readonly Hba[];
  readonly paths: Paths;
  readonly #options: HostOptions;
  readonly #ports: ActorPorts;
  readonly #actor: Actor;
  readonly #dispatcher: Dispatcher;
  readonly #pathControl: PathControl;
  readonly #machine: MachineActor<typeof hostMachine>;
  readonly #attachments = new Map<VolumeId, Attachment>();
  /**
   * The highest attach epochs that volumes were let go under. Whether the virtualizer knows of that is not known, and
   * what was counted and unfinished under them is forgotten: they must not be taken up again (DESIGN I9, I12).
   */
  readonly #formerEpochs = new Map<VolumeId, number>();
  readonly #moreFacts: (() => Record<string, unknown>)[] = [];
  #attachable = false;
  #whenStopped: (() => void)[] = [];

  constructor(options: HostOptions, ports: ActorPorts) {
    this.id = options.host;
    this.#options = options;
    this.#ports = ports;
    const incarnation = newIncarnation(ports.random);
    const policy = { ...driverPolicyDefault, ...options.policy };
    this.#actor = new Actor({ kind: 'host', id: options.host }, incarnation, ports, () => ({
      state: this.state,
      facts: this.facts(),
    }));
    this.#actor.onCommand(verbs.explain, (body, answer) => answer(this.#explain(body)));
    this.#actor.onCommand(verbs.unfinished, (body, answer) => answer(this.#unfinished(body)));
    const listener: HbaListener = {
      replied: (slot, reply, data) => this.#dispatcher.replied(slot, reply, data),
      unanswered: (hba, slot) => this.#dispatcher.unanswered(hba, slot),
      hbaChanged: (hba) => this.#hbaChanged(hba),
    };
    this.hbas = options.hbas.map((hba) => new Hba(hba, incarnation, ports, listener));
    const byId = new Map<HbaId, Hba>(this.hbas.map((hba) => [hba.id, hba]));
    const { clock, log } = ports;
    this.paths = new Paths({
      actor: this.#actor,
      clock,
      log,
      policy: policy.failback,
      linkSpeeds: options.linkSpeeds ?? new Map(),
      hbas: byId,
      probe: (link) => this.#dispatcher.probe(link),
      changed: (link) => this.#linkChanged(link),
      hbaRanked: () => this.#dispatcher.routesChanged(),
    });
    this.#pathControl = new PathControl({
      ...options,
      actor: this.#actor,
      control: ports.control,
      clock,
      paths: this.paths,
      balance: policy.balance,
      dispatcher: () => this.#dispatcher,
    });
    this.#dispatcher = new Dispatcher({
      actor: this.#actor,
      clock,
      log,
      policy,
      counters: this.counters,
      slots: new SlotTable(options.host, incarnation, policy),
      paths: this.paths,
      hbas: this.hbas,
      suspects: new SuspectReports({
        ...options,
        actor: this.#actor,
        reportAfterMs: policy.reportAfterMs,
        switches: () => this.paths.switches,
        tryAll: () => this.#dispatcher.tryFirsts(),
      }),
      query: this.#pathControl.query,
      preferenceChanged: () => this.#pathControl.changed(),
    });
    this.#machine = runMachine({
      machine: hostMachine.provide({
        actions: {
          publishAttachable: (_, { attachable }) => {
            this.#attachable = attachable;
          },
          detachAll: () => this.#detachAll(),
          shutDown: () => this.#shutDown(),
        },
      }),
      name: 'host',
      input: undefined,
      actor: this.#actor,
      clock,
      log,
      onFailure: () => this.#shutDown(),
    });
  }

  /** Its place on the command network, to look at it. */
  get actor(): Actor {
    return this.#actor;
  }

  get state(): string {
    return stateText(this.#machine.getSnapshot().value);
  }

  /** Its machine, to look at it. */
  get machine(): MachineActor<typeof hostMachine> {
    return this.#machine;
  }

  /** False once it is stopping. */
  get isAttachable(): boolean {
    return this.#attachable;
  }

  /** Reads that met a bad mirror and are being recovered. */
  get mirrorRetries(): MirrorRetries {
    return this.#dispatcher.mirrorRetries;
  }

  get attachments(): readonly Attachment[] {
    return [...this.#attachments.values()];
  }

  start(): void {
    this.#actor.start();
    this.#pathControl.start();
    for (const hba of this.hbas) hba.start();
  }

  /**
   * Begins to attach a volume; what comes of it shows in the attachment.
   *
   * @throws RangeError when the volume is attached here already, or the host is stopping.
   */
  attach(options: AttachmentOptions): Attachment {
    const { volume } = options;
    if (!this.#attachable)
      throw new RangeError(`host ${this.id} is stopping: volume ${volume} cannot be attached`);
    if (this.#attachments.has(volume))
      throw new RangeError(`volume ${volume} is attached on host ${this.id} already`);
    const attachment = new Attachment(options, {
      host: this.id,
      virtualizers: this.#options.virtualizers,
      actor: this.#actor,
      ports: this.#ports,
      dispatcher: this.#dispatcher,
      routeParts: this.paths,
      formerEpoch: this.#formerEpochs.get(volume) ?? 0,
    });
    this.#attachments.set(volume, attachment);
    return attachment;
  }

  /** Lets go of one volume: drains, flushes, tells the virtualizer; then calls. */
  detach(volume: VolumeId, done: () => void): void {
    const attachment = this.#attachments.get(volume);
    if (attachment === undefined) this.#ports.clock.soon(done);
    else
      attachment.detach(() => {
        const { attachEpoch, lostEpoch } = attachment.machine.getSnapshot().context;
        this.#formerEpochs.set(volume, Math.max(attachEpoch, lostEpoch));
        this.#attachments.delete(volume);
        done();
      });
  }

  /** Lets go of all volumes, then ends. The connections are their owner's to close. */
  stop(done: () => void): void {
    if (this.#machine.getSnapshot().hasTag('over')) {
      this.#ports.clock.soon(done);
      return;
    }
    this.#whenStopped.push(done);
    this.#machine.send({ type: 'stop.requested' });
  }

  /** Lets it present what others do for its consumers, such as the exports of an NBD server. */
  addFacts(facts: () => Record<string, unknown>): void {
    this.#moreFacts.push(facts);
  }

  /** What it presents of itself (`hostFactsSchema`, and what `status` shows). */
  facts(): Record<string, unknown> {
    const attachments = this.attachments;
    return {
      ...Object.assign({}, ...this.#moreFacts.map((facts) => facts())),
      volumes: attachments.map((attachment) => attachment.facts()),
      hbas: this.hbas.map((hba) => hbaFacts(hba, this.paths)),
      paths: pathFacts(attachments, this.paths),
      traffic: trafficFacts(this.paths),
      failovers: [...this.#dispatcher.failovers].map(({ facts }) => facts),
      load: this.#pathControl.loadFacts(),
      cacheCleanups: attachments.flatMap(({ volume }) => volume?.caches?.facts() ?? []),
      underWay: underWayOf(this.#dispatcher, this.paths, attachments),
      counters: { ...this.counters },
    };
  }

  /** The command `explain`. */
  #explain(body: unknown): Answer {
    const { pathOrder } = this.#dispatcher.policy;
    return answerExplain(body, { host: this.id, order: pathOrder, attachments: this.attachments });
  }

  /** The command `unfinished`. */
  #unfinished(body: unknown): Answer {
    const parsed = unfinishedQuerySchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    const { volume, hostIncarnation, firstEpoch } = parsed.data;
    const attachment = this.#attachments.get(volume);
    if (attachment === undefined || hostIncarnation !== this.#actor.incarnation)
      return refusal('not-ready', `this process of host ${this.id} has not attached ${volume}`);
    return attachment.unfinished(firstEpoch);
  }

  #hbaChanged(hba: Hba): void {
    this.paths.hbas.changed(hba);
    this.#dispatcher.hbaChanged(hba);
    const usable = this.hbas.filter((each) => each.usable).length;
    this.#machine.send({ type: 'hbas.changed', usable });
  }

  #linkChanged(link: PathLink): void {
    for (const hba of this.hbas) hba.linkChanged(link.link, link.rank !== LinkRank.failed);
    this.#dispatcher.linkChanged(link);
  }

  #detachAll(): void {
    const volumes = [...this.#attachments.keys()];
    let left = volumes.length;
    const oneLeft = () => {
      left--;
      if (left <= 0) this.#machine.send({ type: 'attachments.left' });
    };
    if (volumes.length === 0) oneLeft();
    for (const volume of volumes) this.detach(volume, oneLeft);
  }

  #shutDown(): void {
    this.#pathControl.stop();
    this.#dispatcher.stop();
    this.paths.stop();
    for (const hba of this.hbas) hba.stop();
    this.#actor.tell(eventNames.goodbye, this.#actor.description());
    this.#actor.stop();
    for (const done of this.#whenStopped.splice(0)) this.#ports.clock.soon(done);
  }
}
