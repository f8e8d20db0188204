/**
 * Every command of every actor of a SAN, with bodies that make no sense: each is refused with a message, the actor lives,
 * and neither it nor the volumes are any different afterwards.
 */
import type { Actor } from '../../../actors/actor.ts';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import type { SimulatedBus } from '../../../cluster/simulation/bus.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { Answer } from '../../../protocols/commands.ts';
import { verbs } from '../../../protocols/commands.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';
import { smallTwoTier } from '../small-two-tier.ts';
import { hostileBody } from './hostile-bodies.ts';

const answerWithinMs = 5000;
const betweenChecks = 500;
const repliesTo = 'san.v1.two-tier.rpl.node.attacker.cmd';
/** They need nothing in their bodies, and so have little to refuse. */
const bodilessVerbs: readonly string[] = [
  verbs.describe,
  verbs.ping,
  verbs.listVolumes,
  verbs.failback,
];

export class CommandCampaign {
  /** Refusals by verb. */
  readonly counts = new Map<string, number>();
  readonly #san: SimulatedSan;
  readonly #random: SeededRandom;
  readonly #attacker: SimulatedBus;
  /** Bodies that were really sent, by verb: what they are bent from. */
  readonly #genuine = new Map<string, unknown[]>();
  readonly #answers = new Map<string, Answer>();
  #asked = 0;
  #isRecording = true;

  constructor(seed: string) {
    this.#random = new SeededRandom(`commands/${seed}`);
    this.#san = new SimulatedSan(smallTwoTier());
    this.#attacker = this.#san.connect('attacker');
    this.#attacker.subscribe(`${repliesTo}.*`, {
      message: (data, subject) => this.#answers.set(subject, decodeJson(data) as Answer),
    });
    this.#attacker.subscribe('san.v1.two-tier.cmd.>', {
      message: (data, subject) => this.#saw(subject, data),
    });
    // Every decision is told once more to those who come back, and that is what bodies are bent from.
    for (const id of ['s1', 'd1', 'h1', 'v1']) {
      this.#san.world.crash(this.#san.node(id));
      this.#san.runFor(500);
      this.#san.runUntil('everything serves again', () => this.#isWell);
    }
    this.#isRecording = false;
  }

  run(commands: number): string | null {
    for (let sent = 0; sent < commands; sent++) {
      const actor = this.#random.pick(this.#actors);
      const { verb } = this.#random.pick(actor.commands);
      const problem = this.#ask(actor, verb);
      if (problem !== null) return `command ${sent}, ${verb} of ${actor.address.id}: ${problem}`;
      if (sent % betweenChecks === 0 && !this.#isWell)
        return `after ${sent + 1} commands not everything serves`;
    }
    this.#san.runUntil('everything serves', () => this.#isWell);
    return this.#san.complaints[0] ?? null;
  }

  end(): readonly string[] {
    return this.#san.stopAndCompare();
  }

  get #actors(): readonly Actor[] {
    return this.#san.world.nodes.flatMap(({ assembled }) => assembled?.actors ?? []);
  }

  get #isWell(): boolean {
    return this.#san.world.isWhole && this.#san.isServing;
  }

  #saw(subject: string, data: Uint8Array): void {
    if (!this.#isRecording) return;
    const verb = subject.slice(subject.lastIndexOf('.') + 1);
    const body = decodeJson(data);
    const known = this.#genuine.get(verb);
    if (known === undefined) this.#genuine.set(verb, [body]);
    else if (known.length < 8) known.push(body);
  }

  #ask(actor: Actor, verb: string): string | null {
    const genuine = this.#random.pick(this.#genuine.get(verb) ?? [{}]);
    const body = hostileBody(genuine, this.#random);
    const before = actor.description().state;
    const subject = `${repliesTo}.${this.#asked++}`;
    const bytes = body instanceof Uint8Array ? body : encodeJson(body);
    this.#attacker.publish(actor.subjects.command(actor.address, verb), bytes, subject);
    for (let ms = 0; !this.#answers.has(subject) && ms < answerWithinMs; ms += 1)
      this.#san.runFor(1);
    const answer = this.#answers.get(subject);
    this.#answers.delete(subject);
    if (answer === undefined) return `no answer to ${textOf(bytes)}`;
    const after = actor.description().state;
    if (after !== before) return `it was ${before} and is ${after} after ${textOf(bytes)}`;
    if (bodilessVerbs.includes(verb)) return null;
    if (answer.ok) return `it was carried out: ${textOf(bytes)}`;
    if (typeof answer.message !== 'string' || answer.message === '')
      return 'refused without a word';
    this.counts.set(verb, (this.counts.get(verb) ?? 0) + 1);
    return null;
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 300)).toString('utf8');
}
