/**
 * The data path of a disk: frames in, block device, frames out. Each request is judged by the fences first; it meets
 * no machine. Reads go from the store into the frame that answers them.
 */
import { assertNever, Operation, Status } from '../../protocols/codes.ts';
import { encodeStretches } from '../../protocols/frames/allocation.ts';
import { verifyBytesMax } from '../../protocols/frames/block-bits.ts';
import { decodeFrame, type FrameData, FrameKind } from '../../protocols/frames/frame.ts';
import { plainError, success } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import type { Subjects } from '../../protocols/subjects.ts';
import { blockBytes, type DiskInstance, roundDown, roundUp } from '../../protocols/units.ts';
import { type Admitted, answerBytesMin, writeOf } from './admitted.ts';
import type { BlockDevice } from './block-device.ts';
import { DiskAnswers, outcomeOf, type Sender } from './disk-answers.ts';
import type { DiskMode } from './disk-machine.ts';
import { type FenceTable, judge } from './fences.ts';
import { changeMarks, markChangeOf, stretchOf } from './mark-changes.ts';
import { OperationEra } from './operation-era.ts';
import { allocationOf, clippedStretches, tagDigestsOf, tagRecordsOf } from './tag-queries.ts';
import { Verification } from './verification.ts';
import type { WriteRequest } from './write-entries.ts';

export class DiskIo {
  readonly counters = {
    reads: 0,
    readBytes: 0,
    writes: 0,
    writtenBytes: 0,
    zeroes: 0,
    flushes: 0,
    queries: 0,
    markChanges: 0,
    verifiedBytes: 0,
    /** Received, and not a request frame for this disk. */
    invalidFrames: 0,
  };
  /** Given by the disk's machine. */
  mode: DiskMode = 'closed';
  readonly answers: DiskAnswers;
  #isVerifying = false;
  readonly #disk: DiskId;
  readonly #device: BlockDevice;
  #fences: FenceTable = new Map();
  #era = new OperationEra();

  constructor(disk: DiskId, instance: DiskInstance, device: BlockDevice, subjects: Subjects) {
    this.#disk = disk;
    this.#device = device;
    this.answers = new DiskAnswers(disk, instance, subjects);
  }

  /** For telemetry. */
  allCounters(): Readonly<Record<string, number>> {
    const { fenced, errors } = this.answers;
    return { ...this.counters, fenced, errors };
  }

  /** Operations of the fences in force that are under way, and one for those before. */
  get openOperations(): number {
    return this.#era.open;
  }

  get fences(): FenceTable {
    return this.#fences;
  }

  /**
   * Puts other fences in force, at once.
   *
   * @param over called when nothing is under way any more that was admitted under the fences before
   */
  fence(fences: FenceTable, over: () => void): void {
    const before = this.#era;
    this.#fences = fences;
    this.#era = before.next();
    before.whenOver(over);
  }

  /** Carries out what came over a link; the answer goes out on the same bus. `hop`: who sent it, for errors. */
  received(bytes: Uint8Array, io: Bus, hop = ''): void {
    const frame = decodeFrame(bytes);
    const isForUs = frame?.kind === FrameKind.request && frame.request.disk === this.#disk;
    if (!isForUs || this.mode === 'closed') {
      this.counters.invalidFrames++;
      return;
    }
    const { request, data } = frame;
    const sender = { io, hop };
    if (this.mode === 'failed')
      this.answers.end(sender, request, plainError(Status.media, `disk ${this.#disk} has failed`));
    else if (request.operation === Operation.probe) this.answers.end(sender, request, success);
    else this.#judge(sender, request, data);
  }

  #judge(sender: Sender, request: Request, data: FrameData): void {
    const verdict = judge(this.#fences, request);
    if (!verdict.ok) this.answers.end(sender, request, verdict.outcome);
    else if (verdict.extent === null) this.#flush(sender, request);
    else {
      const { extent, isSettled } = verdict;
      const { reference } = extent;
      const { io, hop } = sender;
      this.#carryOut({ io, hop, request, data, reference, isSettled, era: this.#era });
    }
  }

  #carryOut(admitted: Admitted): void {
    const { request } = admitted;
    const { operation, diskOffset, lengthBytes } = request;
    switch (operation) {
      case Operation.read:
        this.#read(admitted);
        break;
      case Operation.write:
        this.#write(admitted);
        break;
      case Operation.writeZeroes:
        this.#writeZeroes(admitted, diskOffset, lengthBytes);
        break;
      case Operation.trim: {
        const start = roundUp(diskOffset, blockBytes);
        const end = roundDown(diskOffset + lengthBytes, blockBytes);
        if (end > start) this.#writeZeroes(admitted, start, end - start);
        else this.answers.end(admitted, request, success);
        break;
      }
      case Operation.allocation:
      case Operation.tagDigest:
      case Operation.tags:
        this.#query(admitted, operation);
        break;
      case Operation.verify:
        this.#verify(admitted);
        break;
      case Operation.mark:
      case Operation.unmark:
        this.#changeMarks(admitted);
        break;
      case Operation.marks:
        this.#marks(admitted);
        break;
      case Operation.repair:
        this.answers.end(admitted, request, plainError(Status.invalid, 'coordinators repair'));
        break;
      case Operation.flush:
      case Operation.probe:
        throw new RangeError('flush and probe speak of no extent');
      default:
        assertNever(operation, 'operation');
    }
  }

  #read(admitted: Admitted): void {
    const { io, request, reference, era } = admitted;
    const { diskOffset, lengthBytes } = request;
    if (!this.answers.fits(admitted, request, lengthBytes)) return;
    const { frame, data, checksums } = this.answers.space(request, lengthBytes);
    this.counters.reads++;
    this.counters.readBytes += lengthBytes;
    era.begin();
    const read = { at: diskOffset, lengthBytes, reference, into: data, checksums };
    this.#device.read(read, (status, what) => {
      if (status === Status.ok) this.answers.send(io, request, frame);
      else this.answers.end(admitted, request, outcomeOf(status, what));
      era.end();
    });
  }

  #write(admitted: Admitted): void {
    const { bytes, checksums } = admitted.data;
    this.counters.writes++;
    this.counters.writtenBytes += bytes.length;
    const { diskOffset } = admitted.request;
    this.#begin(admitted, writeOf(admitted, diskOffset, bytes.length, bytes, checksums));
  }

  #writeZeroes(admitted: Admitted, at: number, lengthBytes: number): void {
    this.counters.zeroes++;
    this.#begin(admitted, writeOf(admitted, at, lengthBytes, null, null));
  }

  #begin(admitted: Admitted, write: WriteRequest): void {
    const { request, era } = admitted;
    era.begin();
    this.#device.write(write, (status, what) => {
      this.answers.end(admitted, request, outcomeOf(status, what));
      era.end();
    });
  }

  #flush(sender: Sender, request: Request): void {
    this.counters.flushes++;
    this.#device.flush((status, what) =>
      this.answers.end(sender, request, outcomeOf(status, what)),
    );
  }

  #changeMarks(admitted: Admitted): void {
    const { request, era } = admitted;
    if (!this.#isOfWholeBlocks(admitted)) return;
    this.counters.markChanges++;
    era.begin();
    const attachments = this.#fences.get(request.volume)?.attachments;
    const change = markChangeOf(admitted, (host) => attachments?.get(host)?.hostIncarnation);
    changeMarks(this.#device, change, (status, what) => {
      this.answers.end(admitted, request, outcomeOf(status, what));
      era.end();
    });
  }

  #marks(admitted: Admitted): void {
    const { io, request, reference } = admitted;
    if (!this.#isOfWholeBlocks(admitted)) return;
    this.counters.queries++;
    const { marks } = this.#device.parts;
    this.answers.endWith(io, request, marks.bitsOf(reference, stretchOf(request), request));
  }

  /** False, and answered, for a range that does not begin and end at whole blocks. */
  #isOfWholeBlocks(admitted: Admitted): boolean {
    const { diskOffset, lengthBytes } = admitted.request;
    if (diskOffset % blockBytes === 0 && lengthBytes % blockBytes === 0) return true;
    const outcome = plainError(Status.invalid, 'tags and marks are of whole blocks');
    this.answers.end(admitted, admitted.request, outcome);
    return false;
  }

  #verify(admitted: Admitted): void {
    const { io, request, reference, era } = admitted;
    const { diskOffset: at, lengthBytes } = request;
    const isWhole = at % blockBytes === 0 && lengthBytes % blockBytes === 0;
    if (!isWhole || lengthBytes > verifyBytesMax) {
      const what = `at most ${verifyBytesMax} bytes of whole blocks are verified at a time`;
      this.answers.end(admitted, request, plainError(Status.invalid, what));
      return;
    }
    // It takes as long as the medium does; what asks again meanwhile must not make it slower.
    if (this.#isVerifying) {
      this.answers.end(admitted, request, outcomeOf(Status.busy, ''));
      return;
    }
    this.#isVerifying = true;
    this.counters.verifiedBytes += lengthBytes;
    const range = { at, lengthBytes, reference };
    const isWanted = () => this.mode !== 'closed' && this.#era === era;
    const verification = new Verification(this.#device, range, isWanted, (status, what) => {
      this.#isVerifying = false;
      if (status === Status.ok) this.answers.endWith(io, request, verification.verified);
      else this.answers.end(admitted, request, outcomeOf(status, what));
    });
    verification.start();
  }

  #query(
    admitted: Admitted,
    operation: typeof Operation.allocation | typeof Operation.tagDigest | typeof Operation.tags,
  ): void {
    const { io, request, reference } = admitted;
    const { diskOffset, lengthBytes } = request;
    const firstBlock = Math.floor(diskOffset / blockBytes);
    const end = roundUp(diskOffset + lengthBytes, blockBytes);
    const range = { firstBlock, blocks: end / blockBytes - firstBlock, reference };
    if (operation !== Operation.allocation && !this.#isOfWholeBlocks(admitted)) return;
    if (!this.answers.fits(admitted, request, answerBytesMin(operation, lengthBytes))) return;
    this.counters.queries++;
    this.#device.query(
      range,
      ({ tags }) => {
        if (operation === Operation.tags) return tagRecordsOf(tags, range);
        if (operation === Operation.tagDigest) return tagDigestsOf(tags, range);
        const skipBytes = diskOffset % blockBytes;
        return encodeStretches(clippedStretches(allocationOf(tags, range), skipBytes, lengthBytes));
      },
      (status, what, answer) => {
        if (answer === null) this.answers.end(admitted, request, outcomeOf(status, what));
        else if (this.answers.fits(admitted, request, answer.length))
          this.answers.endWith(io, request, answer);
      },
    );
  }
}
