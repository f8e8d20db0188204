/**
 * Reads that a switch sent on with itself as the one to answer: whose they are, and whether what comes back may be kept.
 * Nothing of their data is here, and there are at most so many; one whose answer was lost makes way by and by.
 */
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { ActorAddress, HostId, VolumeId } from '../../protocols/ids.ts';
import { blockBytes } from '../../protocols/units.ts';

/** More reads than these are under way: the others are answered by the disk directly. */
export const fillsMax = 1024;
/** After so long nobody waits for the answer any more: its host has asked again. */
const answerMsMax = 5000;

export interface Fill {
  readonly index: number;
  isOpen: boolean;
  /** False once something of its range, or the whole volume, was invalidated: its answer may be older than that. */
  mayKeep: boolean;
  sinceMs: number;
  volume: VolumeId;
  offset: number;
  lengthBytes: number;
  host: HostId | '';
  hostIncarnation: number;
  ioNumber: number;
  attempt: number;
  attachEpoch: number;
  regionWrites: number;
  /** Who waits for the answer. */
  readonly waiting: { kind: ActorAddress['kind']; id: string; slot: number };
}

export class Fills {
  /** By index; grows up to `fillsMax`. */
  readonly #fills: Fill[] = [];
  readonly #free: Fill[] = [];

  /** A place for a read that is to be sent on; null when there is none. */
  begin(request: Request, nowMs: number): Fill | null {
    const fill = this.#free.pop() ?? this.#newFill() ?? this.#overdue(nowMs);
    if (fill === null) return null;
    fill.isOpen = true;
    fill.mayKeep = true;
    fill.sinceMs = nowMs;
    fill.volume = request.volume;
    fill.offset = request.offset;
    fill.lengthBytes = request.lengthBytes;
    fill.host = request.host;
    fill.hostIncarnation = request.hostIncarnation;
    fill.ioNumber = request.ioNumber;
    fill.attempt = request.attempt;
    fill.attachEpoch = request.attachEpoch;
    fill.regionWrites = request.regionWrites;
    fill.waiting.kind = request.replyKind;
    fill.waiting.id = request.replyId;
    fill.waiting.slot = request.replySlot;
    return fill;
  }

  /** The read that a reply answers, which has ended now; null for what answers nothing that waits (DESIGN I6). */
  end(index: number, reply: Reply): Fill | null {
    const fill = this.#fills[index];
    const isAnswered =
      fill?.isOpen === true &&
      fill.ioNumber === reply.ioNumber &&
      fill.attempt === reply.attempt &&
      fill.hostIncarnation === reply.hostIncarnation &&
      fill.host === reply.host &&
      fill.offset === reply.offset &&
      fill.volume === reply.volume;
    if (!isAnswered) return null;
    fill.isOpen = false;
    this.#free.push(fill);
    return fill;
  }

  /** What is under way of these blocks must not be kept when it comes. */
  discard(volume: VolumeId, firstBlock: number, endBlock: number): void {
    for (const fill of this.#fills) {
      const overlaps =
        fill.isOpen &&
        fill.volume === volume &&
        fill.offset < endBlock * blockBytes &&
        fill.offset + fill.lengthBytes > firstBlock * blockBytes;
      if (overlaps) fill.mayKeep = false;
    }
  }

  #newFill(): Fill | null {
    if (this.#fills.length === fillsMax) return null;
    const fill: Fill = {
      index: this.#fills.length,
      isOpen: false,
      mayKeep: false,
      sinceMs: 0,
      volume: '' as VolumeId,
      offset: 0,
      lengthBytes: 0,
      host: '',
      hostIncarnation: 0,
      ioNumber: 0,
      attempt: 0,
      attachEpoch: 0,
      regionWrites: 0,
      waiting: { kind: 'hba', id: '', slot: 0 },
    };
    this.#fills.push(fill);
    return fill;
  }

  #overdue(nowMs: number): Fill | null {
    return this.#fills.find(({ sinceMs }) => nowMs - sinceMs > answerMsMax) ?? null;
  }
}
