/**
 * Hosts that do not tell a new coordinator what they have open. One that is heard of all the same, and by no other switch
 * said to be silent, is cut off from that switch: then another one is to coordinate, and the host keeps what it has open.
 * Any other one is gone on without, for everybody waits for it. Pure but for what it remembers.
 */
import type { HostId, SwitchId } from '../../protocols/ids.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';
import { telemetryIntervalMs } from '../actor.ts';
import { barredMs } from './actor-watch.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

/** Actors tell of themselves once a second: one that was not heard of for longer may be as silent to everybody. */
const heardWithinMs = telemetryIntervalMs + 500;
/** What another switch has said of a host counts for so long. */
const forgivenAfterMs = 60_000;

type Surroundings = Pick<VolumeEnvironment, 'presence' | 'clock'>;

export class SilentHosts {
  readonly #surroundings: Surroundings;
  /** By host: the switches that heard nothing of it, and when that was told. */
  readonly #silentTo = new Map<HostId, Map<SwitchId, Instant>>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * A coordinator hears nothing of hosts. Where that is its own fault it is barred.
   *
   * @param candidates the switches that are able to coordinate
   * @returns the hosts to be gone on without
   */
  judge(
    hosts: readonly HostId[],
    reporter: SwitchId,
    candidates: readonly SwitchId[],
  ): readonly HostId[] {
    const { presence, clock } = this.#surroundings;
    const nowMs = clock.now();
    const others = candidates.filter(
      (id) =>
        id !== reporter &&
        presence.find({ kind: 'switch', id }) !== undefined &&
        !presence.isBarred({ kind: 'switch', id }),
    );
    const silentElsewhere = hosts.filter((host) => this.#note(host, reporter, nowMs));
    const isCutOff = (host: HostId) =>
      others.length > 0 && !silentElsewhere.includes(host) && this.#isHeard(host, nowMs);
    const silent = hosts.filter((host) => !isCutOff(host));
    if (silent.length < hosts.length)
      presence.bar({ kind: 'switch', id: reporter }, unitOf<Instant>(nowMs + barredMs));
    return silent;
  }

  #isHeard(host: HostId, at: Instant): boolean {
    const seenAt = this.#surroundings.presence.find({ kind: 'host', id: host })?.seenAt;
    return seenAt !== undefined && at - seenAt <= heardWithinMs;
  }

  /** @returns true when another switch heard nothing of it either, not long ago */
  #note(host: HostId, reporter: SwitchId, at: Instant): boolean {
    const told = this.#silentTo.get(host) ?? new Map<SwitchId, Instant>();
    this.#silentTo.set(host, told.set(reporter, at));
    return [...told].some(([other, since]) => other !== reporter && at - since < forgivenAfterMs);
  }
}
