/**
 * Measures a switch's load: what it sends over each link, and how late its process does its work. Two numbers a frame;
 * rates are formed about once a second. Who is told is its owner's business.
 */
import type { LinkId } from '../../protocols/ids.ts';
import type { LinkTraffic, SwitchLoadFacts } from '../../protocols/load.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';

/** How often the process is asked whether it is late. */
const tickMs = 200;
const ticksPerSample = 5;

interface LinkMeter {
  readonly link: LinkId;
  frames: number;
  bytes: number;
}

export class LoadMeter {
  readonly #clock: Clock;
  readonly #openCalls: () => number;
  readonly #links: readonly LinkMeter[];
  readonly #byLink: ReadonlyMap<LinkId, LinkMeter>;
  #rates: readonly LinkTraffic[];
  #queueDelayMs = 0;
  #worstDelayMs = 0;
  #ticks = 0;
  #sampledAtMs = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock, links: readonly LinkId[], openCalls: () => number) {
    this.#clock = clock;
    this.#openCalls = openCalls;
    this.#links = links.map((link) => ({ link, frames: 0, bytes: 0 }));
    this.#byLink = new Map(this.#links.map((meter) => [meter.link, meter]));
    this.#rates = links.map((link) => ({ link, framesPerSecond: 0, bytesPerSecond: 0 }));
  }

  start(): void {
    this.#sampledAtMs = this.#clock.now();
    this.#arm();
  }

  stop(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** A frame left over a link. */
  sent(link: LinkId, bytes: number): void {
    const meter = this.#byLink.get(link);
    if (meter === undefined) return;
    meter.frames++;
    meter.bytes += bytes;
  }

  facts(): SwitchLoadFacts {
    const sum = (of: (rate: LinkTraffic) => number) =>
      this.#rates.reduce((total, rate) => total + of(rate), 0);
    return {
      queueDelayMs: this.#queueDelayMs,
      openCalls: this.#openCalls(),
      framesPerSecond: sum(({ framesPerSecond }) => framesPerSecond),
      bytesPerSecond: sum(({ bytesPerSecond }) => bytesPerSecond),
      links: [...this.#rates],
    };
  }

  #arm(): void {
    const dueMs = this.#clock.now() + tickMs;
    this.#timer = this.#clock.setTimeout(() => {
      this.#worstDelayMs = Math.max(this.#worstDelayMs, this.#clock.now() - dueMs);
      this.#ticks++;
      if (this.#ticks % ticksPerSample === 0) this.#sample();
      this.#arm();
    }, tickMs);
  }

  #sample(): void {
    const nowMs = this.#clock.now();
    const seconds = (nowMs - this.#sampledAtMs) / 1000;
    this.#sampledAtMs = nowMs;
    this.#queueDelayMs = Math.round(this.#worstDelayMs * 10) / 10;
    this.#worstDelayMs = 0;
    this.#rates = this.#links.map((meter) => {
      const { link, frames, bytes } = meter;
      meter.frames = 0;
      meter.bytes = 0;
      const perSecond = (count: number) => (seconds > 0 ? Math.round(count / seconds) : 0);
      return { link, framesPerSecond: perSecond(frames), bytesPerSecond: perSecond(bytes) };
    });
  }
}
