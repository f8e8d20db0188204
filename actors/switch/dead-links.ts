/**
 * Links that a switch found dead of late: told to hosts once in a while, and avoided for a moment where the switch
 * itself chooses how a frame goes on.
 */
import type { LinkId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';

/** A dead link is told of again only after this. */
const tellIntervalMs = 500;
/** As long as a link is avoided: then one frame finds out. */
const avoidMs = 500;

export class DeadLinks {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #tell: (link: LinkId) => void;
  readonly #foundAtMs = new Map<LinkId, number>();
  readonly #toldAtMs = new Map<LinkId, number>();

  constructor(clock: Pick<Clock, 'now'>, tell: (link: LinkId) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** True until a link was found dead for the first time. */
  get isEmpty(): boolean {
    return this.#foundAtMs.size === 0;
  }

  /** Nobody listened at its other end. */
  found(link: LinkId): void {
    const nowMs = this.#clock.now();
    this.#foundAtMs.set(link, nowMs);
    const toldAtMs = this.#toldAtMs.get(link);
    if (toldAtMs !== undefined && nowMs - toldAtMs < tellIntervalMs) return;
    this.#toldAtMs.set(link, nowMs);
    this.#tell(link);
  }

  /** It was found dead so lately that it is better not taken. */
  isDead(link: LinkId): boolean {
    const foundAtMs = this.#foundAtMs.get(link);
    return foundAtMs !== undefined && this.#clock.now() - foundAtMs < avoidMs;
  }
}
