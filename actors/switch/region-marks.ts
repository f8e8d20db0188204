/**
 * What hosts mark and take back through the coordinator of a partition (DESIGN H10, I7): it is noted by every mirror that
 * is written, and answered once all have it. It waits for no write and holds none up: a host marks before it writes, and
 * takes its marks back when it does not write there any more. A mirror that is alone notes it, too, for those that are made
 * equal with it later. Where nothing is mirrored nothing is to be marked.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import { plainError, success } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import { partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import { unitOf, type WriteNumber } from '../../protocols/units.ts';
import { wholeBlocksOf } from './block-ranges.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import type { HostIo, KnownIos } from './known-ios.ts';
import { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import { mirrorRunsOf } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { busy } from './retries.ts';

/** Of a volume that may be open; more are told to wait. */
const openMax = 256;
const ofOnePartition = plainError(Status.invalid, 'marks are of one partition; split them');
/** What a coordinator does with marks before it serves, and for mirrors that are not in sync: hosts' own come after it. */
export const ownMarkNumber = unitOf<WriteNumber>(1);

class OpenMark implements HostIo {
  readonly rounds = new Set<LegRound>();
  runsLeft = 0;
  readonly partition: Partition;
  readonly known: KnownIos;
  request: Request;

  constructor(partition: Partition, known: KnownIos, request: Request) {
    this.partition = partition;
    this.known = known;
    this.request = request;
  }

  join(request: Request): void {
    this.request = request;
  }
}

export interface MarkDirector {
  readonly volume: LoadedVolume;
  /** Something happened that only a new assembly mends. */
  trouble(partition: Partition, what: string): void;
}

export class RegionMarks {
  readonly #parts: CoordinatorParts;
  readonly #director: MarkDirector;
  readonly #open = new Set<OpenMark>();
  readonly #cut = new PartList();
  #lastNumber: number = ownMarkNumber;

  constructor(parts: CoordinatorParts, director: MarkDirector) {
    this.#parts = parts;
    this.#director = director;
  }

  /** Carries out what a host asks for, that may ask and is not known yet. */
  take(partition: Partition, known: KnownIos, request: Request): void {
    const { answers } = this.#parts;
    const { coordinatorMap } = this.#director.volume.load;
    const { offset, lengthBytes } = request;
    const isIn = partitionOf(coordinatorMap, offset) === partition.number;
    if (!isIn || offset + lengthBytes > partitionEnd(coordinatorMap, offset)) {
      answers.end(request, ofOnePartition);
      return;
    }
    const mark = new OpenMark(partition, known, request);
    if (this.#open.size >= openMax || !known.begin(request.ioNumber, mark)) {
      answers.end(request, busy);
      return;
    }
    this.#open.add(mark);
    this.#send(mark);
  }

  /** Forgets those of these partitions: their epochs have ended. */
  drop(partitions: readonly Partition[]): void {
    for (const mark of this.#open) {
      if (!partitions.includes(mark.partition)) continue;
      for (const round of [...mark.rounds]) round.stop();
      mark.known.forget(mark.request.ioNumber);
      this.#open.delete(mark);
    }
  }

  #send(mark: OpenMark): void {
    const { partition, request, rounds: open } = mark;
    const { volume } = this.#director;
    const { start, lengthBytes } = wholeBlocksOf(request.offset, request.lengthBytes);
    const runs = mirrorRunsOf(volume, start, lengthBytes, this.#cut, 'written');
    const fail = (what: string) => this.#director.trouble(partition, what);
    this.#lastNumber++;
    const numbers = { writeNumber: unitOf<WriteNumber>(this.#lastNumber), answerBytes: 0 };
    const asked = { operation: request.operation, onBehalfOf: request, ...numbers, fail, open };
    mark.runsLeft = runs.length;
    if (runs.length === 0) this.#end(mark);
    for (const run of runs) {
      const range = { atBytes: 0, lengthBytes: run.lengthBytes };
      const runStart = run.pieces[0]?.start ?? start;
      new LegRound(
        this.#parts,
        volume,
        { partition, run, ...range, start: runStart, ...asked },
        () => {
          mark.runsLeft--;
          if (mark.runsLeft === 0) this.#end(mark);
        },
      ).sendToAll();
    }
  }

  #end(mark: OpenMark): void {
    const { known, request } = mark;
    const nothing = unitOf<WriteNumber>(0);
    this.#open.delete(mark);
    known.end(request.ioNumber, nothing);
    this.#parts.answers.end(request, success);
  }
}

/** True for what changes marks, and no byte. */
export function changesMarks(operation: Operation): boolean {
  return operation === Operation.mark || operation === Operation.unmark;
}
