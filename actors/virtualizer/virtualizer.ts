/**
 * The off-host virtualizer (DESIGN V1, V2, V5, V7): listens to who is there, takes requests of hosts, and runs one
 * assembly per volume while its machine says that it decides. What is decided, and when, is the machines' business.
 */
import type { Actor as MachineActor } from 'xstate';
import { type Answer, type Description, refusal } from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { ConfigDatabase } from '../../protocols/ports.ts';
import { type ControlEpoch, unitOf } from '../../protocols/units.ts';
import { Actor, type ActorPorts, newIncarnation } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { ActorWatch } from './actor-watch.ts';
import { AttachCommands } from './attach-commands.ts';
import { ControlClaim } from './control-claim.ts';
import { ControlLease } from './control-lease.ts';
import { PathQueries } from './path-queries.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';
import { type VirtualizerMachineEvent, virtualizerMachine } from './virtualizer-machine.ts';
import { type CreatedVolume, VolumeCatalogue } from './volume-catalogue.ts';
import { type ActiveTerm, type Purpose, VolumeCommands } from './volume-commands.ts';
import { VolumeSet } from './volume-set.ts';
import type { DescribedVolume } from './volume-status.ts';

const definitionRetryMs = 1000;

export interface VirtualizerPorts extends ActorPorts {
  readonly database: ConfigDatabase;
}

export class Virtualizer {
  readonly #input: VirtualizerInput;
  readonly #ports: VirtualizerPorts;
  readonly #actor: Actor;
  readonly #watch: ActorWatch;
  readonly #claim: ControlClaim;
  readonly #lease: ControlLease;
  readonly #catalogue: VolumeCatalogue;
  readonly #pathQueries: PathQueries;
  #term: ActiveTerm | null = null;
  #machine: MachineActor<typeof virtualizerMachine> | null = null;
  #state = 'stopped';

  constructor(input: VirtualizerInput, ports: VirtualizerPorts) {
    this.#input = input;
    this.#ports = ports;
    const { virtualizer, topology } = input;
    const incarnation = newIncarnation(ports.random);
    const address = { kind: 'virtualizer', id: virtualizer } as const;
    this.#actor = new Actor(address, incarnation, ports, () => ({
      state: this.state,
      facts: this.#facts(),
    }));
    const { database, random } = ports;
    const decider = { virtualizer, incarnation };
    this.#claim = new ControlClaim({ database, random, ...decider });
    const { subjects } = this.#actor;
    const { leaseMs } = topology.policies.control;
    this.#lease = new ControlLease({ ...decider, ...ports, subjects, leaseMs });
    this.#catalogue = new VolumeCatalogue({
      topology,
      database,
      log: ports.log,
      appeared: (created) => this.#startCreated(created),
    });
    const membersChanged = () => this.#term?.volumes.membersChanged();
    this.#watch = new ActorWatch(input, this.#actor, ports, {
      membersChanged,
      hostSeen: (host, facts) => this.#term?.volumes.hostSeen(host, facts),
      settledTold: (sender) => this.#term?.volumes.settledTold(sender),
      mirrorsFailed: (retry) => this.#term?.volumes.mirrorsFailed(retry),
    });
    this.#pathQueries = new PathQueries(input, this.#actor, membersChanged);
    const commandParts = {
      catalogue: this.#catalogue,
      term: (purpose: Purpose) => (purpose === 'look' || this.#lease.isHeld ? this.#term : null),
      notDeciding: () => this.#refuseInactive(),
    };
    const volumeIds = () => this.#volumeIds;
    new AttachCommands({ ...commandParts, volumeIds }).register(this.#actor);
    const exportsChanged = () => this.#tellExports();
    new VolumeCommands({ ...commandParts, topology, random, exportsChanged }).register(this.#actor);
  }

  /** Who decides, and how every volume is. */
  description(): Description {
    return this.#actor.description();
  }

  /** Its place on the command network, to look at it. */
  get actor(): Actor {
    return this.#actor;
  }

  get state(): string {
    return this.#machine === null ? this.#state : stateText(this.#machine.getSnapshot().value);
  }

  start(): void {
    const { clock, log } = this.#ports;
    this.#actor.start();
    this.#watch.start();
    this.#machine = runMachine({
      machine: this.#providedMachine(),
      name: 'virtualizer',
      input: undefined,
      actor: this.#actor,
      clock,
      log,
      onFailure: () => this.#end('failed'),
    });
  }

  /** Decides nothing any more, and says goodbye. */
  stop(): void {
    this.#end('stopped');
    this.#watch.stop();
    this.#actor.tell(eventNames.goodbye, {});
    this.#actor.stop();
  }

  #providedMachine(): typeof virtualizerMachine {
    const { log } = this.#ports;
    return virtualizerMachine.provide({
      actions: {
        identifyCluster: ({ self }) => this.#claim.identify((event) => self.send(event)),
        watchControl: ({ self }, { held }) =>
          this.#lease.watch(held === 0, (event) => self.send(event)),
        holdControl: ({ self }, { held }) => this.#lease.hold(held, (event) => self.send(event)),
        leaveControl: () => this.#lease.stop(),
        claimControl: ({ self }, { held, floor }) => {
          const { free } = this.#lease;
          this.#claim.claim({ held, floor, free }, (event) => self.send(event));
        },
        listVolumes: ({ self }) => this.#listVolumes((event) => self.send(event)),
        startVolumes: (_, { controlEpoch }) => this.#startVolumes(unitOf(controlEpoch)),
        stopVolumes: () => this.#stopVolumes(),
        reportLoss: (_, { reason }) => {
          log.warn({ reason }, 'this virtualizer does not decide any more');
          this.#actor.tell(eventNames.fault, { what: reason });
        },
      },
    });
  }

  /** First what is wanted, then what else there is. */
  #listVolumes(tell: (event: VirtualizerMachineEvent) => void): void {
    this.#catalogue.read((problem) => {
      const reason = `the config database cannot be used: ${problem}`;
      if (problem !== '') tell({ type: 'database.unavailable', reason });
      else this.#claim.listVolumes(this.#volumeIds, tell);
    });
  }

  get #volumeIds(): readonly VolumeId[] {
    return [...this.#input.volumes.map(({ id }) => id), ...this.#catalogue.created.keys()];
  }

  #startVolumes(controlEpoch: ControlEpoch): void {
    const { clock, log, database, control } = this.#ports;
    const { created } = this.#catalogue;
    const volumes = new VolumeSet({
      actor: this.#actor,
      clock,
      log,
      database,
      control,
      input: this.#input,
      presence: this.#watch.presence,
      clusterIdentity: this.#claim.clusterIdentity,
      controlEpoch,
      foreignLayouts: this.#claim.foreignLayouts,
      endedBefore: this.#claim.ended,
      ...this.#pathQueries.told,
      askDescription: (address) => this.#watch.ask(address),
      // Later, for it ends the volumes, and one of them is asking.
      outranked: (higher) =>
        clock.soon(() => this.#machine?.send({ type: 'control.outranked', controlEpoch: higher })),
      volumeEnded: (volume) => this.#volumeEnded(volume),
    });
    this.#term = { volumes, controlEpoch };
    this.#watch.askAll();
    volumes.start([
      ...this.#input.volumes,
      ...[...created.values()].map(({ defined }) => defined.volume),
    ]);
    for (const [volume, { definition }] of created)
      if (definition.state === 'deleting') volumes.get(volume)?.end();
    this.#tellExports();
  }

  /** A volume whose definition arrived late. */
  #startCreated({ defined, definition }: CreatedVolume): void {
    const { id } = defined.volume;
    this.#term?.volumes.start([defined.volume]);
    if (definition.state === 'deleting') this.#term?.volumes.get(id)?.end();
    this.#tellExports();
  }

  #stopVolumes(): void {
    this.#term?.volumes.stop();
    this.#term = null;
  }

  /** Nothing is left but the definition: once that is gone, too, the name is free. */
  #volumeEnded(volume: VolumeId): void {
    const term = this.#term;
    const { log, clock } = this.#ports;
    const life = this.#catalogue.lastLife(volume);
    this.#catalogue.change(volume, { state: 'deleted', life }, (problem) => {
      if (problem === '' || term === null || this.#term !== term) return;
      log.warn({ volume, problem }, 'the definition of a deleted volume is still there');
      clock.setTimeout(() => {
        if (this.#term === term) this.#volumeEnded(volume);
      }, definitionRetryMs);
    });
  }

  #tellExports(): void {
    if (this.#term !== null) this.#actor.tell(eventNames.exports, this.#exportsNumber);
  }

  /** What says whether a host that serves exports of created volumes knows the latest ones. */
  get #exportsNumber(): { controlEpoch: number; number: number } {
    return { controlEpoch: this.#term?.controlEpoch ?? 0, number: this.#catalogue.changes };
  }

  #refuseInactive(): Answer {
    const isCutOff = this.#term !== null && !this.#lease.isHeld;
    const reason = isCutOff ? 'it cannot renew its lease in the config database' : this.#reason;
    const why = reason === '' ? '' : `: ${reason}`;
    const who = `virtualizer ${this.#input.virtualizer}`;
    return refusal('inactive', `${who} does not decide, it is ${this.state}${why}`);
  }

  get #reason(): string {
    return this.#machine?.getSnapshot().context.reason ?? '';
  }

  /** What becomes of each volume; none while it does not decide. */
  get volumes(): readonly DescribedVolume[] {
    return this.#term?.volumes.statuses() ?? [];
  }

  #facts(): Record<string, unknown> {
    return {
      controlEpoch: this.#machine?.getSnapshot().context.controlEpoch ?? 0,
      clusterIdentity: this.#claim.clusterIdentity,
      reason: this.#reason,
      volumes: this.volumes,
      preferredPaths: this.#pathQueries.facts(),
      createdExports: this.#term === null ? [] : this.#catalogue.exportFacts(),
    };
  }

  #end(state: string): void {
    this.#machine?.stop();
    this.#machine = null;
    this.#state = state;
    this.#lease.stop();
    this.#stopVolumes();
  }
}
