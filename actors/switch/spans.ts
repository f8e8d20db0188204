/**
 * Requests to one volume that span several of its parts (DESIGN H1, S4): a driver splits and sends none, for a switch
 * serializes them, as real ones do. How many are open and how large they may be is bounded; limits may say that the
 * switch takes none at all.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import { type FrameData, isDataIntact } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import { partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { noData } from './frame-data.ts';
import type { KnownIos } from './known-ios.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import type { Partition } from './partition.ts';
import { notServingRetryMs } from './request-rules.ts';
import { damagedOnArrival } from './retries.ts';
import { type SpanDirector, SpanningIo } from './spanning-io.ts';

/** Of one volume that may be open; more are told to wait. Each keeps at most a frame's data. */
export const spansOpenMax = 64;
const busyRetryMs = 20;

/** What a volume's coordinator gives. */
export interface SpanCoordinator {
  readonly volume: LoadedVolume;
  /** Null where another switch coordinates. */
  partition(number: number): Partition | null;
  trouble(partition: Partition, what: string): void;
}

export class Spans implements SpanDirector {
  readonly #parts: CoordinatorParts;
  readonly #coordinator: SpanCoordinator;
  readonly #open = new Set<SpanningIo>();

  constructor(parts: CoordinatorParts, coordinator: SpanCoordinator) {
    this.#parts = parts;
    this.#coordinator = coordinator;
  }

  get openCount(): number {
    return this.#open.size;
  }

  get volume(): LoadedVolume {
    return this.#coordinator.volume;
  }

  /** A write, or a read of a shared volume, that its coordinator may admit: its first partition is this switch's. */
  coordinate(request: Request, data: FrameData, known: KnownIos): void {
    const partitions = this.#partitionsOf(request);
    const refusal = this.#refusalOf(request) ?? this.#coordinationRefusal(request, partitions);
    if (refusal !== null) this.#parts.answers.end(request, refusal);
    else {
      const span = new SpanningIo(this.#parts, this, request, data, known);
      // Some of its parts may have been carried out when a disk finds another damaged.
      if (!isDataIntact(data, request.offset)) this.#parts.answers.end(request, damagedOnArrival);
      else if (!known.begin(request.ioNumber, span))
        this.#parts.answers.end(request, busy(busyRetryMs));
      else
        this.#begin(
          span,
          [...partitions.values()].filter((partition) => partition !== null),
        );
    }
  }

  /** A read that needs no coordinator. */
  read(request: Request): void {
    const refusal = this.#refusalOf(request);
    if (refusal !== null) this.#parts.answers.end(request, refusal);
    else this.#begin(new SpanningIo(this.#parts, this, request, noData, null), []);
  }

  trouble(partition: Partition, what: string): void {
    this.#coordinator.trouble(partition, what);
  }

  ended(span: SpanningIo): void {
    this.#open.delete(span);
  }

  /** Forgets the reads that no coordinator orders: what they were admitted by has been replaced. */
  dropReads(): void {
    for (const span of [...this.#open]) if (!span.isOrdered) span.drop();
  }

  #begin(span: SpanningIo, partitions: readonly Partition[]): void {
    this.#parts.spanning.counters.serializedSpans++;
    this.#open.add(span);
    span.enter(partitions);
  }

  #refusalOf({ operation, lengthBytes }: Request): Outcome | null {
    const { self, spanning } = this.#parts;
    const { frameBytesMax } = this.volume.load;
    if (operation === Operation.repair)
      return plainError(Status.invalid, 'a repair is of one part; split it');
    if (!spanning.serializes) {
      const what = `switch ${self} serializes no request that spans several disks or partitions`;
      return plainError(Status.invalid, `${what} (limits.serializesSpans); split it`);
    }
    const carriesData = operation === Operation.read || operation === Operation.write;
    if (carriesData && lengthBytes > frameBytesMax) {
      const what = `${lengthBytes} bytes are more than the ${frameBytesMax} of one frame; split them`;
      return plainError(Status.invalid, what);
    }
    return this.#open.size < spansOpenMax ? null : busy(busyRetryMs);
  }

  #coordinationRefusal(
    { offset, partition: named }: Request,
    partitions: ReadonlyMap<number, Partition | null>,
  ): Outcome | null {
    const first = partitionOf(this.volume.load.coordinatorMap, offset);
    if (first !== named)
      return plainError(Status.invalid, `the range begins in partition ${first}, not in ${named}`);
    for (const [number, partition] of partitions) {
      if (partition !== null) continue;
      const other = this.volume.partitions[number]?.coordinator ?? 'another switch';
      const what =
        `switch ${this.#parts.self} coordinates partition ${named} but not ${number}, which ` +
        `${other} does: no one switch can order the range; split it where partitions end`;
      return plainError(Status.invalid, what);
    }
    const serves = [...partitions.values()].every((partition) => partition?.mode === 'serving');
    return serves ? null : busy(notServingRetryMs);
  }

  #partitionsOf({ offset, lengthBytes }: Request): ReadonlyMap<number, Partition | null> {
    const { coordinatorMap } = this.volume.load;
    const found = new Map<number, Partition | null>();
    const end = offset + lengthBytes;
    for (let at: number = offset; at < end; ) {
      const start = unitOf<VolumeOffset>(at);
      const number = partitionOf(coordinatorMap, start);
      found.set(number, this.#coordinator.partition(number));
      at = partitionEnd(coordinatorMap, start);
    }
    return found;
  }
}

function busy(retryAfterMs: number): Outcome {
  return { status: Status.busy, detail: { retryAfterMs } };
}
