/** A write or repair of a host at its coordinator, from its arrival until the host was answered. */
import type { FrameData } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import { type EventCount, unitOf } from '../../protocols/units.ts';
import type { HostIo, KnownIos } from './known-ios.ts';
import type { LegCall, LegOwner } from './leg-call.ts';
import type { Partition, PartitionIo } from './partition.ts';
import { PartitionEntry } from './partition-entry.ts';

/** Who carries it out. */
export interface IoDirector {
  begin(io: CoordinatedIo): void;
  legAnswered(io: CoordinatedIo, call: LegCall, reply: Reply): void;
  legSilent(io: CoordinatedIo, call: LegCall): void;
  dropped(io: CoordinatedIo): void;
}

export class CoordinatedIo extends PartitionEntry implements PartitionIo, LegOwner, HostIo {
  readonly isRead = false;
  readonly partition: Partition;
  /** The I/Os of its host that are remembered, this one among them. */
  readonly known: KnownIos;
  request: Request;
  /** Until it begins; afterwards the frames to the disks hold their copies. */
  data: FrameData | null;
  /** Bytes that are kept for it. */
  readonly payloadBytes: number;
  /** Mirrors in sync that it was sent to. */
  inSyncLegs = 0;
  /** Mirrors that it was sent to: in sync, or being made so. */
  #legs = 0;
  /** Of these, those that do not have it yet. */
  legsLeft = 0;
  /** How often one of them made nothing of it. */
  damagedFrames = 0;
  isOwed = false;
  eventCount = unitOf<EventCount>(0);
  readonly #director: IoDirector;

  constructor(
    director: IoDirector,
    partition: Partition,
    known: KnownIos,
    request: Request,
    data: FrameData | null,
  ) {
    super(request.offset, request.lengthBytes);
    this.#director = director;
    this.partition = partition;
    this.known = known;
    this.request = request;
    this.data = data;
    this.payloadBytes = data === null ? 0 : data.bytes.length;
  }

  /** @param legs how many mirrors, inSyncLegs of them in sync, it was sent to */
  sentTo(legs: number, inSyncLegs: number): void {
    this.#legs = legs;
    this.legsLeft = legs;
    this.inSyncLegs = inSyncLegs;
  }

  /** No mirror has it yet. */
  get isNowhere(): boolean {
    return this.legsLeft === this.#legs;
  }

  join(request: Request): void {
    this.request = request;
  }

  granted(): void {
    this.#director.begin(this);
  }

  dropped(): void {
    this.#director.dropped(this);
  }

  legAnswered(call: LegCall, reply: Reply): void {
    this.#director.legAnswered(this, call, reply);
  }

  legSilent(call: LegCall): void {
    this.#director.legSilent(this, call);
  }
}
