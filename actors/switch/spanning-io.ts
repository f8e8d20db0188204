/**
 * A request that spans several parts of a volume, carried out part after part, one at a time, and answered once. In
 * the order of things it is one I/O: the blocks of its whole range are held until its last part has ended, so that
 * nothing else comes between two parts in a block that it covers. Its parts travel as ordinary requests do; what a
 * disk remembers of it is the range of one part.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import { decodeStretches } from '../../protocols/frames/allocation.ts';
import { type FrameData, isDataIntact } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError, type Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { type CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import {
  type Incarnation,
  type PartitionEpoch,
  unitOf,
  type VolumeOffset,
  type WriteNumber,
} from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { damagedFramesMax, damagedRetryMs } from './damaged-frames.ts';
import { copyOf, joinedChecksums, noData, sliceOf } from './frame-data.ts';
import type { HostIo, KnownIos } from './known-ios.ts';
import type { LegCall, LegOwner } from './leg-call.ts';
import { legTroubleOf } from './leg-outcome.ts';
import { addressRead, isWriting, otherMirrors, sendToMirrors } from './leg-request.ts';
import { firstPartOf, type LoadedVolume } from './loaded-volume.ts';
import type { Partition, PartitionIo } from './partition.ts';
import { PartitionEntry } from './partition-entry.ts';

/** Who lets it in, and is told when it has ended. */
export interface SpanDirector {
  /** As it is now. */
  readonly volume: LoadedVolume;
  trouble(partition: Partition, what: string): void;
  ended(span: SpanningIo): void;
}

/** How often an answer whose data does not match its checksums is asked for again. */

export class SpanningIo implements LegOwner, HostIo {
  request: Request;
  readonly #parts: CoordinatorParts;
  readonly #director: SpanDirector;
  readonly #data: FrameData;
  /** Where a coordinator remembers it; null for a read that needs none. */
  readonly known: KnownIos | null;
  /** By partition; empty for a read that needs no order. */
  readonly #holds = new Map<number, Hold>();
  readonly #cut = new PartList();
  /** Of a read: the data of its parts so far. */
  readonly #answers: FrameData[] = [];
  /** Where the next part begins. */
  #cursor: number;
  /** Mirrors of the part being read that could not be. */
  readonly #failed = new Set<DiskId>();
  #holdsAwaited = 0;
  #legsLeft = 0;
  #damaged = 0;

  constructor(
    parts: CoordinatorParts,
    director: SpanDirector,
    request: Request,
    data: FrameData,
    known: KnownIos | null,
  ) {
    this.#parts = parts;
    this.#director = director;
    this.request = request;
    // Most of it goes out later than now.
    this.#data = copyOf(data);
    this.known = known;
    this.#cursor = request.offset;
  }

  /** True when a coordinator orders it among other I/Os. */
  get isOrdered(): boolean {
    return this.known !== null;
  }

  /**
   * Takes its place in the order of all these partitions, in one step: it waits only for I/Os that came earlier, in
   * each of them, so that no two of its kind can wait for each other. Begins when nothing is in its way anywhere.
   */
  enter(partitions: readonly Partition[]): void {
    for (const partition of partitions) {
      const hold = new Hold(this, partition);
      this.#holds.set(partition.number, hold);
      if (!partition.enter(hold)) this.#holdsAwaited++;
    }
    if (this.#holdsAwaited === 0) this.#next();
  }

  /** Nothing is in its way in one of its partitions any more. */
  granted(): void {
    this.#holdsAwaited--;
    if (this.#holdsAwaited === 0) this.#next();
  }

  join(request: Request): void {
    this.request = request;
  }

  /** Forgets it: what it was admitted under has ended, and its host will ask again. */
  drop(): void {
    this.known?.forget(this.request.ioNumber);
    this.#close();
  }

  legAnswered(call: LegCall, reply: Reply, data: FrameData): void {
    const { calls } = this.#parts;
    const { outcome } = reply;
    if (outcome.status === Status.busy) calls.putOff(call, outcome.detail.retryAfterMs);
    else if (isWriting(call.request.operation)) this.#written(call, reply);
    else if (outcome.status === Status.media) this.#readElsewhere(call, outcome);
    else if (outcome.status !== Status.ok) this.#refuse(outcome);
    else if (isWhole(call.request, data)) this.#arrived(call, data);
    else if (this.#damaged++ < damagedFramesMax) calls.putOff(call, damagedRetryMs);
    else {
      const what = `the answers of disk ${reply.disk} arrive damaged`;
      this.#readElsewhere(call, plainError(Status.media, what));
    }
  }

  legSilent(call: LegCall): void {
    const { disk, operation, partition } = call.request;
    const hold = this.#holds.get(partition);
    if (isWriting(operation) && hold !== undefined)
      this.#director.trouble(hold.partition, `disk ${disk} does not answer`);
    else this.#refuse({ status: Status.path, detail: { links: [], alternates: [] } });
  }

  #next(): void {
    const { offset, lengthBytes, operation } = this.request;
    const restBytes = offset + lengthBytes - this.#cursor;
    if (restBytes === 0) {
      this.#finish();
      return;
    }
    const start = unitOf<VolumeOffset>(this.#cursor);
    const part = firstPartOf(this.#director.volume, start, restBytes, this.#cut);
    this.#cursor += part.lengthBytes;
    this.#failed.clear();
    this.#damaged = 0;
    if (isWriting(operation)) this.#write(part);
    else this.#read(part, '');
  }

  #write(part: CutPart): void {
    const hold = this.#holds.get(part.partition);
    // Its blocks stay held: what is stored of it is not known any more.
    if (hold === undefined) {
      for (const { partition } of this.#holds.values())
        this.#director.trouble(partition, 'the partitions changed under an open I/O');
      return;
    }
    const { partition } = hold;
    if (hold.writeNumber === 0) partition.giveNumber(hold);
    const { volume } = this.#director;
    const request = this.#partRequest(part);
    const data =
      request.operation === Operation.write
        ? sliceOf(this.#data, this.request.offset, part.start, part.lengthBytes)
        : noData;
    const order = { writeNumber: hold.writeNumber, lowestUnsettled: partition.lowestUnsettled };
    this.#legsLeft = sendToMirrors(this.#parts, volume, part, { request, data }, this, order);
    if (this.#legsLeft === 0) this.#director.trouble(partition, 'no mirror of a range is in sync');
  }

  #written(call: LegCall, reply: Reply): void {
    const { calls, failedDisks } = this.#parts;
    if (reply.outcome.status === Status.invalid && this.#damaged++ < damagedFramesMax) {
      calls.putOff(call, damagedRetryMs);
      return;
    }
    const problem = legTroubleOf(this.#director.volume, call.request, reply, failedDisks);
    calls.release(call);
    const hold = this.#holds.get(call.request.partition);
    if (problem !== '' && hold !== undefined) this.#director.trouble(hold.partition, problem);
    if (problem !== '') return;
    this.#legsLeft--;
    if (this.#legsLeft === 0) this.#next();
  }

  /** @param disk of the mirror to read; '': any */
  #read(part: CutPart, disk: DiskId | ''): void {
    const { self, calls } = this.#parts;
    const request = { ...this.#partRequest(part), disk };
    const refusal = addressRead(request, this.#director.volume, part);
    if (refusal !== null) {
      this.#refuse(refusal);
      return;
    }
    const slot = calls.claim();
    const answer = { replyKind: 'switch', replyId: self, replySlot: slot } as const;
    calls.send(slot, this, 0, Object.assign(request, answer), noData);
  }

  /** The other mirrors of the part are tried one after the other: who asked for all parts names none of them. */
  #readElsewhere(call: LegCall, failed: Outcome): void {
    const { volume } = this.#director;
    const { offset, lengthBytes, disk } = call.request;
    this.#parts.calls.release(call);
    if (disk !== '') this.#failed.add(disk);
    this.#damaged = 0;
    const part = firstPartOf(volume, offset, lengthBytes, this.#cut);
    const left = otherMirrors(volume, part, disk).find((other) => !this.#failed.has(other));
    if (left === undefined) this.#refuse(failed);
    else this.#read(part, left);
  }

  #arrived(call: LegCall, data: FrameData): void {
    this.#parts.calls.release(call);
    this.#answers.push(copyOf(data));
    this.#next();
  }

  /** The request for one part, under the numbers of the part's own partition. */
  #partRequest(part: CutPart): Request {
    const { partitions } = this.#director.volume;
    const record = partitions[part.partition];
    return {
      ...this.request,
      offset: part.start,
      lengthBytes: part.lengthBytes,
      disk: '',
      partition: part.partition,
      partitionEpoch: record?.epoch ?? unitOf<PartitionEpoch>(0),
      ownerIncarnation: record?.ownerIncarnation ?? unitOf<Incarnation>(0),
      route: [],
    };
  }

  #finish(): void {
    const { answers } = this.#parts;
    const { request } = this;
    if (isWriting(request.operation)) {
      const [first] = this.#holds.values();
      const writeNumber = first?.writeNumber ?? unitOf<WriteNumber>(0);
      this.known?.end(request.ioNumber, writeNumber);
      const { generation } = this.#director.volume.load;
      answers.acknowledge(request, { generation, eventCount: request.eventCount, writeNumber });
    } else {
      this.known?.forget(request.ioNumber);
      const pieces = this.#answers.map(({ bytes }) => bytes);
      const isData = request.operation === Operation.read;
      answers.endWith(request, pieces, isData ? joinedChecksums(this.#answers) : null);
    }
    this.#close();
  }

  #refuse(outcome: Outcome): void {
    this.#parts.answers.end(this.request, outcome);
    this.drop();
  }

  #close(): void {
    this.#parts.calls.releaseOf(this);
    this.#director.ended(this);
    for (const hold of this.#holds.values()) if (hold.place !== -1) hold.partition.leave(hold);
  }
}

/**
 * The place of a spanning request in the order of one of its partitions. Reads wait behind it as behind a write. Its
 * number is that of all its parts there: no two of them have a block in common.
 */
class Hold extends PartitionEntry implements PartitionIo {
  readonly isRead = false;
  readonly partition: Partition;
  readonly #span: SpanningIo;

  constructor(span: SpanningIo, partition: Partition) {
    super(span.request.offset, span.request.lengthBytes);
    this.#span = span;
    this.partition = partition;
  }

  granted(): void {
    this.#span.granted();
  }

  dropped(): void {
    this.#span.drop();
  }
}

/** True when an answer holds all that was asked for, undamaged. */
function isWhole({ operation, offset, lengthBytes }: Request, data: FrameData): boolean {
  if (!isDataIntact(data, offset)) return false;
  return operation === Operation.read
    ? data.bytes.length === lengthBytes
    : decodeStretches(data.bytes, lengthBytes) !== null;
}
