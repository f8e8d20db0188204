/**
 * Tells hosts about a volume: control data on `ctl.<volume>.<host>`, and as the answer to a host that asks. Only
 * hosts that the last decision attached get any (DESIGN V3).
 */
import { type Answer, refusal } from '../../protocols/commands.ts';
import type { ControlData, VolumeRecord } from '../../protocols/control-data.ts';
import type { HostFacts } from '../../protocols/facts.ts';
import type { HostId } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import { encodeJson } from '../json.ts';
import { controlDataFor } from './publications.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

/**
 * What hosts were told last. They are told of an interruption only where what is under way must end: to a host that
 * goes on, another decision is a step of the generation and nothing else.
 */
type Told =
  /** Nothing that still holds: another decision is being made. */
  | { readonly state: 'nothing' }
  | { readonly state: 'serving'; readonly record: VolumeRecord }
  | {
      readonly state: 'assembling';
      readonly record: VolumeRecord | null;
      readonly reason: string;
    };

export class VolumeAnnouncer {
  readonly #environment: VolumeEnvironment;
  readonly #control: Bus;
  #told: Told = { state: 'nothing' };

  constructor(environment: VolumeEnvironment, control: Bus) {
    this.#environment = environment;
    this.#control = control;
  }

  announceAssembling(record: VolumeRecord | null, reason: string): void {
    if (this.#told.state === 'assembling' && this.#told.reason === reason) return;
    this.#told = { state: 'assembling', record, reason };
    this.#announceToAll(record);
  }

  announceServing(record: VolumeRecord): void {
    this.#told = { state: 'serving', record };
    this.#announceToAll(record);
  }

  /** Another decision is being made. An interruption that hosts were told of lasts until it takes effect. */
  pause(): void {
    if (this.#told.state === 'serving') this.#told = { state: 'nothing' };
  }

  /** Tells one attached host again what all were told. */
  announceTo(host: HostId): void {
    const data = this.#dataFor(host);
    if (data === null) return;
    const { actor, log } = this.#environment;
    const { volume } = data;
    const subject = actor.subjects.controlData(volume, host);
    if (this.#control.publish(subject, encodeJson(data)) === 'too-large')
      log.error(
        { volume, host },
        'control data is larger than the NATS server takes in one message; raise its max_payload',
      );
  }

  /** A host told which control data it holds: it gets again what it seems to have missed. */
  hostSeen(host: HostId, facts: HostFacts): void {
    if (this.#told.state !== 'serving') return;
    const { volume, generation } = this.#told.record;
    const held = facts.volumes.find((each) => each.volume === volume);
    if ((held?.generation ?? 0) < generation) this.announceTo(host);
  }

  /** The answer to a host that asks for control data; `reason` says how the volume is when there is none. */
  answer(host: HostId, reason: string): Answer {
    const controlData = this.#dataFor(host);
    return controlData === null ? refusal('not-ready', reason) : { ok: true, controlData };
  }

  #announceToAll(record: VolumeRecord | null): void {
    for (const { host } of record?.attachments ?? []) this.announceTo(host);
  }

  #dataFor(host: HostId): ControlData | null {
    const told = this.#told;
    if (told.state === 'nothing' || told.record === null) return null;
    if (!told.record.attachments.some((attached) => attached.host === host)) return null;
    const reason = told.state === 'assembling' ? told.reason : '';
    const state = { state: told.state, reason };
    return controlDataFor(host, told.record, state, this.#environment.input);
  }
}
