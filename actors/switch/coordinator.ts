/**
 * The write coordinator of one volume's partitions that this switch owns (DESIGN §6): checks who writes, orders writes
 * per 4 KiB block, sends each to every in-sync mirror until all have it, and answers the host once. What it cannot
 * mend is reported as trouble, with the blocks held: a write is never acknowledged that a mirror missed. The modes
 * that it works by are published by a machine for each partition; comparing mirrors after an assembly is `settling`'s.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { plainError, type Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import { type CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import { Attachments } from './attachments.ts';
import { CoordinatedIo, type IoDirector } from './coordinated-io.ts';
import type { CoordinatorCounters, CoordinatorParts } from './coordinator-parts.ts';
import type { KnownIos } from './known-ios.ts';
import type { LegCall } from './leg-calls.ts';
import { legTroubleOf } from './leg-outcome.ts';
import { addressRead, legRequestOf } from './leg-request.ts';
import { eventCountOf, holdsRange, type LoadedVolume, onlyPartOf } from './loaded-volume.ts';
import { Partition } from './partition.ts';
import { attachmentRefusal, generationRefusal, partitionRefusal } from './request-rules.ts';

/** I/Os of a volume that may be open at its coordinator; more are told to wait. */
export const openIosMax = 1024;
/** Payload bytes of open writes of a volume; more are told to wait. */
export const openBytesMax = 64 * 1024 * 1024;
const busyRetryMs = 20;
const noData: FrameData = { bytes: new Uint8Array(0), checksums: new DataView(new ArrayBuffer(0)) };

export class VolumeCoordinator implements IoDirector {
  readonly counters: CoordinatorCounters = { writes: 0, reads: 0, waits: 0, joins: 0, troubles: 0 };
  readonly #parts: CoordinatorParts;
  readonly #cut = new PartList();
  readonly #attachments = new Attachments<CoordinatedIo>();
  /** By number; null where another switch coordinates. */
  #partitions: (Partition | null)[] = [];
  #volume: LoadedVolume;
  #openIos = 0;
  #openBytes = 0;

  constructor(parts: CoordinatorParts, volume: LoadedVolume) {
    this.#parts = parts;
    this.#volume = volume;
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
    const { self, incarnation, steering } = this.#parts;
    this.#volume = volume;
    this.#attachments.update(volume.load.attachments);
    const before = this.#partitions;
    this.#partitions = volume.partitions.map((record) => {
      const { partition: number, coordinator, epoch, ownerIncarnation } = record;
      const owned = coordinator === self && ownerIncarnation === incarnation;
      const known = before[number] ?? null;
      if (!owned) {
        if (known !== null) this.#release(known);
        return null;
      }
      if (known?.epoch === epoch) return known;
      const partition = known ?? new Partition(number, epoch, ownerIncarnation);
      this.#drop(partition);
      partition.assign(epoch, ownerIncarnation);
      steering.assigned(partition);
      return partition;
    });
  }

  /** Ends all coordination. */
  unload(): void {
    for (const partition of this.partitions) this.#release(partition);
    this.#partitions = [];
  }

  /** Something happened that only a new assembly mends. */
  trouble(partition: Partition, what: string): void {
    this.counters.troubles++;
    this.#parts.steering.troubled(partition, what);
  }

  /** A host's write, for this switch. `data` may share memory with other messages. */
  write(request: Request, data: FrameData): void {
    const { answers } = this.#parts;
    const partition = this.#partitions[request.partition] ?? null;
    const refusal = this.#refusalOf(partition, request, true);
    if (refusal !== null) answers.end(request, refusal);
    else if (partition !== null) this.#admit(partition, request, data);
  }

  /** A read of a volume that several hosts share: waits for the writes before it, then goes to a disk. */
  read(request: Request): void {
    const partition = this.#partitions[request.partition] ?? null;
    const refusal = this.#refusalOf(partition, request, false);
    if (refusal !== null) this.#parts.answers.end(request, refusal);
    else if (partition !== null) this.#admit(partition, request, noData);
  }

  /** Nothing is in the way of `io` any more. */
  begin(io: CoordinatedIo): void {
    const { offset, lengthBytes } = io.request;
    const part = onlyPartOf(this.#volume, offset, lengthBytes, this.#cut);
    if (part === null) this.trouble(io.partition, 'the layout changed under a waiting I/O');
    else this.#begin(io, part);
  }

  legAnswered(io: CoordinatedIo, call: LegCall, reply: Reply): void {
    const { calls } = this.#parts;
    const { outcome } = reply;
    if (outcome.status === Status.busy) {
      calls.putOff(call, outcome.detail.retryAfterMs);
      return;
    }
    const problem = legTroubleOf(this.#volume, call.request, reply);
    calls.release(call);
    if (problem !== '') {
      // The leg stays owed: the write keeps its blocks, and its host gets no answer from here.
      this.trouble(io.partition, problem);
      return;
    }
    io.legsLeft--;
    if (io.legsLeft === 0) this.#end(io);
  }

  legSilent(io: CoordinatedIo, call: LegCall): void {
    this.trouble(io.partition, `disk ${call.request.disk} does not answer`);
  }

  #refusalOf(partition: Partition | null, request: Request, writes: boolean) {
    const record = this.#volume.partitions[request.partition];
    return (
      generationRefusal(this.#volume, request) ??
      partitionRefusal(record, partition, request) ??
      attachmentRefusal(this.#volume, request, writes)
    );
  }

  #admit(partition: Partition, request: Request, data: FrameData): void {
    const { answers } = this.#parts;
    const { ioNumber } = request;
    const known = this.#attachments.iosOf(request.host);
    known.raise(request.watermark);
    if (ioNumber < known.watermark) {
      const detail = { number: 'watermark', current: known.watermark } as const;
      answers.end(request, { status: Status.fenced, detail });
    } else if (known.has(ioNumber)) this.#join(known, request);
    else if (!holdsRange(this.#volume, request.offset, request.lengthBytes)) {
      const what = `volume ${request.volume} ends at ${this.#volume.load.sizeBytes}`;
      answers.end(request, plainError(Status.range, what));
    } else {
      const part = onlyPartOf(this.#volume, request.offset, request.lengthBytes, this.#cut);
      if (part === null || part.partition !== partition.number) {
        const what = `the range spans several parts, or is not in partition ${partition.number}`;
        answers.end(request, plainError(Status.invalid, what));
      } else this.#open(partition, known, request, data, part);
    }
  }

  /** A retry of an I/O that is known: it takes the place of the original, or gets the outcome that that one got. */
  #join(known: KnownIos<CoordinatedIo>, request: Request): void {
    const { answers } = this.#parts;
    this.counters.joins++;
    const original = known.openOf(request.ioNumber);
    if (original === null) {
      const { generation } = this.#volume.load;
      const writeNumber = known.writeNumberOf(request.ioNumber);
      answers.acknowledge(request, { generation, eventCount: request.eventCount, writeNumber });
    } else if (isSame(original.request, request)) original.request = request;
    else answers.end(request, plainError(Status.invalid, 'another I/O has this number'));
  }

  #open(
    partition: Partition,
    known: KnownIos<CoordinatedIo>,
    request: Request,
    data: FrameData,
    part: CutPart,
  ): void {
    const isRead = request.operation === Operation.read;
    const io = new CoordinatedIo(this, partition, known, request, data, isRead);
    const full = this.#openIos >= openIosMax || this.#openBytes + io.payloadBytes > openBytesMax;
    if (full || !known.begin(request.ioNumber, io)) {
      const outcome = { status: Status.busy, detail: { retryAfterMs: busyRetryMs } } as const;
      this.#parts.answers.end(request, outcome);
      return;
    }
    this.#openIos++;
    this.#openBytes += io.payloadBytes;
    if (isRead) this.counters.reads++;
    else this.counters.writes++;
    if (partition.enter(io)) this.#begin(io, part);
    else {
      this.counters.waits++;
      io.data = copyOf(data);
    }
  }

  #begin(io: CoordinatedIo, part: CutPart): void {
    if (io.isRead) this.#forwardRead(io, part);
    else this.#fanOut(io, part);
  }

  #forwardRead(io: CoordinatedIo, part: CutPart): void {
    const { answers, forwarding } = this.#parts;
    const { request } = io;
    this.#close(io);
    io.known.forget(request.ioNumber);
    const refusal = addressRead(request, this.#volume, part);
    if (refusal === null) forwarding.forwardToDisk(request, noData);
    else answers.end(request, refusal);
  }

  #fanOut(io: CoordinatedIo, part: CutPart): void {
    const { self, calls } = this.#parts;
    const { partition, request } = io;
    const data = io.data ?? noData;
    io.data = null;
    partition.giveNumber(io);
    const { writeNumber } = io;
    const { lowestUnsettled } = partition;
    for (const leg of part.legs) if (this.#volume.inSync[leg.extentIndex] === true) io.legsLeft++;
    if (io.legsLeft === 0) this.trouble(partition, 'no mirror of a range is in sync');
    for (const leg of part.legs) {
      if (this.#volume.inSync[leg.extentIndex] !== true) continue;
      const slot = calls.claim();
      const numbers = { self, slot, writeNumber, lowestUnsettled };
      calls.send(slot, io, 0, legRequestOf(request, this.#volume, part, leg, numbers), data);
    }
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

  #close(io: CoordinatedIo): void {
    this.#openIos--;
    this.#openBytes -= io.payloadBytes;
    io.partition.leave(io);
  }

  #release(partition: Partition): void {
    this.#drop(partition);
    this.#parts.steering.released(partition);
  }

  /** Forgets what is open in a partition: its epoch has ended, and with it every answer that could still come. */
  #drop(partition: Partition): void {
    for (const io of partition.open) {
      if (!(io instanceof CoordinatedIo)) continue;
      this.#openIos--;
      this.#openBytes -= io.payloadBytes;
      io.known.forget(io.request.ioNumber);
      this.#parts.calls.releaseOf(io);
    }
    partition.clear();
  }
}

function isSame(one: Request, other: Request): boolean {
  return (
    one.operation === other.operation &&
    one.offset === other.offset &&
    one.lengthBytes === other.lengthBytes
  );
}

function copyOf(data: FrameData): FrameData {
  const { buffer, byteOffset, byteLength } = data.checksums;
  return {
    bytes: data.bytes.slice(),
    checksums: new DataView(buffer.slice(byteOffset, byteOffset + byteLength)),
  };
}
