/**
 * The write coordinator of one volume's partitions that this switch owns (DESIGN §6): checks who writes, orders writes
 * per 4 KiB block, sends each to every mirror that is in sync or resyncing until all have it, answers the host once.
 * What it cannot mend is reported as trouble, with the blocks held: no write is acknowledged that a mirror missed. Its
 * modes are published by a machine for each partition; comparing mirrors after an assembly is `settling`'s.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import { type CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import { Attachments } from './attachments.ts';
import { CoordinatedIo, type IoDirector } from './coordinated-io.ts';
import { type CoordinatorParts, newCoordinatorCounters } from './coordinator-parts.ts';
import { copyOf, noData } from './frame-data.ts';
import type { HostIo, KnownIos } from './known-ios.ts';
import type { LegCall } from './leg-call.ts';
import { legTroubleOf } from './leg-outcome.ts';
import { sendToMirrors } from './leg-request.ts';
import { eventCountOf, inSyncLegsOf, type LoadedVolume, onlyPartOf } from './loaded-volume.ts';
import { OrderedRead, type ReadDirector } from './ordered-read.ts';
import { continues, isOwnedBy } from './ownership.ts';
import { Partition } from './partition.ts';
import { changesMarks, RegionMarks } from './region-marks.ts';
import { type CompareAgain, Repairs } from './repairs.ts';
import {
  attachmentRefusal,
  belowWatermark,
  generationRefusal,
  otherPartition,
  partitionRefusal,
  rangeRefusal,
} from './request-rules.ts';
import { busy, joinRetry } from './retries.ts';
import { Spans } from './spans.ts';
import type { HostWrites, OwedTo } from './unfinished-writes.ts';

/** I/Os of a volume that may be open at its coordinator; more are told to wait. */
export const openIosMax = 1024;
/** Payload bytes of open writes of a volume; more are told to wait. */
export const openBytesMax = 64 * 1024 * 1024;

export class VolumeCoordinator implements IoDirector, ReadDirector {
  readonly counters = newCoordinatorCounters();
  readonly spans: Spans;
  readonly #parts: CoordinatorParts;
  readonly #repairs: Repairs;
  readonly #marks: RegionMarks;
  readonly #cut = new PartList();
  readonly attachments = new Attachments();
  #partitions: (Partition | null)[] = [];
  #volume: LoadedVolume;
  #openIos = 0;
  #openBytes = 0;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, compareAgain: CompareAgain) {
    this.#parts = parts;
    this.#volume = volume;
    this.spans = new Spans(parts, this);
    this.#marks = new RegionMarks(parts, this);
    this.#repairs = new Repairs(parts, this, compareAgain, (io, how) => this.#forget(io, how));
    this.load(volume);
  }

  get volume(): LoadedVolume {
    return this.#volume;
  }

  /** The partitions that this switch owns. */
  get partitions(): readonly Partition[] {
    return this.#partitions.filter((partition) => partition !== null);
  }

  /** I/Os that have not ended. */
  get openIos(): number {
    return this.#openIos;
  }

  /** Takes a newer decision over. Partitions of a new epoch begin with settling; what was open in them is dropped. */
  load(volume: LoadedVolume): void {
    const { steering } = this.#parts;
    this.#volume = volume;
    this.attachments.update(volume.load.attachments);
    const before = this.#partitions;
    this.#drop(this.partitions.filter((each) => !continues(this.#parts, volume, each)));
    this.#partitions = volume.partitions.map((record) => {
      const { partition: number, epoch, ownerIncarnation } = record;
      const known = before[number] ?? null;
      if (!isOwnedBy(this.#parts, record)) {
        if (known !== null) steering.released(known);
        return null;
      }
      if (known?.epoch === epoch) return known;
      const partition = known ?? new Partition(number, epoch, ownerIncarnation);
      partition.assign(epoch, ownerIncarnation);
      steering.assigned(partition);
      return partition;
    });
  }

  /** Ends all coordination. */
  unload(): void {
    this.#drop(this.partitions);
    for (const partition of this.partitions) this.#parts.steering.released(partition);
    this.#partitions = [];
  }

  /** A partition by its number; null where another switch coordinates. */
  partition(number: number): Partition | null {
    return this.#partitions[number] ?? null;
  }

  /** Something happened that only a new assembly mends. */
  trouble(partition: Partition, what: string): void {
    this.counters.troubles++;
    this.#parts.steering.troubled(partition, what);
  }

  /** Takes note of writes that were done through another coordinator: retries of them get its outcome (DESIGN I6). */
  restore(hosts: readonly HostWrites[], owed: readonly OwedTo[]): void {
    for (const each of hosts) this.attachments.restore(each, owed);
  }

  /** A host's write, for this switch. `data` may share memory with other messages. */
  write(request: Request, data: FrameData): void {
    this.#take(request, data, true);
  }

  /** What carries no data and waits for what came before it: a read of a shared volume, or a repair. */
  order(request: Request): void {
    this.#take(request, noData, false);
  }

  readEnded(): void {
    this.#openIos--;
  }

  /** Nothing is in the way of `io` any more. */
  begin(io: CoordinatedIo): void {
    const { offset, lengthBytes } = io.request;
    const part = onlyPartOf(this.#volume, offset, lengthBytes, this.#cut);
    if (part === null) this.trouble(io.partition, 'the layout changed under a waiting I/O');
    else this.#begin(io, part);
  }

  legAnswered(io: CoordinatedIo, call: LegCall, reply: Reply): void {
    const { calls, failedDisks } = this.#parts;
    if (this.#repairs.holds(io, call)) return;
    if (reply.outcome.status === Status.busy) {
      calls.putOff(call, reply.outcome.detail.retryAfterMs);
      return;
    }
    if (this.#repairs.mends(io, call, reply.outcome.status)) return;
    const problem = legTroubleOf(this.#volume, call.request, reply, failedDisks);
    calls.release(call);
    if (problem !== '') {
      // The leg stays owed: the write keeps its blocks, and its host gets no answer from here.
      this.trouble(io.partition, problem);
      return;
    }
    io.legsLeft--;
    if (io.legsLeft === 0) this.#end(io);
    else this.#repairs.legEnded(io);
  }

  legSilent(io: CoordinatedIo, call: LegCall): void {
    this.trouble(io.partition, `disk ${call.request.disk} does not answer`);
  }

  dropped(io: CoordinatedIo): void {
    this.#repairs.forget(io);
    this.#openIos--;
    this.#openBytes -= io.payloadBytes;
    io.known.forget(io.request.ioNumber);
    this.#parts.calls.releaseOf(io);
  }

  #take(request: Request, data: FrameData, writes: boolean): void {
    const partition = this.partition(request.partition);
    const record = this.#volume.partitions[request.partition];
    const refusal =
      generationRefusal(this.#volume, request) ??
      partitionRefusal(record, partition, request) ??
      attachmentRefusal(this.#volume, request, writes);
    if (refusal !== null) this.#parts.refusals.end(request, refusal);
    else if (partition !== null) this.#admit(partition, request, data);
  }

  #admit(partition: Partition, request: Request, data: FrameData): void {
    const { answers } = this.#parts;
    const { ioNumber } = request;
    const known = this.attachments.iosOf(request.host);
    known.raise(request.watermark);
    const refusal = rangeRefusal(this.#volume, request);
    if (ioNumber < known.watermark) answers.end(request, belowWatermark(known.watermark));
    else if (known.has(ioNumber)) {
      this.counters.joins++;
      joinRetry(known, request, this.#volume.load.generation, answers);
    } else if (refusal !== null) answers.end(request, refusal);
    else if (changesMarks(request.operation)) this.#marks.take(partition, known, request);
    else {
      const part = onlyPartOf(this.#volume, request.offset, request.lengthBytes, this.#cut);
      if (part === null) this.spans.coordinate(request, data, known);
      else if (part.partition !== partition.number)
        answers.end(request, otherPartition(part.partition, request));
      else if (request.operation === Operation.read) this.#openRead(partition, known, request);
      else this.#open(partition, known, request, data, part);
    }
  }

  #open(
    partition: Partition,
    known: KnownIos,
    request: Request,
    data: FrameData,
    part: CutPart,
  ): void {
    const io = new CoordinatedIo(this, partition, known, request, data);
    if (!this.#remembers(known, io, io.payloadBytes)) return;
    if (request.operation !== Operation.repair) this.counters.writes++;
    if (partition.enter(io)) this.#begin(io, part);
    else {
      this.counters.waits++;
      io.data = copyOf(data);
    }
  }

  #openRead(partition: Partition, known: KnownIos, request: Request): void {
    const read = new OrderedRead(this.#parts, this, partition, known, request);
    if (!this.#remembers(known, read, 0)) return;
    this.counters.reads++;
    if (partition.enter(read)) read.granted();
    else this.counters.waits++;
  }

  /** False when too much is open: then its host is told to wait. */
  #remembers(known: KnownIos, io: HostIo, payloadBytes: number): boolean {
    const { request } = io;
    const full = this.#openIos >= openIosMax || this.#openBytes + payloadBytes > openBytesMax;
    if (full || !known.begin(request.ioNumber, io)) {
      this.#parts.answers.end(request, busy);
      return false;
    }
    this.#openIos++;
    this.#openBytes += payloadBytes;
    return true;
  }

  #begin(io: CoordinatedIo, part: CutPart): void {
    if (io.request.operation === Operation.repair) this.#repairs.begin(io);
    else this.#fanOut(io, part);
  }

  #fanOut(io: CoordinatedIo, part: CutPart): void {
    const { partition, request } = io;
    const data = io.data ?? noData;
    io.data = null;
    partition.giveNumber(io);
    const order = { writeNumber: io.writeNumber, lowestUnsettled: partition.lowestUnsettled };
    const write = { request, data };
    const legs = sendToMirrors(this.#parts, this.#volume, part, write, io, order);
    io.sentTo(legs, inSyncLegsOf(this.#volume, part));
    if (io.legsLeft === 0) this.trouble(partition, 'no mirror of a range is in sync');
    io.eventCount = eventCountOf(this.#volume, part.set);
  }

  /** All mirrors have it. */
  #end(io: CoordinatedIo): void {
    const { request, writeNumber, eventCount } = io;
    io.known.end(request.ioNumber, writeNumber);
    const { generation } = this.#volume.load;
    this.#parts.answers.acknowledge(request, { generation, eventCount, writeNumber });
    this.#close(io);
  }

  /** It left no trace, and may be carried out again; or it has failed, and is dead. */
  #forget(io: CoordinatedIo, how: 'forgotten' | 'failed' = 'forgotten'): void {
    io.known[how === 'failed' ? 'fail' : 'forget'](io.request.ioNumber);
    this.#close(io);
  }

  #close(io: CoordinatedIo): void {
    this.#repairs.forget(io);
    this.#openIos--;
    this.#openBytes -= io.payloadBytes;
    io.partition.leave(io);
  }

  /** Forgets what is open in partitions whose epochs have ended; in all at once, so that nothing more begins there. */
  #drop(partitions: readonly Partition[]): void {
    const dropped = partitions.flatMap((partition) => [...partition.open]);
    for (const partition of partitions) partition.clear();
    for (const io of dropped) io.dropped();
    this.#marks.drop(partitions);
  }
}
