/**
 * Orders overlapping requests of different connections to one volume (DESIGN I6): a request waits for every write
 * that arrived before it on another connection, overlaps it and has not ended.
 *
 * A client that gives up a connection sends its unanswered requests again on another one, while its old copy may
 * still be under way in the SAN, where nobody can take it back. Were the new copy, and a newer write behind it,
 * acknowledged before the old copy lands, old bytes would overwrite newer ones. Whether the old connection is dead is
 * not asked: the news of that may arrive late or never. Clients that share a volume lose nothing by it, for requests
 * that are under way together may be executed in any order.
 *
 * Requests only wait for earlier ones, so none waits in a circle, and none is overtaken for ever.
 */

/** A request as far as order is concerned. The fields below the line belong to `OverlapOrder`. */
export interface OrderedRequest {
  readonly state: 'free' | 'receiving' | 'waiting' | 'running';
  readonly offset: number;
  readonly lengthBytes: number;
  /** True for writes of every kind: only they are waited for. */
  readonly changesData: boolean;
  /** The connection's requests, which this is one of. */
  readonly lane: Lane;
  /** It need not wait any longer. */
  proceed(): void;

  /** Its place in the order of all requests to the volume. */
  arrival: number;
  /** The write that it waits for at present. */
  blocker: OrderedRequest | null;
  /** Those that wait for this one; may hold some that do so no longer. */
  waiters: OrderedRequest[] | null;
}

/** The requests of one connection. */
export interface Lane {
  /** How many writes there are in `requests`, or more. */
  readonly unfinishedWrites: number;
  readonly requests: readonly OrderedRequest[];
}

export class OverlapOrder {
  readonly #lanes: Lane[] = [];
  #arrivals = 0;

  join(lane: Lane): void {
    this.#lanes.push(lane);
  }

  /** To be called when the lane has no unfinished request. */
  leave(lane: Lane): void {
    const index = this.#lanes.indexOf(lane);
    if (index !== -1) this.#lanes.splice(index, 1);
  }

  /** Connections that have joined and not left. */
  get lanes(): number {
    return this.#lanes.length;
  }

  /** A request arrived. True: it may begin. False: it has to wait for its `proceed`. */
  admit(request: OrderedRequest): boolean {
    request.arrival = this.#arrivals++;
    return this.#lanes.length === 1 || !this.#waits(request);
  }

  /** A write is no longer unfinished (its state says so already): those that waited for it go on. */
  ended(write: OrderedRequest): void {
    const { waiters } = write;
    if (waiters === null) return;
    write.waiters = null;
    for (const request of waiters) {
      if (request.blocker !== write) continue;
      request.blocker = null;
      if (!this.#waits(request)) request.proceed();
    }
  }

  #waits(request: OrderedRequest): boolean {
    for (const lane of this.#lanes) {
      if (lane === request.lane || lane.unfinishedWrites === 0) continue;
      for (const other of lane.requests) {
        if (!isBefore(other, request)) continue;
        request.blocker = other;
        other.waiters ??= [];
        other.waiters.push(request);
        return true;
      }
    }
    return false;
  }
}

/** True for an unfinished write that arrived before the request and overlaps it. */
function isBefore(write: OrderedRequest, request: OrderedRequest): boolean {
  return (
    write.changesData &&
    (write.state === 'running' || write.state === 'waiting') &&
    write.arrival < request.arrival &&
    write.offset < request.offset + request.lengthBytes &&
    request.offset < write.offset + write.lengthBytes
  );
}
