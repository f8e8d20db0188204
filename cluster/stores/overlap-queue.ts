/**
 * Order for asynchronous file operations: the thread pool runs what it is given in any order, but a read must see
 * every write submitted before it, of two overlapping writes the later must win, and a read must not see half of a
 * later write. So of two overlapping operations, one of which writes, the later one waits; all others run at once.
 */
export interface QueuedOperation {
  readonly startBytes: number;
  readonly endBytes: number;
  readonly writes: boolean;
  /** Starts the operation; whoever runs it calls `remove` when it has ended. */
  readonly run: () => void;
}

export class OverlapQueue {
  #running: QueuedOperation[] = [];
  #waiting: QueuedOperation[] = [];

  /** True when nothing runs or waits: then nothing needs to be ordered behind anything. */
  get isIdle(): boolean {
    return this.#running.length === 0;
  }

  /** Runs the operation as soon as nothing earlier stands in its way. */
  add(operation: QueuedOperation): void {
    if (this.#mayRun(operation, this.#waiting)) this.#start(operation);
    else this.#waiting.push(operation);
  }

  /** Tells that a running operation has ended; starts those that waited for it. */
  remove(operation: QueuedOperation): void {
    this.#running.splice(this.#running.indexOf(operation), 1);
    const still: QueuedOperation[] = [];
    const candidates = this.#waiting;
    this.#waiting = still;
    for (const candidate of candidates) {
      if (this.#mayRun(candidate, still)) this.#start(candidate);
      else still.push(candidate);
    }
  }

  #start(operation: QueuedOperation): void {
    this.#running.push(operation);
    operation.run();
  }

  #mayRun(operation: QueuedOperation, earlier: readonly QueuedOperation[]): boolean {
    return !this.#running.concat(earlier).some((other) => conflicts(other, operation));
  }
}

function conflicts(earlier: QueuedOperation, later: QueuedOperation): boolean {
  const overlap = earlier.startBytes < later.endBytes && later.startBytes < earlier.endBytes;
  return overlap && (earlier.writes || later.writes);
}
