/** Writes that wait until the regions that they write to are marked, on their way back to who sends or ends them. */
import { Status } from '../../protocols/codes.ts';
import { type ConsumerIo, IoPlace } from './consumer-io.ts';

export interface WaitingWrite {
  readonly io: ConsumerIo;
  /** Those that are not marked yet. */
  regionsLeft: number;
  /** It waits no more: its record may be another I/O's by now. */
  isOver: boolean;
}

export interface WaitingWritesListener {
  /** Nothing is in its way any more. */
  submit(write: ConsumerIo): void;
  /** Nothing of it was sent, and nothing is to be. */
  end(write: ConsumerIo, status: Status): void;
}

export class WaitingWrites {
  readonly #listener: WaitingWritesListener;
  readonly #writes = new Set<WaitingWrite>();

  constructor(listener: WaitingWritesListener) {
    this.#listener = listener;
  }

  add(write: WaitingWrite): void {
    write.io.place = IoPlace.held;
    this.#writes.add(write);
  }

  /** One of the regions that these wait for is marked; or cannot be, and then nothing of them is sent. */
  wake(writes: readonly WaitingWrite[], status: Status): void {
    for (const write of writes) {
      write.regionsLeft--;
      if (write.isOver || (status === Status.ok && write.regionsLeft > 0)) continue;
      const io = this.#release(write);
      if (status === Status.ok) this.#listener.submit(io);
      else this.#listener.end(io, status);
    }
  }

  /** They are sent by nobody any more. */
  takeAll(): readonly ConsumerIo[] {
    return [...this.#writes].map((write) => this.#release(write));
  }

  /** True when the time of one is over. */
  isExpired(nowMs: number): boolean {
    for (const { io } of this.#writes) if (nowMs >= io.deadlineMs) return true;
    return false;
  }

  #release(write: WaitingWrite): ConsumerIo {
    write.isOver = true;
    write.io.place = IoPlace.nowhere;
    this.#writes.delete(write);
    return write.io;
  }
}
