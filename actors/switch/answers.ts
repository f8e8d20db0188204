/** What a switch answers to requests by itself, without asking a disk; and the count of it, by status. */
import { type StatusName, statusName } from '../../protocols/codes.ts';
import { encodeReply } from '../../protocols/frames/frame.ts';
import { type Outcome, type Reply, success } from '../../protocols/frames/reply.ts';
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

  /** Acknowledges a write. */
  acknowledge(request: Request, result: WriteResult): void {
    this.acknowledged++;
    this.#send(request, success, result);
  }

  #send(request: Request, outcome: Outcome, result: WriteResult): void {
    const reply: Reply = {
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
    const address = { kind: request.replyKind, id: request.replyId };
    this.#io.publish(this.#subjects.reply(address, request.replySlot), encodeReply(reply));
  }
}
