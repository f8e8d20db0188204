/**
 * The repairs of one volume: those that hosts ask for, and those that a write needs which meets a bad old block. Each
 * belongs to an I/O that holds the blocks; it ends with that, or with the epoch. What becomes of it is counted and told.
 * A write that arrives damaged somewhere is mended here, too.
 */
import { Status } from '../../protocols/codes.ts';
import { type Outcome, plainError, success } from '../../protocols/frames/reply.ts';
import { unitOf, type WriteNumber } from '../../protocols/units.ts';
import { type BlockRange, raggedBlocksOf, wholeBlocksOf } from './block-ranges.ts';
import { Burial } from './burial.ts';
import type { CoordinatedIo } from './coordinated-io.ts';
import type { CoordinatorCounters, CoordinatorParts } from './coordinator-parts.ts';
import { damagedFramesMax, damagedRetryMs, isIntact } from './damaged-frames.ts';
import type { LegCall } from './leg-call.ts';
import { inSyncLeg } from './leg-request.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import { type MirrorRun, writtenRunOf } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { Repair, type RepairResult } from './repair.ts';
import { tellRepair } from './repair-telling.ts';
import { busy, damagedOnArrival, unreadableEverywhere } from './retries.ts';
import type { SettlingRange } from './settling-windows.ts';

/** What a volume's coordinator gives. */
export interface RepairCoordinator {
  readonly volume: LoadedVolume;
  readonly counters: CoordinatorCounters;
  /** Something happened that only a new assembly mends. */
  trouble(partition: Partition, what: string): void;
}

/**
 * Has what lies there compared once more with the mirrors that are being made equal. False when it is too late for that:
 * that they are equal was told, and nobody asks again.
 */
export type CompareAgain = (partition: Partition, range: SettlingRange) => boolean;

/** A write whose old blocks are bad again and again meets a disk that keeps nothing. */
const repairsPerWriteMax = 3;

/** A write with mirrors that could not merge it with their old blocks. */
interface BlockedWrite {
  /** Their calls: still open, and held. */
  readonly calls: Set<LegCall>;
  repairs: number;
  isRepairing: boolean;
}

export class Repairs {
  readonly #parts: CoordinatorParts;
  readonly #coordinator: RepairCoordinator;
  readonly #compareAgain: CompareAgain;
  readonly #ended: (io: CoordinatedIo, how: 'forgotten' | 'failed') => void;
  readonly #running = new Map<CoordinatedIo, Repair | Burial>();
  readonly #blocked = new Map<CoordinatedIo, BlockedWrite>();

  /** @param ended told when a repair that a host asked for has ended, or a write with an error */
  constructor(
    parts: CoordinatorParts,
    coordinator: RepairCoordinator,
    compareAgain: CompareAgain,
    ended: (io: CoordinatedIo, how: 'forgotten' | 'failed') => void,
  ) {
    this.#parts = parts;
    this.#coordinator = coordinator;
    this.#compareAgain = compareAgain;
    this.#ended = ended;
  }

  /** A host asked for it, and nothing is in the way of its blocks any more. */
  begin(io: CoordinatedIo): void {
    const { answers } = this.#parts;
    this.#repair(io, wholeBlocksOf(io.request.offset, io.request.lengthBytes), (result) => {
      answers.end(io.request, outcomeOf(result));
      this.#ended(io, 'forgotten');
    });
  }

  /** A mirror did not carry a write out. False when nothing helps but a new assembly. */
  mends(io: CoordinatedIo, call: LegCall, status: Status): boolean {
    if (status === Status.invalid) return this.#sendsAgain(io, call);
    return status === Status.media && this.#mendsOldBlocks(io, call);
  }

  /** It arrived damaged there; or here, and then no mirror will have it. */
  #sendsAgain(io: CoordinatedIo, call: LegCall): boolean {
    const { answers, calls } = this.#parts;
    if (isIntact(call)) {
      if (io.damagedFrames++ >= damagedFramesMax) return false;
      calls.putOff(call, damagedRetryMs);
      return true;
    }
    if (io.isOwed || !io.isNowhere) return false;
    calls.releaseOf(io);
    answers.end(io.request, damagedOnArrival);
    this.#ended(io, 'forgotten');
    return true;
  }

  /**
   * A mirror could not merge a write with an old block that is bad there. Once all others have the write, these blocks
   * are repaired, and it is sent again. If all that are in sync say so, the write ends with an error.
   */
  #mendsOldBlocks(io: CoordinatedIo, call: LegCall): boolean {
    const ends = raggedBlocksOf(call.request.offset, call.request.lengthBytes);
    if (ends.length === 0) return false;
    const known = this.#blocked.get(io);
    const blocked = known ?? { calls: new Set<LegCall>(), repairs: 0, isRepairing: false };
    if (!blocked.isRepairing && blocked.repairs >= repairsPerWriteMax) return false;
    this.#blocked.set(io, blocked);
    blocked.calls.add(call);
    this.#parts.calls.hold(call);
    this.legEnded(io);
    return true;
  }

  /**
   * True while a mirror waits for a repair before it gets the write again. What it answers meanwhile is of no matter: if it
   * counted, the write would end, and end a repair that has reached some of the mirrors.
   */
  holds(io: CoordinatedIo, call: LegCall): boolean {
    return this.#blocked.get(io)?.calls.has(call) === true;
  }

  /** One more mirror has the write, or cannot have it yet. */
  legEnded(io: CoordinatedIo): void {
    const blocked = this.#blocked.get(io);
    if (blocked === undefined || blocked.isRepairing || blocked.calls.size < io.legsLeft) return;
    blocked.isRepairing = true;
    blocked.repairs++;
    const inSync = [...blocked.calls].filter(({ leg }) => leg === inSyncLeg);
    if (inSync.length === io.inSyncLegs) this.#failsEverywhere(io, blocked);
    else this.#repairEnds(io, blocked, raggedBlocksOf(io.request.offset, io.request.lengthBytes));
  }

  /** The I/O has ended, or its epoch has. */
  forget(io: CoordinatedIo): void {
    this.#running.get(io)?.stop();
    this.#running.delete(io);
    this.#blocked.delete(io);
  }

  /**
   * No mirror in sync can merge it. One that is owed stays owed: a mirror has it from before, and the others would lack it
   * for good.
   */
  #failsEverywhere(io: CoordinatedIo, blocked: BlockedWrite): void {
    if (!io.isOwed) this.#bury(io, blocked);
    else
      this.#coordinator.trouble(
        io.partition,
        'a write that one mirror has from before can be merged with the old block on none',
      );
  }

  /** No mirror in sync has it, and none will. */
  #bury(io: CoordinatedIo, blocked: BlockedWrite): void {
    const { partition, request, writeNumber } = io;
    const bounds = wholeBlocksOf(request.offset, request.lengthBytes);
    const run = this.#runOf(io, bounds);
    if (run === null) return;
    for (const call of blocked.calls) this.#parts.calls.release(call);
    partition.endNumber(io);
    io.writeNumber = unitOf<WriteNumber>(0);
    const burial = new Burial(this.#parts, this.#coordinator.volume, {
      partition,
      run,
      start: bounds.start,
      writeNumber,
      buried: (isElsewhere) => this.#buried(io, isElsewhere),
      failed: (what) => this.#coordinator.trouble(partition, what),
    });
    this.#running.set(io, burial);
    burial.start();
  }

  /**
   * Its host is told only where a mirror that is being made equal loses it again. Until then it is unfinished, for whoever
   * settles next.
   */
  #buried(io: CoordinatedIo, isElsewhere: boolean): void {
    const { partition, request } = io;
    if (isElsewhere && !this.#compareAgain(partition, request)) {
      const what = 'a write that no mirror in sync could carry out is on one that was called equal';
      this.#coordinator.trouble(partition, what);
      return;
    }
    this.#running.delete(io);
    this.#parts.answers.end(request, unreadableEverywhere);
    this.#ended(io, 'failed');
  }

  #repairEnds(io: CoordinatedIo, blocked: BlockedWrite, ends: readonly BlockRange[]): void {
    const [first, ...rest] = ends;
    if (first === undefined) {
      blocked.isRepairing = false;
      for (const call of blocked.calls) this.#parts.calls.putOff(call, 0);
      blocked.calls.clear();
      return;
    }
    this.#repair(io, first, (result) => {
      if (result.keptReason === '') this.#repairEnds(io, blocked, rest);
      else this.#meetsBadBlock(io, blocked, result);
    });
  }

  /** Others have it. Those that cannot have it have failed, unless it is something else that ended the repair. */
  #meetsBadBlock(
    { partition }: CoordinatedIo,
    { calls }: BlockedWrite,
    result: RepairResult,
  ): void {
    const { keptDisks, keptReason } = result;
    for (const { request } of keptDisks.size > 0 ? calls : [])
      if (request.disk !== '') this.#parts.failedDisks.add(request.disk);
    this.#coordinator.trouble(partition, `a write meets a bad block: ${keptReason}`);
  }

  #repair(io: CoordinatedIo, bounds: BlockRange, ended: (result: RepairResult) => void): void {
    const run = this.#runOf(io, bounds);
    if (run === null) return;
    const repair = new Repair(this.#parts, this.#coordinator.volume, {
      partition: io.partition,
      run,
      start: bounds.start,
      ended: (result) => {
        this.#running.delete(io);
        const { counters } = this.#coordinator;
        tellRepair(this.#parts, counters, io.request.volume, bounds, result);
        ended(result);
      },
      failed: (what) => this.#coordinator.trouble(io.partition, what),
    });
    this.#running.set(io, repair);
    repair.start();
  }

  /** The mirrors of a range; null, and trouble told of, when it is not one part any more. */
  #runOf(io: CoordinatedIo, blocks: BlockRange): MirrorRun | null {
    const run = writtenRunOf(this.#coordinator.volume, blocks);
    if (run !== null && run.inSyncLegs > 0) return run;
    const what =
      run === null ? 'the layout changed under a waiting I/O' : 'no mirror of a range is in sync';
    this.#coordinator.trouble(io.partition, what);
    return null;
  }
}

/** What its host hears of a repair. One that was given up is asked for again: under newer epochs, if it was fenced. */
function outcomeOf({ isGivenUp, keptReason }: RepairResult): Outcome {
  if (isGivenUp) return busy;
  return keptReason === '' ? success : plainError(Status.media, keptReason);
}
