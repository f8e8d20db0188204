/**
 * Random workloads on a disk, cut at a random moment: after each cut every block must hold, as a whole, what was
 * flushed last or something written since. A model keeps all versions of each block that may be there.
 */
import { expect } from 'chai';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Status } from '../../../protocols/codes.ts';
import { blockBytes } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld, type DiskWorldOptions } from './disk-world.ts';

/** Blocks that are used: neighbours, and both sides of a border between tag pages. */
const blocks = [0, 1, 2, 3, 4, 5, 6, 7, 30, 31, 32, 246, 247, 248, 249, 250];
const operationsMax = 120;

interface BlockModel {
  /** From the oldest that may be there to the newest. */
  versions: Uint8Array[];
  /** How many versions, from the oldest, are surely not newer than what was acknowledged. */
  acknowledged: number;
  /** Writes of this block under way: the coordinator lets one pass at a time. */
  busy: boolean;
}

class Workload {
  readonly world: DiskWorld;
  readonly #random: SeededRandom;
  readonly #model = new Map<number, BlockModel>();
  #value = 0;

  constructor(world: DiskWorld, random: SeededRandom) {
    this.world = world;
    this.#random = random;
    for (const block of blocks)
      this.#model.set(block, { versions: [bytesOf(blockBytes, 0)], acknowledged: 0, busy: false });
  }

  #of(block: number): BlockModel {
    const model = this.#model.get(block);
    if (model === undefined) throw new Error(`block ${block} is not used`);
    return model;
  }

  step(): void {
    const kind = this.#random.integer(20);
    if (kind === 0) this.#flush();
    else if (kind === 1) this.world.disk.device.writeBehind.drain(() => {});
    else this.#write(kind);
    const turns = this.#random.integer(6);
    for (let turn = 0; turn < turns; turn++) this.world.clock.runNext();
  }

  #write(kind: number): void {
    const first = this.#random.pick(blocks);
    const count = 1 + this.#random.integer(4);
    const wanted = Array.from({ length: count }, (_, index) => first + index);
    if (!wanted.every((block) => this.#model.has(block) && !this.#of(block).busy)) return;
    const ragged = kind < 8;
    const start = first * blockBytes + (ragged ? this.#random.integer(8) * 512 : 0);
    const end = (first + count) * blockBytes - (ragged ? this.#random.integer(8) * 512 : 0);
    if (end <= start) return;
    this.#value = (this.#value % 255) + 1;
    const zeros = kind === 2 || kind === 10;
    const fua = this.#random.integer(8) === 0;
    const versions = wanted.map((block) => {
      const model = this.#of(block);
      const bytes = (model.versions.at(-1) ?? bytesOf(blockBytes, 0)).slice();
      const from = Math.max(start - block * blockBytes, 0);
      const to = Math.min(end - block * blockBytes, blockBytes);
      if (to > from) bytes.fill(zeros ? 0 : this.#value, from, to);
      model.versions.push(bytes);
      model.busy = true;
      return { model, bytes };
    });
    const size = end - start;
    const request = zeros
      ? this.world.zeroRequest(start, size, { fua })
      : this.world.writeRequest(start, bytesOf(size, this.#value), { fua });
    const ended = (status: Status) => {
      expect(status).to.equal(Status.ok);
      for (const { model, bytes } of versions) {
        model.busy = false;
        model.acknowledged = model.versions.indexOf(bytes);
        if (fua) forgetBefore(model, model.acknowledged);
      }
    };
    this.world.begin(request, ended);
    // A retransmission, as a coordinator sends it when the answer is late.
    if (this.#random.integer(5) === 0) this.world.begin(request);
  }

  #flush(): void {
    const covered = [...this.#model.values()].map((model) => ({
      model,
      bytes: model.versions[model.acknowledged],
    }));
    this.world.disk.device.flush((status) => {
      expect(status).to.equal(Status.ok);
      for (const { model, bytes } of covered)
        if (bytes !== undefined) forgetBefore(model, model.versions.indexOf(bytes));
    });
  }

  /** Reads all blocks; each must be one of its versions, not older than what must be there. */
  check(kept: 'acknowledged' | 'flushed'): void {
    for (const [block, model] of this.#model) {
      const found = this.world.readBlock(block);
      const oldest = kept === 'flushed' ? 0 : model.acknowledged;
      const version = model.versions.findIndex(
        (bytes, index) => index >= oldest && Buffer.compare(bytes, found) === 0,
      );
      if (version === -1)
        throw new Error(
          `block ${block} holds ${describe4(found)}, of ${model.versions.length} versions`,
        );
      // What was served once must stay: it is the only version from now on.
      model.versions = [found];
      model.acknowledged = 0;
      model.busy = false;
    }
  }
}

function forgetBefore(model: BlockModel, version: number): void {
  if (version <= 0) return;
  model.versions.splice(0, version);
  model.acknowledged = Math.max(0, model.acknowledged - version);
}

function describe4(bytes: Uint8Array): string {
  return Array.from({ length: 8 }, (_, sector) => bytes[sector * 512]).join(' ');
}

/** One disk's life: several times work, interrupted, opened again and checked. */
export function liveThroughCuts(seed: string, cuts: number, options: DiskWorldOptions = {}): void {
  const random = new SeededRandom(seed);
  const slow = random.integer(3) > 0;
  const world = DiskWorld.formatted({
    seed,
    ...(slow ? { latency: { readMs: 1, writeMs: 3, flushMs: 5 } } : {}),
    writeBackPerMillion: random.pick([0, 100_000, 500_000]),
    ...options,
  });
  const workload = new Workload(world, random);
  for (let cut = 0; cut < cuts; cut++) {
    try {
      const operations = random.integer(operationsMax);
      for (let operation = 0; operation < operations; operation++) workload.step();
      if (random.integer(4) === 0) {
        world.restart();
        workload.check('acknowledged');
      } else {
        world.powerCycle();
        workload.check('flushed');
      }
      // What an open disk has shown survives another cut at once.
      world.powerCycle();
      workload.check('flushed');
    } catch (error) {
      throw new Error(`seed ${seed}, cut ${cut}: ${(error as Error).message}`, { cause: error });
    }
  }
}
