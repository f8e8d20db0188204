/**
 * Which switches are too slow to coordinate (DESIGN H7), as hosts measure it and say: one that was slow for the dwell time
 * loses its partitions, and may have them back once it has been well for as long. One that is slow again soon after that
 * must be well for longer each time: its load is what makes it slow. Knows nothing of clocks: it is told when.
 */
import type { SwitchId } from '../../protocols/ids.ts';
import type { ImbalancePolicy } from '../../protocols/topology/policies.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

interface Load {
  readonly isSlow: boolean;
  /** Since when it has been as it is now. */
  readonly since: Instant;
  /** It may have back what it lost from then on. */
  readonly returnsFrom: Instant;
  /** How much longer than the dwell time it had to be well the last time. */
  readonly blockMs: number;
}

/** What is known of who avoids whom. */
type SlownessFacts = Pick<VolumeEnvironment, 'presence' | 'clock' | 'isAvoidedBy'> & {
  readonly input: Pick<VolumeEnvironment['input'], 'hosts' | 'coordinatorRoutes'>;
};

/** True when half of the hosts that are there and could use a switch avoid it, or more: it is not one host's own trouble. */
export function isSlow(
  { presence, clock, isAvoidedBy, input }: SlownessFacts,
  id: SwitchId,
): boolean {
  const using = input.hosts.filter(
    (host) =>
      presence.liveness({ kind: 'host', id: host }, clock.now()) === 'live' &&
      input.coordinatorRoutes(host, id).length > 0,
  );
  const avoiding = using.filter((host) => isAvoidedBy(host, id));
  return avoiding.length > 0 && 2 * avoiding.length >= using.length;
}

/** Slow again within so many dwell times is too soon; and so many it must be well then, twice as many each time. */
const blockDwells = 10;
const blockMsMax = 600_000;
const never = unitOf<Instant>(Number.NEGATIVE_INFINITY);

export class SwitchLoads {
  readonly #dwellMs: number;
  readonly #loads = new Map<SwitchId, Load>();

  constructor({ dwellSeconds }: Pick<ImbalancePolicy, 'dwellSeconds'>) {
    this.#dwellMs = dwellSeconds * 1000;
  }

  /** Takes note of whether a switch is slow now. */
  note(id: SwitchId, isSlow: boolean, at: Instant): void {
    const known = this.#loads.get(id);
    if (known?.isSlow === isSlow) return;
    const { returnsFrom = never, blockMs = 0 } = known ?? {};
    const wasLeft = known !== undefined && this.isOverloaded(id, at);
    this.#loads.set(id, {
      ...{ isSlow, since: at, returnsFrom, blockMs },
      ...(wasLeft ? this.#returnOf(known, at) : {}),
    });
  }

  /** Others are to coordinate what it does. */
  isOverloaded(id: SwitchId, at: Instant): boolean {
    const load = this.#loads.get(id);
    return load?.isSlow === true && at >= load.since + this.#dwellMs;
  }

  /** It may have back what it is meant to coordinate. */
  mayReturn(id: SwitchId, at: Instant): boolean {
    const load = this.#loads.get(id);
    return load === undefined || (!load.isSlow && at >= load.returnsFrom);
  }

  /** When any of that changes by itself, after `at`; null when nothing does. */
  nextChangeAt(at: Instant): Instant | null {
    const times = [...this.#loads.values()]
      .map(({ isSlow, since, returnsFrom }) => (isSlow ? since + this.#dwellMs : returnsFrom))
      .filter((time) => time > at);
    return times.length === 0 ? null : unitOf<Instant>(Math.min(...times));
  }

  /** It was slow, and is well from now on. */
  #returnOf(left: Load, at: Instant): Pick<Load, 'returnsFrom' | 'blockMs'> {
    const leastMs = blockDwells * this.#dwellMs;
    const isSoon = left.since - left.returnsFrom < leastMs;
    const blockMs = isSoon ? Math.min(Math.max(leastMs, 2 * left.blockMs), blockMsMax) : 0;
    return { blockMs, returnsFrom: unitOf<Instant>(at + this.#dwellMs + blockMs) };
  }
}
