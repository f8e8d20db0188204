/**
 * Brings commands about faults to nodes, in order, until each node has them: one that stands still gets them when it
 * goes on. One that is not there gets none, for it begins with all that is in force when it is started.
 */
import type { Actor } from '../../actors/actor.ts';
import type { Answer } from '../../protocols/commands.ts';
import type { NodeId } from '../../protocols/ids.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';

/**
 * - `done`: the node has carried it out.
 * - `waiting`: it does not answer now; it will carry it out when it can.
 * - `refused`: it never will.
 */
export type Delivery =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'refused'; readonly message: string };

export interface FaultDeliveryParts {
  readonly actor: Actor;
  readonly clock: Clock;
  /** `absent`: it is not there; `still`: it is, and cannot answer. */
  readonly stateOf: (node: NodeId) => 'running' | 'still' | 'absent';
}

interface Job {
  readonly verb: string;
  readonly body: object;
  /** Null once it has been called. */
  told: ((delivery: Delivery) => void) | null;
}

interface Mailbox {
  readonly jobs: Job[];
  isAsking: boolean;
  retry: Timer | null;
}

/** A disk may have to bring its journal home first. */
const askTimeoutMs = 2000;
const retryDelayMs = 500;

export class FaultDelivery {
  readonly #parts: FaultDeliveryParts;
  readonly #mailboxes = new Map<NodeId, Mailbox>();

  constructor(parts: FaultDeliveryParts) {
    this.#parts = parts;
  }

  /** `told` is called once, with what is known after the first attempt. */
  send(node: NodeId, verb: string, body: object, told: (delivery: Delivery) => void): void {
    const mailbox = this.#mailboxOf(node);
    mailbox.jobs.push({ verb, body, told });
    if (mailbox.retry !== null) this.#tellAll(mailbox, { outcome: 'waiting' });
    else this.#pump(node, mailbox);
  }

  /** The node's process has ended: what it has not got, its next one begins with. */
  forget(node: NodeId): void {
    const mailbox = this.#mailboxOf(node);
    this.#tellAll(mailbox, { outcome: 'waiting' });
    mailbox.jobs.length = 0;
    this.#cancelRetry(mailbox);
  }

  /** Asks nobody any more. */
  stop(): void {
    for (const node of this.#mailboxes.keys()) this.forget(node);
  }

  #mailboxOf(node: NodeId): Mailbox {
    const known = this.#mailboxes.get(node);
    if (known !== undefined) return known;
    const mailbox = { jobs: [], isAsking: false, retry: null };
    this.#mailboxes.set(node, mailbox);
    return mailbox;
  }

  #pump(node: NodeId, mailbox: Mailbox): void {
    const [job] = mailbox.jobs;
    if (job === undefined || mailbox.isAsking) return;
    const state = this.#parts.stateOf(node);
    if (state === 'absent') this.forget(node);
    else if (state === 'still') this.#retryLater(node, mailbox);
    else this.#ask(node, mailbox, job);
  }

  #ask(node: NodeId, mailbox: Mailbox, job: Job): void {
    mailbox.isAsking = true;
    const receiver = { kind: 'node', id: node } as const;
    this.#parts.actor.ask(receiver, job.verb, job.body, askTimeoutMs, (answer) => {
      mailbox.isAsking = false;
      if (mailbox.jobs[0] !== job) this.#pump(node, mailbox);
      else if (isSilence(answer)) this.#retryLater(node, mailbox);
      else {
        mailbox.jobs.shift();
        job.told?.(
          answer.ok ? { outcome: 'done' } : { outcome: 'refused', message: answer.message },
        );
        this.#pump(node, mailbox);
      }
    });
  }

  #retryLater(node: NodeId, mailbox: Mailbox): void {
    this.#tellAll(mailbox, { outcome: 'waiting' });
    mailbox.retry = this.#parts.clock.setTimeout(() => {
      mailbox.retry = null;
      this.#pump(node, mailbox);
    }, retryDelayMs);
  }

  #tellAll(mailbox: Mailbox, delivery: Delivery): void {
    for (const job of mailbox.jobs) {
      const { told } = job;
      job.told = null;
      told?.(delivery);
    }
  }

  #cancelRetry(mailbox: Mailbox): void {
    if (mailbox.retry !== null) this.#parts.clock.clearTimeout(mailbox.retry);
    mailbox.retry = null;
  }
}

function isSilence(answer: Answer): boolean {
  return !answer.ok && (answer.reason === 'no-responders' || answer.reason === 'timeout');
}
