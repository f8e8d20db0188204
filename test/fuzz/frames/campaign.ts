/**
 * A whole SAN of two tiers, on a simulated network, into which somebody sends frames that nobody should send. Whatever
 * comes: nothing is thrown, no machine dies, the hosts' I/O goes on, and what they wrote stands there, on every mirror.
 */
import type { SimulatedBus } from '../../../cluster/simulation/bus.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Status } from '../../../protocols/codes.ts';
import { kibibyte } from '../../../protocols/units.ts';
import { type Ended, SimulatedSan } from '../../tools/simulated-san.ts';
import { smallTwoTier } from '../small-two-tier.ts';
import { type HostileKind, hostileMessage, type SeenMessage } from './hostile-frames.ts';

/** Frames that are kept as material. */
const seenMax = 600;
const frameBytesKeptMax = 16 * kibibyte;
const betweenChecks = 400;
/** How many messages of a burst are sent at the same moment. */
const burst = 8;
const stepBytes = 64 * kibibyte;
const places = 12;
const roundsRecorded = 6;

export class FrameCampaign {
  readonly counts: Record<HostileKind, number> = { noise: 0, broken: 0, request: 0, reply: 0 };
  readonly #san: SimulatedSan;
  readonly #random: SeededRandom;
  readonly #attacker: SimulatedBus;
  readonly #seen: SeenMessage[] = [];
  /** What stands at each place, by volume. */
  readonly #expected = new Map<string, number>();
  #rounds = 0;
  /** Only what hosts and disks said by themselves is material: of a forged frame a second lie might make a true one. */
  #isRecording = true;

  constructor(seed: string) {
    this.#random = new SeededRandom(`frames/${seed}`);
    this.#san = new SimulatedSan(smallTwoTier());
    this.#attacker = this.#san.connect('attacker');
    const { cluster } = this.#san.world.topology;
    const watcher = this.#san.connect('watcher');
    for (const plane of ['io', 'rpl'])
      watcher.subscribe(`san.v1.${cluster}.${plane}.>`, {
        message: (data, subject) => this.#saw(subject, data),
      });
    for (let round = 0; round < roundsRecorded; round++) this.#useVolumes();
    this.#isRecording = false;
  }

  /** Sends hostile messages. @returns what came of it that must not; null when nothing did */
  run(messages: number): string | null {
    for (let sent = 0; sent < messages; sent++) {
      const { kind, subject, bytes } = hostileMessage(this.#seen, this.#random);
      this.counts[kind]++;
      this.#attacker.publish(subject, bytes);
      if (sent % burst === 0) this.#san.runFor(1);
      if (sent % betweenChecks === 0) {
        const problem = this.#check();
        if (problem !== null) return `after ${sent + 1} messages: ${problem}`;
      }
    }
    return this.#check();
  }

  /** Ends the cluster. @returns how its mirrors differ, and what else must not have happened */
  end(): readonly string[] {
    return this.#san.stopAndCompare();
  }

  #saw(subject: string, data: Uint8Array): void {
    if (!this.#isRecording || subject.includes('.cmd.') || data.length > frameBytesKeptMax) return;
    const message = { subject, bytes: Uint8Array.from(data) };
    if (this.#seen.length < seenMax) this.#seen.push(message);
    else this.#seen[this.#random.integer(seenMax)] = message;
  }

  #check(): string | null {
    try {
      this.#useVolumes();
      return this.#san.complaints[0] ?? null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Every host reads what stands there, and writes something new. @throws Error when that is not so */
  #useVolumes(): void {
    this.#rounds++;
    for (const [host, volume] of [
      ['h1', 'vol0'],
      ['h2', 'vol0'],
      ['h1', 'vol1'],
    ] as const) {
      const driver = this.#san.volume(host, volume);
      const ios: Ended[] = [];
      const reads: { readonly key: string; readonly read: Ended }[] = [];
      for (let place = 0; place < places; place++) {
        const key = `${volume}/${place}`;
        const read = this.#san.read(driver, place * stepBytes * 5, 4096);
        reads.push({ key, read });
        ios.push(read);
      }
      this.#san.finish(...ios);
      for (const { key, read } of reads) {
        const expected = Buffer.alloc(4096, this.#expected.get(key) ?? 0);
        if (!read.bytes.equals(expected))
          throw new Error(`${key} through ${host} holds what no host wrote (status ${Status.ok})`);
      }
      const value = 1 + (this.#rounds % 250);
      const place = this.#rounds % places;
      this.#san.finish(this.#san.write(driver, place * stepBytes * 5, 4096, value));
      this.#expected.set(`${volume}/${place}`, value);
    }
  }
}
