/** What a switch answers to requests by itself, without asking a disk; and the count of it, by status. */
import { Status, type StatusName, statusName } from '../../protocols/codes.ts';
import { encodeReply, type FrameData } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError, type Reply, success } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import type { Bus, PublishOutcome } from '../../protocols/ports.ts';
import { placeOf, type Subjects } from '../../protocols/subjects.ts';
import {
  type DiskInstance,
  type EventCount,
  type Generation,
  unitOf,
  type WriteNumber,
} from '../../protocols/units.ts';
import type { SwitchPorts } from './switch-ports.ts';

/** What the one who wrote may know of its write. */
export interface WriteResult {
  readonly generation: Generation;
  readonly eventCount: EventCount;
  readonly writeNumber: WriteNumber;
}

const doesNotFit = plainError(Status.invalid, 'the answer would not fit one frame; split it');

export class Answers {
  /** How many requests ended with each status other than ok. */
  readonly refusals: Partial<Record<StatusName, number>> = {};
  acknowledged = 0;
  readonly #ports: SwitchPorts;
  readonly #subjects: Subjects;

  constructor(ports: SwitchPorts, subjects: Subjects) {
    this.#ports = ports;
    this.#subjects = subjects;
  }

  /**
   * Ends a request with an error, or with a success that carries no data.
   *
   * @param over the connection that it came over, where it is known
   */
  end(request: Request, outcome: Outcome, over?: Bus): void {
    if (outcome !== success) this.#countRefusal(outcome);
    const { generation, eventCount, writeNumber } = request;
    this.#send(request, outcome, { generation, eventCount, writeNumber }, over);
  }

  /** Ends a request with an error that brings what its host lacks; without that where it does not fit one frame. */
  endBringing(request: Request, outcome: Outcome, brought: Uint8Array): void {
    const reply = replyTo(request, outcome, request);
    if (this.#publish(request, encodeReply(reply, [brought])) === 'too-large')
      this.end(request, outcome);
    else this.#countRefusal(outcome);
  }

  /** Hands a disk's error to the host, as it is or with another outcome. */
  pass(request: Request, reply: Reply, over?: Bus): void {
    this.#countRefusal(reply.outcome);
    this.#publish(request, encodeReply(reply), over);
  }

  /** Hands a disk's answer to who asked, with its data. */
  hand(request: Request, reply: Reply, { bytes, checksums }: FrameData): void {
    if (reply.outcome.status !== Status.ok) {
      this.pass(request, reply);
      return;
    }
    const sent = this.#publish(request, encodeReply(reply, [bytes], checksums));
    if (sent === 'too-large') this.end(request, doesNotFit);
  }

  /** Hands on an answer as it came. */
  relay(receiver: ActorAddress, slot: number, bytes: Uint8Array): void {
    this.#ports.answering(receiver).publish(this.#subjects.reply(receiver, slot), bytes);
  }

  /** The same to a subject that came from outside; not to one that is no reply subject. */
  relayTo(subject: string, bytes: Uint8Array): void {
    const place = this.#subjects.isReply(subject) ? placeOf(subject) : null;
    if (place !== null) this.#ports.answering(place.receiver).publish(subject, bytes);
  }

  /** Acknowledges a write. */
  acknowledge(request: Request, result: WriteResult): void {
    this.acknowledged++;
    this.#send(request, success, result);
  }

  /** Ends a request with data, whose checksums are known or are to be computed. */
  endWith(request: Request, pieces: readonly Uint8Array[], checksums: DataView | null): void {
    const frame = encodeReply(replyTo(request, success, request), pieces, checksums);
    const sent = this.#publish(request, frame);
    if (sent === 'too-large') this.end(request, doesNotFit);
  }

  #countRefusal({ status }: Outcome): void {
    const name = statusName(status);
    this.refusals[name] = (this.refusals[name] ?? 0) + 1;
  }

  #send(request: Request, outcome: Outcome, result: WriteResult, over?: Bus): void {
    this.#publish(request, encodeReply(replyTo(request, outcome, result)), over);
  }

  #publish(request: Request, frame: Uint8Array, over?: Bus): PublishOutcome {
    const receiver = { kind: request.replyKind, id: request.replyId };
    const io = over ?? this.#ports.answering(receiver);
    return io.publish(this.#subjects.reply(receiver, request.replySlot), frame);
  }
}

function replyTo(request: Request, outcome: Outcome, result: WriteResult): Reply {
  return {
    operation: request.operation,
    outcome,
    volume: request.volume,
    offset: request.offset,
    lengthBytes: request.lengthBytes,
    host: request.host,
    hostIncarnation: request.hostIncarnation,
    ioNumber: request.ioNumber,
    attempt: request.attempt,
    generation: result.generation,
    partitionEpoch: request.partitionEpoch,
    eventCount: result.eventCount,
    disk: '',
    diskInstance: unitOf<DiskInstance>(0),
    writeNumber: result.writeNumber,
  };
}
