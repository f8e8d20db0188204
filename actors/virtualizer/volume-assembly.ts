/**
 * One volume in the hands of the active virtualizer: its machine, and the parts that carry out what the machine says
 * and tell it what became of it. Requests of hosts and what is heard of actors come in here.
 */
import type { Actor as MachineActor } from 'xstate';
import {
  type AlternatesQuery,
  type Answer,
  type AttachRequest,
  refusal,
} from '../../protocols/commands.ts';
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import type { HostFacts } from '../../protocols/facts.ts';
import type { ActorAddress, HostId } from '../../protocols/ids.ts';
import type { Layout } from '../../protocols/layout/layout.ts';
import type { Bus, Timer } from '../../protocols/ports.ts';
import type { Volume } from '../../protocols/topology.ts';
import type { TroubleReport } from '../../protocols/trouble-report.ts';
import type { AssembleOrder, CoordinatorMove } from '../../protocols/volume-orders.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { answerAlternates } from './alternate-mirrors.ts';
import { refuseHost } from './attachments.ts';
import { Departures } from './departures.ts';
import { wiredVolumeMachine } from './volume-actions.ts';
import { VolumeAnnouncer } from './volume-announcer.ts';
import { VolumeDecider } from './volume-decider.ts';
import type { VolumeEnvironment } from './volume-environment.ts';
import type { volumeMachine } from './volume-machine.ts';
import { VolumeRounds } from './volume-rounds.ts';
import type { VolumeMachineEvent } from './volume-setup.ts';
import { type VolumeStatus, volumeStatus } from './volume-status.ts';

/** A machine that died of an exception is a bug; the volume is taken up again after this. */
const restartMs = 1000;

export class VolumeAssembly {
  readonly #environment: VolumeEnvironment;
  readonly #volume: Volume;
  readonly #control: Bus;
  #decider: VolumeDecider;
  #rounds: VolumeRounds;
  #announcer: VolumeAnnouncer;
  readonly #departures = new Departures();
  #machine: MachineActor<typeof volumeMachine> | null = null;
  #restartTimer: Timer | null = null;
  /** The volume is to be deleted. */
  #isEnding = false;
  /** Counts starts: what an earlier machine asked for is not told to a later one. */
  #life = 0;

  constructor(environment: VolumeEnvironment, volume: Volume, control: Bus) {
    this.#environment = environment;
    this.#volume = volume;
    this.#control = control;
    this.#decider = new VolumeDecider(environment, volume);
    this.#rounds = this.#newRounds();
    this.#announcer = new VolumeAnnouncer(environment, control);
  }

  start(): void {
    const { actor, clock, log } = this.#environment;
    this.#life++;
    this.#restartTimer = null;
    this.#machine = runMachine({
      machine: this.#wiredMachine(),
      name: `volume:${this.#volume.id}`,
      input: { volume: this.#volume.id },
      actor,
      clock,
      log,
      onFailure: () => this.#failed(),
    });
    if (this.#isEnding) this.#send({ type: 'end.requested' });
  }

  /** Begins to delete the volume. Cannot be taken back. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#send({ type: 'end.requested' });
  }

  /** Decides nothing any more. A write that is under way may still arrive. */
  stop(): void {
    const { clock } = this.#environment;
    this.#life++;
    if (this.#restartTimer !== null) clock.clearTimeout(this.#restartTimer);
    this.#restartTimer = null;
    this.#rounds.stop();
    this.#departures.stop();
    this.#machine?.stop();
    this.#machine = null;
  }

  get isRead(): boolean {
    return this.#decider.isRead;
  }

  get layout(): Layout | null {
    return this.#decider.layout;
  }

  /** What the config database holds: the last decision, or what stays of a deleted volume. */
  get known(): VolumeRecord | EndedVolume | null {
    return this.#decider.record ?? this.#decider.former;
  }

  /** Hosts that may still do I/O. */
  hostsHolding(): readonly HostId[] {
    return this.#decider.hostsHolding();
  }

  status(): VolumeStatus {
    const snapshot = this.#machine?.getSnapshot();
    const progress = {
      state: snapshot === undefined ? 'stopped' : stateText(snapshot.value),
      reason: snapshot?.context.reason ?? '',
      waitingFor: this.#rounds.waitingFor || this.#hostsToLeave,
      remainingBytes: this.#rounds.remainingBytes,
      resync: this.#rounds.resync,
    };
    const preferred = this.#decider.coordinatorPlan.preferred(this.#decider.record);
    return volumeStatus(this.#volume, this.#decider.record, progress, preferred);
  }

  attach(request: AttachRequest): Answer {
    const { host, hostIncarnation, volume } = request;
    if (!this.#decider.mayUse(host)) return refuseHost(this.#volume, host);
    if (this.#environment.presence.isFormer({ kind: 'host', id: host }, hostIncarnation))
      return refusal('refused', `another process of host ${host} has taken the place of that one`);
    if (this.#isEnding) return refusal('refused', `volume ${volume} is being deleted`);
    // Whoever holds it is in its record.
    if (!this.isRead)
      return refusal('not-ready', `volume ${volume} is still looked for in the config database`);
    const judgement = this.#decider.attach(request);
    switch (judgement.outcome) {
      case 'refused':
      case 'not-ready':
        return refusal(judgement.outcome, judgement.message);
      case 'attached':
        if (this.isServing) this.#announcer.announceTo(host);
        break;
      case 'noted':
        this.#departures.overtaken(request);
        this.#environment.log.info({ volume, host }, 'a host asks to be attached');
        this.review();
    }
    return { ok: true, outcome: judgement.outcome };
  }

  /** Answers once that is decided, and written. */
  detach(request: AttachRequest, answer: (answer: Answer) => void): void {
    this.#decider.detach(request);
    this.#departures.wait(request, answer);
    this.#tellDepartures();
    this.review();
  }

  controlData(host: HostId): Answer {
    if (!this.#decider.mayUse(host)) return refuseHost(this.#volume, host);
    const { volume, state, reason } = this.status();
    const why = reason === '' ? `host ${host} is not attached to it` : reason;
    return this.#announcer.answer(host, `volume ${volume} is ${state}: ${why}`);
  }

  /** Which mirrors a host may read beside one that failed; told only while what was decided holds. */
  alternates(query: AlternatesQuery, answer: (result: Answer) => void): void {
    const served = () => (this.isServing ? this.#decider.record : null);
    const state = () => this.status().state;
    if (!this.#decider.mayUse(query.host)) answer(refuseHost(this.#volume, query.host));
    else answerAlternates(query, { served, state, facts: this.#environment }, answer);
  }

  /** An operator wants others to coordinate it. */
  moveCoordinator(order: CoordinatorMove): Answer {
    if (!this.isServing)
      return refusal('not-ready', `volume ${order.volume} is ${this.status().state}`);
    const problem = this.#decider.orderCoordinators(order);
    if (problem !== '') return refusal('refused', problem);
    const moves = this.#decider.movesWanted();
    this.review();
    return { ok: true, moves };
  }

  /** An operator says which mirrors are right, where the volume cannot be assembled from those that are known to be. */
  assemble(order: AssembleOrder): Answer {
    const verdict = this.#decider.membership.forced.make(order);
    if (!verdict.ok) return refusal(verdict.reason, verdict.message);
    if (order.isForced) this.membersChanged();
    return verdict;
  }

  trouble(report: TroubleReport): Answer {
    if (this.#decider.concerns(report)) {
      const reason = `${report.reporter} reports: ${report.what}`;
      this.#decider.membership.troubles.noteReport(report, reason);
      this.#send({ type: 'trouble.reported', reason });
    }
    return { ok: true };
  }

  /** A disk or switch came, went, or changed. */
  membersChanged(): void {
    this.#decider.membersChanged();
    this.#send({ type: 'members.changed' });
    this.review();
    this.#loadLate();
  }

  /** A host told of itself. */
  hostSeen(host: HostId, facts: HostFacts): void {
    this.#announcer.hostSeen(host, facts);
  }

  /** A switch told that it may have settled. */
  settledTold(sender: ActorAddress): void {
    this.#rounds.hurry(sender);
  }

  /** Looks whether what was decided still fits what is there and what is asked for. */
  review(): void {
    if (this.#isEnding && this.hostsHolding().length === 0) this.#send({ type: 'hosts.left' });
    if (this.#machine?.getSnapshot().hasTag('decided') !== true) return;
    const reason = this.#decider.loss();
    if (reason !== '') this.#send({ type: 'member.lost', reason });
    else if (this.#decider.attachmentsDiffer()) this.#send({ type: 'attachments.changed' });
    else if (this.isServing) this.#reviewPlans();
  }

  #reviewPlans(): void {
    const moves = this.#decider.movesWanted();
    const move = moves === '' ? '' : `a planned move of ${moves}`;
    const reason = this.#decider.membership.improvement() || move;
    if (reason !== '') this.#send({ type: 'move.wanted', reason });
  }

  get isServing(): boolean {
    return this.#machine?.getSnapshot().hasTag('serving') === true;
  }

  #wiredMachine(): typeof volumeMachine {
    const life = this.#life;
    const parts = {
      environment: this.#environment,
      decider: this.#decider,
      rounds: this.#rounds,
      announcer: this.#announcer,
    };
    return wiredVolumeMachine(parts, (event) => {
      if (life !== this.#life) return;
      this.#tellDepartures();
      this.#send(event);
      this.review();
    });
  }

  #send(event: VolumeMachineEvent): void {
    this.#machine?.send(event);
  }

  #tellDepartures(): void {
    if (this.isRead) this.#departures.look(this.#decider.record);
  }

  get #hostsToLeave(): string {
    const hosts = this.#isEnding ? this.hostsHolding() : [];
    return hosts.map((host) => `host ${host}`).join(', ');
  }

  #loadLate(): void {
    const { record } = this.#decider;
    if (record !== null && this.isServing) this.#rounds.loadLate(record);
  }

  #failed(): void {
    const { clock } = this.#environment;
    this.stop();
    this.#restartTimer = clock.setTimeout(() => this.#startAnew(), restartMs);
  }

  #newRounds(): VolumeRounds {
    const tell = (event: VolumeMachineEvent): void => {
      this.#send(event);
      this.review();
    };
    return new VolumeRounds(this.#environment, tell, (member) => {
      this.#decider.membership.noteFenced(member);
      this.membersChanged();
    });
  }

  /** Nothing that an exception left half done is believed any more; hosts repeat what they asked for. */
  #startAnew(): void {
    this.#decider = new VolumeDecider(this.#environment, this.#volume);
    this.#rounds = this.#newRounds();
    this.#announcer = new VolumeAnnouncer(this.#environment, this.#control);
    this.start();
  }
}
