/** The I/Os of one volume that have not ended: their records, which are used again, and the order in which they came. */
import type { ConsumerDone } from '../../protocols/attached-volume.ts';
import type { Operation } from '../../protocols/codes.ts';
import { ConsumerIo } from './consumer-io.ts';
import type { Dispatcher } from './dispatcher.ts';
import { countBegun } from './driver-counters.ts';
import type { OptimizationDriver } from './optimization-driver.ts';

export class OpenIos {
  readonly #driver: OptimizationDriver;
  readonly #dispatcher: Dispatcher;
  readonly #free: ConsumerIo[] = [];
  #arrivals = 0;
  #count = 0;

  constructor(driver: OptimizationDriver, dispatcher: Dispatcher) {
    this.#driver = driver;
    this.#dispatcher = dispatcher;
  }

  get count(): number {
    return this.#count;
  }

  /** The place of what arrives now. */
  nextArrival(): number {
    return this.#arrivals++;
  }

  begin(
    operation: Operation,
    offset: number,
    lengthBytes: number,
    done: ConsumerDone | null,
    fua = false,
  ): ConsumerIo {
    const { counters, clock, policy } = this.#dispatcher;
    const io = this.#free.pop() ?? new ConsumerIo(this.#driver);
    io.operation = operation;
    io.fua = fua;
    io.done = done;
    io.start = offset;
    io.end = offset + lengthBytes;
    io.cursor = offset;
    io.arrival = this.nextArrival();
    io.deadlineMs = clock.now() + policy.deadlineMs;
    this.#count++;
    countBegun(counters, operation);
    return io;
  }

  /** Nobody may touch it any more. */
  ended(io: ConsumerIo): void {
    this.#count--;
    io.reset();
    this.#free.push(io);
  }
}
