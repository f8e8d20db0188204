/** What a disk answers: replies that repeat the numbers of their request, with the disk and its instance in them. */
import { Status } from '../../protocols/codes.ts';
import { encodeReply, encodeReplySpace, type ReplySpace } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError, type Reply, success } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import type { Subjects } from '../../protocols/subjects.ts';
import { blockBytes, type DiskInstance } from '../../protocols/units.ts';

/** What a sender should wait when the journal is full: about what a checkpoint takes. */
const busyRetryMs = 10;
/** Of a frame, beside its data and the checksums of it. */
const replyOverheadBytes = 1024;
const checksumBytes = 4;

/** Who sent a request: the connection that it came over, and the reply subject of the last hop ('' for none). */
export interface Sender {
  readonly io: Bus;
  readonly hop: string;
}

export class DiskAnswers {
  fenced = 0;
  errors = 0;
  readonly #disk: DiskId;
  readonly #instance: DiskInstance;
  readonly #subjects: Subjects;

  constructor(disk: DiskId, instance: DiskInstance, subjects: Subjects) {
    this.#disk = disk;
    this.#instance = instance;
    this.#subjects = subjects;
  }

  /**
   * Ends a request without data. An error goes back by the hop that sent the request (DESIGN §4), with the final
   * address as its reply subject: a switch that has forgotten the request hands it on to there.
   */
  end({ io, hop }: Sender, request: Request, outcome: Outcome): void {
    if (outcome.status === Status.fenced) this.fenced++;
    else if (outcome !== success) this.errors++;
    const frame = encodeReply(this.#replyTo(request, outcome));
    const address = this.#addressOf(request);
    if (outcome === success || hop === address || !this.#subjects.isReply(hop))
      io.publish(address, frame);
    else io.publish(hop, frame, address);
  }

  /** Ends a request with data. */
  endWith(io: Bus, request: Request, data: Uint8Array): void {
    this.send(io, request, encodeReply(this.#replyTo(request, success), [data]));
  }

  /** The frame of a success whose data is still to be read into it. */
  space(request: Request, dataBytes: number): ReplySpace {
    return encodeReplySpace(this.#replyTo(request, success), dataBytes);
  }

  send(io: Bus, request: Request, frame: Uint8Array): void {
    io.publish(this.#addressOf(request), frame);
  }

  /** False, and answered, when data of this size does not fit one frame. */
  fits(sender: Sender, request: Request, dataBytes: number): boolean {
    const checksumsBytes = (dataBytes / blockBytes + 2) * checksumBytes;
    if (dataBytes + checksumsBytes + replyOverheadBytes <= sender.io.payloadBytesMax) return true;
    this.end(sender, request, plainError(Status.range, 'the answer would not fit one frame'));
    return false;
  }

  #addressOf({ replyKind, replyId, replySlot }: Request): string {
    return this.#subjects.reply({ kind: replyKind, id: replyId }, replySlot);
  }

  #replyTo(request: Request, outcome: Outcome): Reply {
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
      generation: request.generation,
      partitionEpoch: request.partitionEpoch,
      eventCount: request.eventCount,
      disk: this.#disk,
      diskInstance: this.#instance,
      writeNumber: request.writeNumber,
    };
  }
}

/** What the block device says, as the wire carries it. */
export function outcomeOf(status: Status, what: string): Outcome {
  switch (status) {
    case Status.ok:
      return success;
    case Status.busy:
      return { status, detail: { retryAfterMs: busyRetryMs } };
    case Status.noSpace:
    case Status.invalid:
    case Status.range:
      return plainError(status, what);
    default:
      return plainError(Status.media, what);
  }
}
