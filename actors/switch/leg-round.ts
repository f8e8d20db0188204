/**
 * One request of the coordinator's own to some mirrors of a run, and their answers: each asked until it answered. Any
 * answer but a good one, from the disk process that was assembled, fails the round, but for bad media if asked so.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import { type FrameData, isDataIntact } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import type { Leg } from '../../protocols/layout/geometry.ts';
import {
  type AttachEpoch,
  type DiskOffset,
  unitOf,
  type VolumeOffset,
  type WriteNumber,
} from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { damagedFramesMax, damagedRetryMs } from './damaged-frames.ts';
import { copyOf, noData } from './frame-data.ts';
import type { LegCall, LegOwner } from './leg-call.ts';
import { legTroubleOf } from './leg-outcome.ts';
import { eventCountOf, type LoadedVolume } from './loaded-volume.ts';
import type { MirrorRun } from './mirror-runs.ts';
import type { Partition } from './partition.ts';

export interface RoundRequest {
  readonly partition: Partition;
  readonly run: MirrorRun;
  /** The range within the run. */
  readonly atBytes: number;
  readonly lengthBytes: number;
  /** The volume offset of the range: what 4 KiB pieces are counted from. */
  readonly start: VolumeOffset;
  readonly operation: Operation;
  /** How much data each answer must carry. */
  readonly answerBytes: number;
  readonly writeNumber?: WriteNumber;
  /** Of a write: whether it must be durable before it is answered. */
  readonly fua?: boolean;
  /** The process of a host whose marks are asked for, or change; it must be attached. None: it is of no host. */
  readonly onBehalfOf?: Pick<Request, 'host' | 'hostIncarnation' | 'attachEpoch'>;
  /** Gets the mirrors that could not read the range, by their place in the run; without it that fails the round. */
  readonly unreadable?: Set<number>;
  /** @param status what the disk answered; null when nothing */
  readonly fail: (what: string, status: Status | null) => void;
  /** Where rounds stand while they wait for answers: who began them may stop them. */
  readonly open: Set<LegRound>;
}

export class LegRound implements LegOwner {
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #round: RoundRequest;
  readonly #done: (answers: readonly FrameData[]) => void;
  readonly #answers: FrameData[] = [];
  #left = 0;
  #damaged = 0;

  constructor(
    parts: CoordinatorParts,
    volume: LoadedVolume,
    round: RoundRequest,
    done: (answers: readonly FrameData[]) => void,
  ) {
    this.#parts = parts;
    this.#volume = volume;
    this.#round = round;
    this.#done = done;
  }

  /** Asks all mirrors of the run; the answers come in their order. */
  sendToAll(data: FrameData = noData): void {
    const { legs } = this.#round.run;
    this.#round.open.add(this);
    this.#left = legs.length;
    for (const [index, leg] of legs.entries()) this.#send(leg, index, data);
  }

  /** Asks one mirror of the run. */
  sendTo(source: number): void {
    const leg = this.#round.run.legs[source];
    if (leg === undefined) throw new RangeError(`no mirror ${source}`);
    this.#round.open.add(this);
    this.#left = 1;
    this.#send(leg, 0, noData);
  }

  legAnswered(call: LegCall, reply: Reply, data: FrameData): void {
    const { calls, failedDisks } = this.#parts;
    const { answerBytes, operation, unreadable } = this.#round;
    if (reply.outcome.status === Status.busy) {
      calls.putOff(call, reply.outcome.detail.retryAfterMs);
      return;
    }
    if (reply.outcome.status === Status.media && unreadable !== undefined) {
      calls.release(call);
      unreadable.add(call.leg);
      this.#answered(call.leg, noData);
      return;
    }
    if (reply.outcome.status === Status.invalid && this.#sendsAgain(call)) return;
    let problem = legTroubleOf(this.#volume, call.request, reply, failedDisks);
    if (problem === '' && data.bytes.length !== answerBytes)
      problem = `disk ${reply.disk} answers ${data.bytes.length} bytes, not ${answerBytes}`;
    if (problem === '' && !isDataIntact(data, reply.offset)) {
      if (this.#sendsAgain(call)) return;
      problem = `the answers of disk ${reply.disk} arrive damaged`;
    }
    calls.release(call);
    if (problem !== '') {
      const what = operation === Operation.read ? sourceProblem(problem) : problem;
      this.#fail(what, reply.outcome.status);
      return;
    }
    this.#answered(call.leg, copyOf(data));
  }

  /** It was damaged, there or back; false when that happened too often. */
  #sendsAgain(call: LegCall): boolean {
    if (this.#damaged++ >= damagedFramesMax) return false;
    this.#parts.calls.putOff(call, damagedRetryMs);
    return true;
  }

  #answered(leg: number, data: FrameData): void {
    this.#answers[leg] = data;
    this.#left--;
    if (this.#left > 0) return;
    this.#round.open.delete(this);
    this.#done(this.#answers);
  }

  legSilent(call: LegCall): void {
    this.#fail(`disk ${call.request.disk} does not answer`, null);
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#round.open.delete(this);
    this.#parts.calls.releaseOf(this);
  }

  #fail(what: string, status: Status | null): void {
    this.stop();
    this.#round.fail(what, status);
  }

  #send(leg: Leg, index: number, data: FrameData): void {
    const { calls } = this.#parts;
    const slot = calls.claim();
    calls.send(slot, this, index, this.#requestOf(leg, slot), data);
  }

  #requestOf(leg: Leg, slot: number): Request {
    const { self, incarnation, calls } = this.#parts;
    const { partition, run, atBytes, lengthBytes, start, operation, writeNumber, fua } =
      this.#round;
    const { host, hostIncarnation, attachEpoch } = this.#round.onBehalfOf ?? {
      host: '' as const,
      hostIncarnation: incarnation,
      attachEpoch: unitOf<AttachEpoch>(0),
    };
    const { load } = this.#volume;
    const ioNumber = calls.nextNumber();
    return {
      operation,
      flags: fua === true ? RequestFlag.copy | RequestFlag.fua : RequestFlag.copy,
      volume: load.volume,
      offset: start,
      lengthBytes,
      disk: leg.disk,
      diskOffset: unitOf<DiskOffset>(leg.offset + atBytes),
      extentGeneration: leg.generation,
      mirrorSet: run.set ?? '',
      generation: load.generation,
      controlEpoch: load.controlEpoch,
      attachEpoch,
      eventCount: eventCountOf(this.#volume, run.set),
      partition: partition.number,
      partitionEpoch: partition.epoch,
      ownerIncarnation: partition.ownerIncarnation,
      writeNumber: writeNumber ?? unitOf<WriteNumber>(0),
      lowestUnsettled: partition.lowestUnsettled,
      host,
      hostIncarnation,
      ioNumber,
      attempt: 0,
      watermark: ioNumber,
      regionWrites: 0,
      replyKind: 'switch',
      replyId: self,
      replySlot: slot,
      route: [],
    };
  }
}

function sourceProblem(problem: string): string {
  return `a block that is to be copied cannot be read: ${problem}`;
}
