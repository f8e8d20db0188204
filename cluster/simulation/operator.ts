/**
 * An operator of a simulated cluster: makes a volume, and deletes it the next time; moves coordinators; scrubs. As the command
 * line does, it asks the virtualizer again and again until that says that it is done, whatever fails meanwhile. Of what
 * it asked a copy may arrive late, when the volume is gone again: that must not bring it back.
 */
import { z } from 'zod';
import { Questions } from '../../actors/questions.ts';
import { type Answer, type RefusalReason, verbs } from '../../protocols/commands.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { Log } from '../../protocols/ports.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import type { Topology } from '../../protocols/topology.ts';
import type { AssembleOrder } from '../../protocols/volume-orders.ts';
import type { VirtualClock } from './clock.ts';
import type { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

export interface OperatorParts {
  readonly topology: Topology;
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly log: Log;
  /** Told of a refusal that no fault explains, and of a volume that nobody made. */
  readonly onWrong: (what: string) => void;
}

/** Names and places take turns, so that namesakes and former owners meet. */
const names = ['made1', 'made2'];
const size = '1MiB';
const answerMsMax = 3000;
const askAgainMs = 200;
/** Of so many scrubs one is ended before its end: one that goes on, or one that waits for the volume. */
const scrubStopsIn = 3;
const scrubMsMax = [150, 3000];
/** How long after a volume is gone a copy of the command that made it may arrive. */
const copyMsMax = 3000;

/** How often it looks whether a volume is in a state, and for how long. */
interface Watch {
  readonly everyMs: number;
  readonly withinMs: number;
}

const listedSchema = z.looseObject({
  volumes: z.array(
    z.looseObject({ volume: z.string(), origin: z.string(), state: z.string().optional() }),
  ),
});

export class Operator {
  readonly #parts: OperatorParts;
  readonly #process: SimulatedProcess;
  readonly #questions: Questions;
  /** The volume that is there; '' when there is none. */
  #made = '';
  #life = 0;
  /** What it was made by. */
  #command: object = {};
  #isBusy = false;
  #isThrough = false;
  /** Which virtualizer is asked, counted up. */
  #current = 0;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    const { topology, clock, network, log } = parts;
    this.#process = new SimulatedProcess(clock, 'operator');
    const bus = network
      .server(topology.control)
      .connect({ process: this.#process, role: 'control', log });
    const address = { kind: 'node', id: 'operator' } as const;
    const subjects = subjectsOf(topology.cluster);
    this.#questions = new Questions(address, subjects, bus, this.#process.clock);
    this.#questions.start();
  }

  /** Nothing that was begun is still under way. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** There is a volume that it would delete now. */
  get wouldDelete(): boolean {
    return this.#made !== '' && !this.#isBusy;
  }

  /** The last thing: looks whether exactly those volumes are there that it made; it is busy until it knows. */
  look(): void {
    this.#isThrough = true;
    this.#isBusy = true;
    this.#ask(verbs.listVolumes, {}, (listed) => {
      if (!listed.ok) return false;
      this.#compare(listed, this.#made);
      this.#isBusy = false;
      return true;
    });
  }

  /** Begins the next thing. @returns what it is; null while the last one is under way */
  act(random: SeededRandom): string | null {
    const name = random.pick(names);
    const host = random.pick(this.#parts.topology.hosts).id;
    const layout = this.#layout(random);
    const copyMs = random.between(0, copyMsMax);
    const isCopied = random.integer(2) === 0;
    if (this.#isBusy) return null;
    this.#isBusy = true;
    if (this.#made === '') {
      this.#made = name;
      this.#create(
        { volume: { id: name, size, layout, hosts: [host] }, exports: [{ host }] },
        name,
      );
      return `creates ${name} for ${host}`;
    }
    const volume = this.#made;
    this.#ask(verbs.deleteVolume, { volume, life: this.#life }, (answer) => {
      if (answer.ok || answer.reason !== 'unknown') return false;
      this.#made = '';
      this.#isBusy = false;
      if (isCopied) this.#copyLate(this.#command, copyMs);
      return true;
    });
    return `deletes ${volume}`;
  }

  /** Deletes the volume that is there once it is in that state. @returns what it waits for */
  deleteOnce(state: string, { everyMs, withinMs }: Watch, random: SeededRandom): string {
    const { clock } = this.#process;
    const untilMs = clock.now() + withinMs;
    const volume = this.#made;
    const look = (): void => {
      if (this.#made !== volume || this.#isBusy || clock.now() > untilMs) return;
      this.#put(verbs.listVolumes, { volume }, withinMs, (answer) => {
        const listed = answer.ok ? listedSchema.parse(answer).volumes : [];
        const isThere = listed.some((each) => each.volume === volume && each.state === state);
        if (!isThere) clock.setTimeout(look, everyMs);
        else if (this.#made === volume && !this.#isThrough) this.act(random);
      });
    };
    look();
    return `deletes ${volume} once it is ${state}`;
  }

  /**
   * Has another switch coordinate a partition, or gives all back, and paths with it where they wait for that. Asked once: what is in the way then is nobody's fault.
   *
   * @returns what is asked for
   */
  move(random: SeededRandom): string {
    const { topology } = this.#parts;
    const volume = random.pick(topology.volumes);
    const partition = random.integer(volume.coordinators.length);
    const to = random.pick(topology.switches).id;
    const givesBack = random.integer(4) === 0;
    if (givesBack) this.#failBack();
    return this.#move({ volume: volume.id, ...(givesBack ? {} : { partition, to }) });
  }

  /** The same with the volume that it made. */
  moveMade(random: SeededRandom): string {
    const to = random.pick(this.#parts.topology.switches).id;
    return this.#move({ volume: this.#made, partition: 0, to });
  }

  /** Where paths do not come back by themselves. */
  #failBack(): void {
    const { hosts, policies } = this.#parts.topology;
    if (policies.failover.failback !== 'manual') return;
    for (const { id } of hosts)
      this.#questions.ask({ kind: 'host', id }, verbs.failback, {}, answerMsMax, () => {});
  }

  #move(order: object): string {
    this.#put(verbs.moveCoordinator, order, answerMsMax, () => {});
    return `moves coordinators: ${JSON.stringify(order)}`;
  }

  /** Has a volume assembled by force, or only looks what that would mean. Asked once. */
  assemble(order: AssembleOrder, done: (answer: Answer) => void): void {
    this.#put(verbs.assembleVolume, order, answerMsMax, done);
  }

  /** Begins a scrub of a volume, and may end it in the middle. Each is asked for once, as a move is. */
  scrub(random: SeededRandom): void {
    const volume = random.pick(this.#parts.topology.volumes).id;
    const stopsAfterMs = random.between(0, random.pick(scrubMsMax));
    const isStopped = random.integer(scrubStopsIn) === 0;
    const order = (action: string) =>
      this.#put(verbs.scrubVolume, { volume, action }, answerMsMax, () => {});
    order('start');
    if (isStopped) this.#process.clock.setTimeout(() => order('stop'), stopsAfterMs);
  }

  /** Has all volumes of the topology scrubbed from their beginning to their end; calls when they are. */
  scrubAll(done: () => void): void {
    const [first, ...others] = this.#parts.topology.volumes.map(({ id }) => id);
    const scrubFrom = (volume: VolumeId | undefined, left: readonly VolumeId[]): void => {
      if (volume === undefined) done();
      else this.#scrubToEnd(volume, () => scrubFrom(left[0], left.slice(1)));
    };
    scrubFrom(first, others);
  }

  /** One that goes on already began before what must be found was there; one that somebody ends is begun anew. */
  #scrubToEnd(volume: VolumeId, done: () => void): void {
    const order = (action: string) => ({ volume, action });
    const lookFor = (number: unknown): void =>
      this.#ask(verbs.scrubVolume, order('look'), (answer) => {
        if (!answer.ok) return false;
        if (answer.completed === number) done();
        else if (answer.state === 'idle' || answer.number !== number)
          this.#scrubToEnd(volume, done);
        else return false;
        return true;
      });
    this.#ask(verbs.scrubVolume, order('stop'), ({ ok }) => {
      if (!ok) return false;
      this.#ask(verbs.scrubVolume, order('start'), (begun) => {
        if (begun.ok) lookFor(begun.number);
        return begun.ok;
      });
      return true;
    });
  }

  stop(): void {
    this.#process.stop();
  }

  /** Mirrors on two disks that every volume of the topology lies on already, so that all hosts reach them. */
  #layout(random: SeededRandom): object {
    const [one, ...others] = this.#parts.topology.disks.map(({ id }) => id).slice(0, 3);
    return { mirror: [one, random.pick(others)] };
  }

  /** First which life it is to follow, then the volume. */
  #create(body: object, name: string): void {
    this.#ask(verbs.listVolumes, { volume: name }, (listed) => {
      if (!listed.ok) return false;
      this.#compare(listed, '');
      this.#command = { ...body, follows: listed.lastLife };
      this.#ask(verbs.createVolume, this.#command, (answer) => {
        if (!answer.ok || answer.state !== 'serving') return false;
        this.#life = Number(answer.life);
        this.#isBusy = false;
        return true;
      });
      return true;
    });
  }

  /** Nobody waits for what is answered to a copy. */
  #copyLate(command: object, afterMs: number): void {
    this.#process.clock.setTimeout(() => {
      this.#put(verbs.createVolume, command, answerMsMax, () => {});
    }, afterMs);
  }

  #compare(listed: Answer, made: string): void {
    const there = listedSchema
      .parse(listed)
      .volumes.filter(({ origin }) => origin === 'created')
      .map(({ volume }) => volume);
    const wanted = made === '' ? [] : [made];
    if (there.join() === wanted.join()) return;
    const text = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '));
    this.#parts.onWrong(`created volumes are ${text(there)}, and should be ${text(wanted)}`);
  }

  /** Asks a virtualizer, the next one after one that does not decide, or does not answer. */
  #put(verb: string, body: object, withinMs: number, done: (answer: Answer) => void): void {
    const { virtualizers } = this.#parts.topology;
    const asked = this.#current;
    const id = virtualizers[asked % virtualizers.length]?.id ?? '';
    this.#questions.ask({ kind: 'virtualizer', id }, verb, body, withinMs, (answer) => {
      if (makesWay(answer) && this.#current === asked) this.#current++;
      done(answer);
    });
  }

  /** @param isOver looks at each answer; while it says no, the question is asked again */
  #ask(verb: string, body: object, isOver: (answer: Answer) => boolean): void {
    const ask = () =>
      this.#put(verb, body, answerMsMax, (answer) => {
        if (isOver(answer)) return;
        if (!answer.ok && (answer.reason === 'refused' || answer.reason === 'fenced'))
          this.#parts.onWrong(`${verb} was refused: ${answer.message}`);
        else this.#process.clock.setTimeout(ask, askAgainMs);
      });
    ask();
  }
}

function makesWay(answer: Answer): boolean {
  const ways: readonly RefusalReason[] = ['inactive', 'no-responders', 'timeout'];
  return !answer.ok && ways.includes(answer.reason);
}
