/**
 * An operator of a simulated cluster: makes a volume, and deletes it the next time; moves coordinators. As the command line does, it asks the
 * virtualizer again and again until that says that it is done, whatever fails meanwhile.
 */
import { Questions } from '../../actors/questions.ts';
import { type Answer, verbs } from '../../protocols/commands.ts';
import type { Log } from '../../protocols/ports.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import type { Topology } from '../../protocols/topology.ts';
import type { VirtualClock } from './clock.ts';
import type { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

export interface OperatorParts {
  readonly topology: Topology;
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly log: Log;
  /** Told of a refusal that no fault explains. */
  readonly onRefused: (what: string) => void;
}

/** Names and places take turns, so that namesakes and former owners meet. */
const names = ['made1', 'made2'];
const size = '1MiB';
const answerMsMax = 3000;
const askAgainMs = 200;

export class Operator {
  readonly #parts: OperatorParts;
  readonly #process: SimulatedProcess;
  readonly #questions: Questions;
  /** The volume that is there; '' when there is none. */
  #made = '';
  #life = 0;
  #isBusy = false;

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

  /** Begins the next thing. @returns what it is; null while the last one is under way */
  act(random: SeededRandom): string | null {
    const name = random.pick(names);
    const host = random.pick(this.#parts.topology.hosts).id;
    const layout = this.#layout(random);
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
      return true;
    });
    return `deletes ${volume}`;
  }

  /**
   * Has another switch coordinate a partition, or gives all back. Asked once: what is in the way then is nobody's fault.
   *
   * @returns what is asked for
   */
  move(random: SeededRandom): string {
    const { topology } = this.#parts;
    const volume = random.pick(topology.volumes);
    const partition = random.integer(volume.coordinators.length);
    const to = random.pick(topology.switches).id;
    const body = random.integer(4) === 0 ? {} : { partition, to };
    const [virtualizer] = topology.virtualizers;
    const address = { kind: 'virtualizer', id: virtualizer?.id ?? '' } as const;
    const order = { volume: volume.id, ...body };
    this.#questions.ask(address, verbs.moveCoordinator, order, answerMsMax, () => {});
    return `moves coordinators: ${JSON.stringify(order)}`;
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
      this.#ask(verbs.createVolume, { ...body, follows: listed.lastLife }, (answer) => {
        if (!answer.ok || answer.state !== 'serving') return false;
        this.#life = Number(answer.life);
        this.#isBusy = false;
        return true;
      });
      return true;
    });
  }

  /** @param isOver looks at each answer; while it says no, the question is asked again */
  #ask(verb: string, body: object, isOver: (answer: Answer) => boolean): void {
    const [virtualizer] = this.#parts.topology.virtualizers;
    const address = { kind: 'virtualizer', id: virtualizer?.id ?? '' } as const;
    const ask = () =>
      this.#questions.ask(address, verb, body, answerMsMax, (answer) => {
        if (isOver(answer)) return;
        if (!answer.ok && (answer.reason === 'refused' || answer.reason === 'fenced'))
          this.#parts.onRefused(`${verb} was refused: ${answer.message}`);
        else this.#process.clock.setTimeout(ask, askAgainMs);
      });
    ask();
  }
}
