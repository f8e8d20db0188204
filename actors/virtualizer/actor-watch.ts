/**
 * Listens to who is there: events, telemetry, and answers to `describe`. Keeps the presence table, and tells when it
 * changed in a way that matters. Only actors of the topology are listened to, which bounds the table.
 */
import {
  type Answer,
  type Description,
  descriptionSchema,
  refusal,
  suspectReportSchema,
  verbs,
} from '../../protocols/commands.ts';
import {
  eventNames,
  eventSchema,
  type MirrorRetryFields,
  mirrorRetrySchema,
  nodeExitedSchema,
} from '../../protocols/events.ts';
import { type HostFacts, hostFactsSchema } from '../../protocols/facts.ts';
import type { ActorAddress, HostId } from '../../protocols/ids.ts';
import type { Cancel, Timer } from '../../protocols/ports.ts';
import { senderOf } from '../../protocols/subjects.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';
import type { Actor, ActorPorts } from '../actor.ts';
import { decodeJson } from '../json.ts';
import { PresenceTable } from './presence.ts';
import { Suspicions } from './suspicions.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';

export interface WatchListener {
  /** A disk or a switch came, went, or changed; or a host came. */
  membersChanged(): void;
  /** A host told which control data it holds. */
  hostSeen(host: HostId, facts: HostFacts): void;
  /** A switch told that partitions of it are settled. */
  settledTold(sender: ActorAddress): void;
  /** A host told that mirrors could not be read. */
  mirrorsFailed(retry: MirrorRetryFields): void;
}

const sweepMs = 250;
/** A sweep later than this means that the virtualizer itself stood still, and could hear nobody. */
const sweepGapMsMax = 1500;
const describeTimeoutMs = 1000;
/** A switch that does not answer hosts, or hears no disk, coordinates nothing for so long: that may be mended by then. */
export const barredMs = 60_000;

export class ActorWatch {
  readonly presence: PresenceTable;
  readonly #actor: Actor;
  readonly #ports: ActorPorts;
  readonly #listener: WatchListener;
  readonly #members: readonly ActorAddress[];
  readonly #known: ReadonlySet<string>;
  /** Whom a question is open to. */
  readonly #asked = new Set<string>();
  readonly #cancels: Cancel[] = [];
  readonly #suspicions: Suspicions;
  #sweepTimer: Timer | null = null;
  #sweptAt: Instant;

  constructor(input: VirtualizerInput, actor: Actor, ports: ActorPorts, listener: WatchListener) {
    this.#actor = actor;
    this.#ports = ports;
    this.#listener = listener;
    this.presence = new PresenceTable(ports.clock.now());
    this.#members = [
      ...input.disks.map((id) => ({ kind: 'disk', id }) as const),
      ...input.virtualizingSwitches.map((id) => ({ kind: 'switch', id }) as const),
      ...input.hosts.map((id) => ({ kind: 'host', id }) as const),
    ];
    this.#known = new Set(this.#members.map(keyOf));
    this.#sweptAt = ports.clock.now();
    const { nodes, policies } = input.topology;
    const processes = new Map(
      nodes.flatMap(({ id, actors }) => actors.map((address) => [keyOf(address), id] as const)),
    );
    this.#suspicions = new Suspicions({
      actor,
      clock: ports.clock,
      policy: policies.detection,
      members: this.#members,
      isPresent: (address) => this.presence.find(address) !== undefined,
      shareProcess: (one, other) => processes.get(keyOf(one)) === processes.get(keyOf(other)),
      silent: (address) => {
        if (this.presence.silent(address)) this.#departed([address]);
      },
      returned: (address) => this.ask(address),
      deaf: (address) => this.#onDeaf(address),
    });
    actor.onCommand(verbs.suspect, (body, answer) => answer(this.#onReport(body)));
  }

  start(): void {
    const { control } = this.#ports;
    const { subjects } = this.#actor;
    this.#forgive();
    this.#cancels.push(
      control.subscribe(subjects.events(), {
        message: (data, subject) => this.#onEvent(data, subject),
      }),
      control.subscribe(subjects.telemetries(), {
        message: (data, subject) => this.#onTelemetry(data, subject),
      }),
      control.onState((state) => {
        this.#forgive();
        if (state === 'connected') this.askAll();
      }),
    );
    this.#scheduleSweep();
  }

  stop(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
    if (this.#sweepTimer !== null) this.#ports.clock.clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
    this.#suspicions.stop();
  }

  /** Asks every actor of the topology how it is. */
  askAll(): void {
    for (const address of this.#members) this.ask(address);
  }

  /** Asks one actor how it is, unless it has been asked and may still answer. */
  ask(address: ActorAddress): void {
    const key = keyOf(address);
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    const askedAt = this.#ports.clock.now();
    this.#actor.ask(address, verbs.describe, {}, describeTimeoutMs, (answer) => {
      this.#asked.delete(key);
      if (answer.ok) this.#describes(address, answer, askedAt);
    });
  }

  #onTelemetry(data: Uint8Array, subject: string): void {
    const sender = senderOf(subject)?.sender;
    if (sender === undefined || !this.#known.has(keyOf(sender))) return;
    this.#suspicions.beat(sender);
    this.#describes(sender, decodeJson(data));
  }

  #onEvent(data: Uint8Array, subject: string): void {
    const { sender, what } = senderOf(subject) ?? {};
    if (sender === undefined) return;
    if (what === eventNames.exited) this.#onExited(data);
    if (!this.#known.has(keyOf(sender))) return;
    this.#suspicions.heard(sender);
    if (what === eventNames.hello) this.#describes(sender, decodeJson(data));
    else if (what === eventNames.goodbye) this.#onGoodbye(sender, data);
    else if (what === eventNames.settled) this.#listener.settledTold(sender);
    else if (what === eventNames.mirrorRetry) this.#onMirrorRetry(data);
  }

  #onMirrorRetry(data: Uint8Array): void {
    const retry = mirrorRetrySchema.safeParse(decodeJson(data)).data;
    if (retry !== undefined) this.#listener.mirrorsFailed(retry);
  }

  #onReport(body: unknown): Answer {
    const report = suspectReportSchema.safeParse(body).data;
    if (report === undefined) return refusal('invalid', 'this is no report of suspects');
    this.#suspicions.reported(report);
    return { ok: true };
  }

  /** Another one is to coordinate in its place; in time it may again. */
  #onDeaf(address: ActorAddress): void {
    if (this.presence.isBarred(address)) return;
    this.presence.bar(address, unitOf<Instant>(this.#ports.clock.now() + barredMs));
    this.#listener.membersChanged();
  }

  #onGoodbye(sender: ActorAddress, data: Uint8Array): void {
    const event = eventSchema.safeParse(decodeJson(data)).data;
    if (event === undefined) return;
    if (this.presence.goodbye(sender, event.incarnation)) this.#departed([sender]);
  }

  #onExited(data: Uint8Array): void {
    const event = nodeExitedSchema.safeParse(decodeJson(data)).data;
    if (event === undefined) return;
    this.#departed(event.actors.filter((address) => this.presence.exited(address)));
  }

  #describes(sender: ActorAddress, body: unknown, askedAt: Instant | null = null): void {
    const description = descriptionSchema.safeParse(body).data;
    if (description === undefined) return;
    if (description.kind !== sender.kind || description.id !== sender.id) return;
    this.#suspicions.heard(sender);
    const isChanged = this.presence.see(description, this.#ports.clock.now(), askedAt);
    if (description.kind === 'host') this.#hostDescribes(description);
    // What is in reach of a host counts again once the host is back.
    if (isChanged) this.#listener.membersChanged();
  }

  #hostDescribes({ id, facts }: Description): void {
    const hostFacts = hostFactsSchema.safeParse(facts).data;
    if (hostFacts !== undefined) this.#listener.hostSeen(id as HostId, hostFacts);
  }

  #departed(actors: readonly ActorAddress[]): void {
    for (const address of actors) this.#suspicions.departed(address);
    if (actors.some(({ kind }) => kind !== 'host')) this.#listener.membersChanged();
  }

  /** Nobody could be heard until now: the silence so far proves nothing. */
  #forgive(): void {
    this.presence.listensFrom(this.#ports.clock.now());
    this.#suspicions.forgive();
  }

  #scheduleSweep(): void {
    const { clock, control } = this.#ports;
    this.#sweepTimer = clock.setTimeout(() => {
      this.#scheduleSweep();
      const gapMs = clock.now() - this.#sweptAt;
      this.#sweptAt = clock.now();
      if (control.state !== 'connected' || gapMs > sweepGapMsMax) this.#forgive();
      else this.#suspicions.sweep();
      if (this.presence.endBars(clock.now())) this.#listener.membersChanged();
    }, sweepMs);
  }
}

function keyOf({ kind, id }: ActorAddress): string {
  return `${kind}:${id}`;
}
