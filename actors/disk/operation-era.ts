/**
 * Eras of operations: a new one begins with each assembly. An assembly is confirmed only when all operations have
 * ended that were admitted under the fences before it; so nothing that is fenced can still take effect afterwards.
 */
export class OperationEra {
  /** Operations of this era under way, and one for the era before while that has any. */
  #open = 0;
  readonly #waiting: (() => void)[] = [];

  /** How many of this era are under way, and one for those before. */
  get open(): number {
    return this.#open;
  }

  begin(): void {
    this.#open += 1;
  }

  end(): void {
    this.#open -= 1;
    if (this.#open === 0) for (const emptied of this.#waiting.splice(0)) emptied();
  }

  /** Begins the next era, which nobody waits for before this one is over. */
  next(): OperationEra {
    const next = new OperationEra();
    if (this.#open > 0) {
      next.begin();
      this.whenOver(() => next.end());
    }
    return next;
  }

  /** Calls once nothing of this era, or of those before, is under way; perhaps at once. */
  whenOver(over: () => void): void {
    if (this.#open === 0) over();
    else this.#waiting.push(over);
  }
}
