/**
 * Where the newest bytes of a block are: in the journal, at a position, or at home. Two generations, as with the
 * tags: what is being written home stays here, unchanged, until it is there and the journal is released.
 */
export const atHome = -1;

export class BlockLocations {
  #current = new Map<number, number>();
  #frozen = new Map<number, number>();

  /** The journal position of the block's bytes, or `atHome`. */
  find(block: number): number {
    return this.#current.get(block) ?? this.#frozen.get(block) ?? atHome;
  }

  put(block: number, position: number): void {
    this.#current.set(block, position);
  }

  /** Ends the current generation; the one frozen before must have been released. */
  freeze(): void {
    this.#frozen = this.#current;
    this.#current = new Map();
  }

  /** How many blocks the frozen generation has. */
  get frozenCount(): number {
    return this.#frozen.size;
  }

  /** Calls with each block of the frozen generation and its journal position. */
  eachFrozen(visit: (block: number, position: number) => void): void {
    for (const [block, position] of this.#frozen) visit(block, position);
  }

  /** Ends the frozen generation: its blocks are home. */
  release(): void {
    this.#frozen = new Map();
  }
}
