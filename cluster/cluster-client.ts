/** Asks commands of a cluster's actors from outside: what the command line and tests use. */
import { randomBytes } from 'node:crypto';
import type { ActorPorts } from '../actors/actor.ts';
import { Questions } from '../actors/questions.ts';
import type { Answer } from '../protocols/commands.ts';
import type { ActorAddress } from '../protocols/ids.ts';
import { subjectsOf } from '../protocols/subjects.ts';

const askTimeoutMs = 2000;

export class ClusterClient {
  readonly #questions: Questions;

  constructor(ports: Pick<ActorPorts, 'cluster' | 'control' | 'clock'>) {
    const asker: ActorAddress = { kind: 'node', id: `client-${randomBytes(8).toString('hex')}` };
    this.#questions = new Questions(asker, subjectsOf(ports.cluster), ports.control, ports.clock);
    this.#questions.start();
  }

  /** Never rejects: silence is a refusal too. */
  ask(
    receiver: ActorAddress,
    verb: string,
    body: object = {},
    timeoutMs = askTimeoutMs,
  ): Promise<Answer> {
    return new Promise((resolve) => this.#questions.ask(receiver, verb, body, timeoutMs, resolve));
  }

  /** Stops listening; the connection is the caller's. */
  close(): void {
    this.#questions.stop();
  }
}
