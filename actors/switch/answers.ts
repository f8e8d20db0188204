/** What a switch answers to requests by itself, without asking a disk; and the count of it, by status. */
import { Status, type StatusName, statusName } from '../../protocols/codes.ts';
import { encodeReply } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError, type Reply, success } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { Bus } from '../../protocols/ports.ts';
import type { Subjects } from '../../protocols/subjects.ts';
import {
  type DiskInstance,
  type EventCount,
  type Generation,
  unitOf,
  type WriteNumber,
} from '../../protocols/units.ts';

/** What the one who wrote may know of its write. */
export interface WriteResult {
  readonly generation: Generation;
  readonly eventCount: EventCount;
  readonly writeNumber: WriteNumber;
}

export class Answers {
  /** How many requests ended with each status other than ok. */
  readonly refusals: Partial<Record<StatusName, number>> = {};
  acknowledged = 0;
  readonly #io: Bus;
  readonly #subjects: Subjects;

  constructor(io: Bus, subjects: Subjects) {
    this.#io = io;
    this.#subjects = subjects;
  }

  /** Ends a request with an error, or with a success that carries no data. */
  end(request: Request, outcome: Outcome): void {
    if (outcome !== success) {
      const name = statusName(outcome.status);
      this.refusals[name] = (this.refusals[name] ?? 0) + 1;
    }
    const { generation, eventCount, writeNumber } = request;
    this.#send(request, outcome, { generation, eventCount, writeNumber });
  }

  /** Hands a disk's error to the host, as it is or with another outcome. */
  pass(request: Request, reply: Reply): void {
    const name = statusName(reply.outcome.status);
    this.refusals[name] = (this.refusals[name] ?? 0) + 1;
    const address = { kind: request.replyKind, id: request.replyId };
    this.#io.publish(this.#subjects.reply(address, request.replySlot), encodeReply(reply));
  }

  /** Acknowledges a write. */
  acknowledge(request: Request, result: WriteResult): void {
    this.acknowledged++;
    this.#send(request, success, result);
  }

  /** Ends a request with data, whose checksums are known or are to be computed. */
  endWith(request: Request, pieces: readonly Uint8Array[], checksums: DataView | null): void {
    const frame = encodeReply(replyTo(request, success, request), pieces, checksums);
    const address = { kind: request.replyKind, id: request.replyId };
    const sent = this.#io.publish(this.#subjects.reply(address, request.replySlot), frame);
    if (sent === 'too-large')
      this.end(request, plainError(Status.invalid, 'the answer would not fit one frame; split it'));
  }

  #send(request: Request, outcome: Outcome, result: WriteResult): void {
    const address = { kind: request.replyKind, id: request.replyId };
    const frame = encodeReply(replyTo(request, outcome, result));
    this.#io.publish(this.#subjects.reply(address, request.replySlot), frame);
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
