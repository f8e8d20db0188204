/**
 * A read of a shared volume in the order of its coordinator (DESIGN I2): it waits for the writes before it, and those
 * after it wait until its answer has come by here. Sent on with nobody to wait for it, it could reach its disk after a
 * later write that the other mirrors lack, and show what is gone once that disk and its host are.
 */
import { Status } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import type { Outcome, Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { noData } from './frame-data.ts';
import type { HostIo, KnownIos } from './known-ios.ts';
import type { LegCall, LegOwner } from './leg-call.ts';
import { addressRead, otherMirrors } from './leg-request.ts';
import { type LoadedVolume, onlyPartOf } from './loaded-volume.ts';
import { mirrorOutcomeOf } from './mirror-outcome.ts';
import type { Partition, PartitionIo } from './partition.ts';
import { PartitionEntry } from './partition-entry.ts';

/** Who admitted it, and is told when it has ended. */
export interface ReadDirector {
  /** As it is now. */
  readonly volume: LoadedVolume;
  trouble(partition: Partition, what: string): void;
  readEnded(): void;
}

/** Used by one look-up at a time. */
const cut = new PartList();

export class OrderedRead extends PartitionEntry implements PartitionIo, LegOwner, HostIo {
  readonly isRead = true;
  request: Request;
  readonly #parts: CoordinatorParts;
  readonly #director: ReadDirector;
  readonly #partition: Partition;
  readonly #known: KnownIos;
  /** The disk that is asked; '' before any is. */
  #asked: DiskId | '' = '';

  constructor(
    parts: CoordinatorParts,
    director: ReadDirector,
    partition: Partition,
    known: KnownIos,
    request: Request,
  ) {
    super(request.offset, request.lengthBytes);
    this.#parts = parts;
    this.#director = director;
    this.#partition = partition;
    this.#known = known;
    this.request = request;
  }

  /** Nothing is in its way any more. */
  granted(): void {
    this.#ask(this.request.disk);
  }

  /** Its host heard nothing for too long: another mirror is asked, where there is one. */
  join(request: Request): void {
    this.request = request;
    if (this.#asked === '') return;
    this.#parts.calls.releaseOf(this);
    this.#ask(request.disk === '' ? this.#nextDisk() : request.disk);
  }

  legAnswered(call: LegCall, reply: Reply, data: FrameData): void {
    const { answers, calls, namesAlternates } = this.#parts;
    const { outcome } = reply;
    if (outcome.status === Status.busy) {
      calls.putOff(call, outcome.detail.retryAfterMs);
      return;
    }
    const { volume } = this.#director;
    if (outcome.status === Status.media)
      reply.outcome = mirrorOutcomeOf(volume, call.request, outcome, namesAlternates);
    answers.hand(this.request, reply, data);
    calls.release(call);
    this.#end();
  }

  legSilent(call: LegCall): void {
    this.#parts.calls.release(call);
    this.#refuse({ status: Status.path, detail: { links: [], alternates: [] } });
  }

  dropped(): void {
    this.#parts.calls.releaseOf(this);
    this.#forget();
  }

  /** @param disk of the mirror to ask; '': any */
  #ask(disk: DiskId | ''): void {
    const { self, calls } = this.#parts;
    const { volume } = this.#director;
    const { generation } = volume.load;
    const { offset, lengthBytes } = this.request;
    const part = onlyPartOf(volume, offset, lengthBytes, cut);
    if (part === null) {
      this.#director.trouble(this.#partition, 'the layout changed under a waiting I/O');
      return;
    }
    const request: Request = { ...this.request, disk, generation, route: [] };
    const refusal = addressRead(request, volume, part);
    if (refusal !== null) {
      this.#refuse(refusal);
      return;
    }
    this.#asked = request.disk;
    const slot = calls.claim();
    const answer = { replyKind: 'switch', replyId: self, replySlot: slot } as const;
    calls.send(slot, this, 0, Object.assign(request, answer), noData);
  }

  /** The mirror after the one that was asked last. */
  #nextDisk(): DiskId | '' {
    const { volume } = this.#director;
    const { offset, lengthBytes } = this.request;
    const part = onlyPartOf(volume, offset, lengthBytes, cut);
    const disks: readonly string[] = part === null ? [] : otherMirrors(volume, part, '');
    const after = disks.indexOf(this.#asked) + 1;
    return (disks[after % disks.length] ?? '') as DiskId | '';
  }

  #refuse(outcome: Outcome): void {
    this.#parts.answers.end(this.request, outcome);
    this.#end();
  }

  #end(): void {
    this.#forget();
    this.#partition.leave(this);
  }

  /** It left no trace, and may be carried out again. */
  #forget(): void {
    this.#known.forget(this.request.ioNumber);
    this.#director.readEnded();
  }
}
