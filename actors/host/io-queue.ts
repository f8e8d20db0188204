/**
 * I/Os of a host that wait for a slot or credits. Every volume has two lines: one for what carries its bytes, and one
 * for ranges (TRIM, WRITE_ZEROES), which may mean very many parts. Lines take turns, and so do the I/Os of a line, in
 * the order in which they came: whoever waits is passed by each other one at most once in between. How much is sent in
 * a turn is the issuer's.
 */
import { type ConsumerIo, IoPlace, Turn } from './consumer-io.ts';
import type { OptimizationDriver } from './optimization-driver.ts';

/** The lines of one volume. */
interface Lines {
  readonly data: Line;
  readonly ranges: Line;
}

export class IoQueue {
  /** Those where somebody waits, in the order of their turns. */
  readonly #turns = new Set<Line>();
  readonly #lines = new WeakMap<OptimizationDriver, Lines>();

  get isEmpty(): boolean {
    return this.#turns.size === 0;
  }

  /** Lines where somebody waits. */
  get lineCount(): number {
    return this.#turns.size;
  }

  /** I/Os that wait. */
  get count(): number {
    let count = 0;
    for (const line of this.#turns) count += line.count;
    return count;
  }

  /** Whose turn it is; null when nobody waits. */
  get first(): ConsumerIo | null {
    for (const line of this.#turns) return line.first;
    return null;
  }

  push(io: ConsumerIo): void {
    io.place = IoPlace.queued;
    const { data, ranges } = this.#linesOf(io.driver);
    const line = io.isRange ? ranges : data;
    line.push(io);
    this.#turns.add(line);
  }

  /** The turn of `first` is over, and how: it leaves if nothing is left of it, else it goes on in a later one. */
  endTurn(turn: Turn): void {
    for (const line of this.#turns) {
      line.endTurn(turn);
      this.#turns.delete(line);
      if (line.first !== null) this.#turns.add(line);
      return;
    }
  }

  /** Takes out what is past its deadline. */
  takeExpired(nowMs: number): readonly ConsumerIo[] {
    const expired: ConsumerIo[] = [];
    for (const line of this.#turns) this.#takeOf(line, (io) => line.isExpired(io, nowMs), expired);
    return expired;
  }

  /** Takes out all of one volume. */
  removeOf(driver: OptimizationDriver): readonly ConsumerIo[] {
    const removed: ConsumerIo[] = [];
    const { data, ranges } = this.#linesOf(driver);
    for (const line of [data, ranges]) this.#takeOf(line, () => true, removed);
    return removed;
  }

  #takeOf(line: Line, goes: (io: ConsumerIo) => boolean, into: ConsumerIo[]): void {
    line.take(goes, into);
    if (line.first === null) this.#turns.delete(line);
  }

  #linesOf(driver: OptimizationDriver): Lines {
    const known = this.#lines.get(driver);
    if (known !== undefined) return known;
    const lines = { data: new Line(), ranges: new Line() };
    this.#lines.set(driver, lines);
    return lines;
  }
}

class Line {
  #ios: ConsumerIo[] = [];
  /** How many of `#ios`, from the start, have left already. */
  #taken = 0;
  /** Of ranges: the latest that a turn gave. Who waits behind those that get on is not overdue before that. */
  #deadlineMs = 0;

  get count(): number {
    return this.#ios.length - this.#taken;
  }

  get first(): ConsumerIo | null {
    return this.#ios[this.#taken] ?? null;
  }

  push(io: ConsumerIo): void {
    this.#ios.push(io);
  }

  endTurn(turn: Turn): void {
    const io = this.first;
    if (io === null) return;
    if (io.isRange) this.#deadlineMs = Math.max(this.#deadlineMs, io.deadlineMs);
    if (turn !== Turn.sent && turn !== Turn.over) return;
    this.#shift();
    if (turn === Turn.sent) io.place = IoPlace.nowhere;
    else this.#ios.push(io);
  }

  isExpired(io: ConsumerIo, nowMs: number): boolean {
    if (io.isRange) io.deadlineMs = Math.max(io.deadlineMs, this.#deadlineMs);
    return nowMs >= io.deadlineMs;
  }

  take(goes: (io: ConsumerIo) => boolean, into: ConsumerIo[]): void {
    const waiting = this.#ios.slice(this.#taken);
    this.#taken = 0;
    this.#ios = waiting.filter((io) => {
      if (!goes(io)) return true;
      io.place = IoPlace.nowhere;
      into.push(io);
      return false;
    });
  }

  #shift(): void {
    this.#taken++;
    // Moving the rest only now and then keeps both the memory and the cost per I/O bounded.
    if (this.#taken * 2 < this.#ios.length) return;
    this.#ios.copyWithin(0, this.#taken);
    this.#ios.length -= this.#taken;
    this.#taken = 0;
  }
}
