/**
 * The off-host virtualizer (DESIGN V1, V2, V5): listens to who is there, takes requests of hosts, and runs one
 * assembly per volume while its machine says that it decides. What is decided, and when, is the machines' business.
 */
import type { Actor as MachineActor } from 'xstate';
import type { z } from 'zod';
import {
  type Answer,
  attachRequestSchema,
  controlDataQuerySchema,
  type Description,
  refusal,
  troubleReportSchema,
  verbs,
} from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { Layout } from '../../protocols/layout/layout.ts';
import type { ConfigDatabase } from '../../protocols/ports.ts';
import { type ControlEpoch, unitOf } from '../../protocols/units.ts';
import { Actor, type ActorPorts, newIncarnation } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { ActorWatch } from './actor-watch.ts';
import { ControlClaim } from './control-claim.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';
import { virtualizerMachine } from './virtualizer-machine.ts';
import { VolumeAssembly } from './volume-assembly.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

export interface VirtualizerPorts extends ActorPorts {
  readonly database: ConfigDatabase;
}

export class Virtualizer {
  readonly #input: VirtualizerInput;
  readonly #ports: VirtualizerPorts;
  readonly #actor: Actor;
  readonly #watch: ActorWatch;
  readonly #claim: ControlClaim;
  readonly #volumes = new Map<VolumeId, VolumeAssembly>();
  #machine: MachineActor<typeof virtualizerMachine> | null = null;
  #state = 'stopped';

  constructor(input: VirtualizerInput, ports: VirtualizerPorts) {
    this.#input = input;
    this.#ports = ports;
    const { virtualizer } = input;
    const incarnation = newIncarnation(ports.random);
    const address = { kind: 'virtualizer', id: virtualizer } as const;
    this.#actor = new Actor(address, incarnation, ports, () => ({
      state: this.state,
      facts: this.#facts(),
    }));
    const { database, random } = ports;
    const known = input.volumes.map(({ id }) => id);
    this.#claim = new ControlClaim({ database, random, virtualizer, incarnation, known });
    this.#watch = new ActorWatch(input, this.#actor, ports, {
      membersChanged: () => this.#membersChanged(),
      hostSeen: (host, facts) => {
        for (const volume of this.#volumes.values()) volume.hostSeen(host, facts);
      },
      settledTold: (sender) => {
        for (const volume of this.#volumes.values()) volume.settledTold(sender);
      },
    });
    this.#handleCommands();
  }

  /** How it presents itself: who decides, and how every volume is. */
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
      onFailure: (error) => this.#failed(error),
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
        claimControl: ({ self }, { held, floor }) =>
          this.#claim.claim(held, floor, (event) => self.send(event)),
        listVolumes: ({ self }) => this.#claim.listVolumes((event) => self.send(event)),
        startVolumes: (_, { controlEpoch }) => this.#startVolumes(unitOf(controlEpoch)),
        stopVolumes: () => this.#stopVolumes(),
        reportLoss: (_, { reason }) => {
          log.warn({ reason }, 'this virtualizer does not decide any more');
          this.#actor.tell(eventNames.fault, { what: reason });
        },
      },
    });
  }

  #startVolumes(controlEpoch: ControlEpoch): void {
    const { clock, log, database, control } = this.#ports;
    const environment: VolumeEnvironment = {
      actor: this.#actor,
      clock,
      log,
      database,
      input: this.#input,
      presence: this.#watch.presence,
      clusterIdentity: this.#claim.clusterIdentity,
      controlEpoch,
      askDescription: (address) => this.#watch.ask(address),
      // Later, for it ends the volumes, and one of them is asking.
      outranked: (higher) =>
        clock.soon(() => this.#machine?.send({ type: 'control.outranked', controlEpoch: higher })),
      volumeRead: () => this.#membersChanged(),
      layoutsBeside: (volume) => this.#layoutsBeside(volume),
    };
    this.#watch.askAll();
    for (const volume of this.#input.volumes)
      this.#volumes.set(volume.id, new VolumeAssembly(environment, volume, control));
    for (const volume of this.#volumes.values()) volume.start();
  }

  #membersChanged(): void {
    for (const volume of this.#volumes.values()) volume.membersChanged();
  }

  #stopVolumes(): void {
    for (const volume of this.#volumes.values()) volume.stop();
    this.#volumes.clear();
  }

  #layoutsBeside(asking: VolumeId): readonly Layout[] | null {
    const layouts = [...this.#claim.foreignLayouts];
    for (const [id, volume] of this.#volumes) {
      if (id === asking) continue;
      if (!volume.isRead) return null;
      if (volume.layout !== null) layouts.push(volume.layout);
    }
    return layouts;
  }

  #handleCommands(): void {
    this.#onVolumeCommand(verbs.attach, attachRequestSchema, (volume, request) =>
      volume.attach(request),
    );
    this.#onVolumeCommand(verbs.detach, attachRequestSchema, (volume, request) =>
      volume.detach(request),
    );
    this.#onVolumeCommand(verbs.controlData, controlDataQuerySchema, (volume, query) =>
      volume.controlData(query.host),
    );
    this.#onVolumeCommand(verbs.trouble, troubleReportSchema, (volume, report) =>
      volume.trouble(report),
    );
  }

  #onVolumeCommand<Body extends { volume: VolumeId }>(
    verb: string,
    schema: z.ZodType<Body>,
    carryOut: (volume: VolumeAssembly, body: Body) => Answer,
  ): void {
    this.#actor.onCommand(verb, (body, answer) => {
      const parsed = schema.safeParse(body);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        answer(refusal('invalid', `${verb}: ${issue?.path.join('.')}: ${issue?.message}`));
        return;
      }
      const volume = this.#volumes.get(parsed.data.volume);
      answer(
        volume === undefined ? this.#refuse(parsed.data.volume) : carryOut(volume, parsed.data),
      );
    });
  }

  #refuse(volume: VolumeId): Answer {
    const { virtualizer, volumes } = this.#input;
    const ids = volumes.map(({ id }) => id);
    if (!ids.includes(volume))
      return refusal(
        'unknown',
        `there is no volume ${volume}; there are ${ids.join(', ') || 'none'}`,
      );
    const why = this.#reason === '' ? '' : `: ${this.#reason}`;
    return refusal(
      'not-ready',
      `virtualizer ${virtualizer} does not decide, it is ${this.state}${why}`,
    );
  }

  get #reason(): string {
    return this.#machine?.getSnapshot().context.reason ?? '';
  }

  #facts(): Record<string, unknown> {
    return {
      controlEpoch: this.#machine?.getSnapshot().context.controlEpoch ?? 0,
      clusterIdentity: this.#claim.clusterIdentity,
      reason: this.#reason,
      volumes: [...this.#volumes.values()].map((volume) => volume.status()),
    };
  }

  #failed(error: unknown): void {
    this.#end('failed');
    this.#actor.tell(eventNames.fault, {
      what: `the virtualizer's machine died: ${String(error)}`,
    });
  }

  #end(state: string): void {
    this.#machine?.stop();
    this.#machine = null;
    this.#state = state;
    this.#stopVolumes();
  }
}
