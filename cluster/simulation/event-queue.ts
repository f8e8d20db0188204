/**
 * What is going to happen, ordered by time: a binary heap. Events that are due at the same instant come out in the
 * order in which they were put in. Knows nothing of what an event does; `clock.ts` runs them.
 */

/** Whose work an event is. A stopped process runs nothing; a paused one runs it after it has been resumed. */
export interface EventOwner {
  readonly state: 'running' | 'paused' | 'stopped';
  /** Takes an event whose time came while the process was paused. */
  hold(event: ScheduledEvent): void;
}

/**
 * Something that will happen. Simulated parts extend it, so that one object per message or timer carries all that
 * is needed. An event is in the queue at most once.
 */
export abstract class ScheduledEvent {
  dueMs = 0;
  /** Place among events due at the same instant; given by the queue. */
  order = 0;
  place: 'nowhere' | 'queued' | 'cancelled' = 'nowhere';
  readonly owner: EventOwner | null;

  constructor(owner: EventOwner | null) {
    this.owner = owner;
  }

  /** Does it, at the time when it is due. */
  abstract fire(): void;

  /** Called instead of `fire` when the owner is stopped by then. */
  abandoned(): void {}

  /** Called when the owner is paused by then; `fire` or `abandoned` follows. */
  held(): void {}
}

/** Cancelled events stay in the heap until they surface; above this many they are swept once they are the majority. */
const cancelledCountKept = 1024;

export class EventQueue {
  #heap: ScheduledEvent[] = [];
  #cancelledCount = 0;
  #orderNext = 0;

  /** How many of those that will still happen are meant. For looking at it now and then: walks through all. */
  count(isMeant: (event: ScheduledEvent) => boolean): number {
    return this.#heap.filter((event) => event.place === 'queued' && isMeant(event)).length;
  }

  /** Events that will still happen. */
  get size(): number {
    return this.#heap.length - this.#cancelledCount;
  }

  /** @throws RangeError when the event is in the queue already: a bug of the caller. */
  put(event: ScheduledEvent, dueMs: number): void {
    if (event.place !== 'nowhere') throw new RangeError('the event is in the queue already');
    event.place = 'queued';
    event.dueMs = dueMs;
    event.order = this.#orderNext++;
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
  }

  /** Makes sure that the event does not happen; nothing if it is not in the queue. */
  cancel(event: ScheduledEvent): void {
    if (event.place !== 'queued') return;
    event.place = 'cancelled';
    this.#cancelledCount += 1;
    if (this.#cancelledCount > cancelledCountKept && this.#cancelledCount * 2 > this.#heap.length)
      this.#sweep();
  }

  /** When the next event is due; `null` when there is none. */
  get nextDueMs(): number | null {
    const first = this.#first();
    return first === null ? null : first.dueMs;
  }

  /** Takes out the next event; `null` when there is none. */
  take(): ScheduledEvent | null {
    const first = this.#first();
    if (first !== null) this.#removeFirst();
    return first;
  }

  #first(): ScheduledEvent | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return null;
      if (first.place !== 'cancelled') return first;
      this.#removeFirst();
      this.#cancelledCount -= 1;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return;
    first.place = 'nowhere';
    if (last !== first) this.#sink(last, 0);
  }

  #sweep(): void {
    const all = this.#heap;
    this.#heap = [];
    this.#cancelledCount = 0;
    for (const event of all) {
      if (event.place === 'cancelled') {
        event.place = 'nowhere';
        continue;
      }
      this.#heap.push(event);
      this.#rise(this.#heap.length - 1);
    }
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const event = heap[from];
    if (event === undefined) return;
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #sink(event: ScheduledEvent, from: number): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      const leftAt = 2 * at + 1;
      const left = heap[leftAt];
      if (left === undefined) break;
      const right = heap[leftAt + 1];
      const rightFirst = right !== undefined && isBefore(right, left);
      const child = rightFirst ? right : left;
      if (isBefore(event, child)) break;
      heap[at] = child;
      at = rightFirst ? leftAt + 1 : leftAt;
    }
    heap[at] = event;
  }
}

function isBefore(one: ScheduledEvent, other: ScheduledEvent): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
