/**
 * A part of a volume that is read all the time and hardly ever written, so that its blocks stay where they were brought
 * home to. Each block says which version of it was written, and readers accept no other and nothing else.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { stampedSectors, valuesOf } from '../../../cluster/history/stamped-sectors.ts';
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { blockBytes, sectorBytes } from '../../../protocols/units.ts';
import { TestClient } from '../nbd/test-client.ts';
import { placeOf } from '../real/history-load.ts';

const sectorsPerBlock = blockBytes / sectorBytes;
const fillBlocks = 32;
const lanes = 4;
const restMs = 20;
const longReadBlocks = 16;
const problemsMax = 20;

export interface StillAreaOptions {
  readonly uri: string;
  readonly firstBlock: number;
  readonly blocks: number;
  readonly random: SeededRandom;
}

export class StillArea {
  readonly firstBlock: number;
  readonly blocks: number;
  readonly #uri: string;
  readonly #random: SeededRandom;
  /** By block: the version that was acknowledged last, and the last one that was begun. */
  readonly #written: Uint8Array;
  readonly #begun: Uint8Array;
  #client: TestClient | null = null;
  #running: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #reads = 0;
  #failedReads = 0;
  /** Blocks that may fail to be read, because no mirror in sync has a good copy. */
  readonly mayFail = new Set<number>();
  /** As sentences. */
  readonly problems: string[] = [];

  constructor({ uri, firstBlock, blocks, random }: StillAreaOptions) {
    this.#uri = uri;
    this.firstBlock = firstBlock;
    this.blocks = blocks;
    this.#random = random;
    this.#written = new Uint8Array(blocks);
    this.#begun = new Uint8Array(blocks);
  }

  /** Reads that gave bytes, all of which were right. */
  get goodReads(): number {
    return this.#reads - this.#failedReads;
  }

  async connect(): Promise<void> {
    const { at, exportName } = placeOf(this.#uri);
    this.#client = await TestClient.connect(at);
    await this.#client.go(exportName, { structured: true });
  }

  disconnect(): void {
    this.#client?.disconnect();
  }

  /** What a block holds now. */
  contentOf(block: number, version = this.#written[block - this.firstBlock] ?? 0): Buffer {
    return Buffer.from(stampedSectors(version, block * sectorsPerBlock, sectorsPerBlock));
  }

  /** Writes the next version of all blocks. */
  async fill(): Promise<void> {
    for (let at = 0; at < this.blocks; at += fillBlocks) await this.#write(at, fillBlocks);
    await this.#connected.flush();
  }

  /** Writes the next version of a block. */
  async rewrite(block: number): Promise<void> {
    await this.#write(block - this.firstBlock, 1);
  }

  /** Writes a part of a block. @returns whether that was refused, as it must be where the rest is not known */
  async isPartRefused(block: number): Promise<boolean> {
    const payload = stampedSectors(1, block * sectorsPerBlock, 1);
    const { error } = await this.#connected.write(block * blockBytes, payload);
    return error === nbd.NBD_EIO;
  }

  /** Begins to read here and there. */
  start(): void {
    this.#isStopping = false;
    this.#running = Promise.all(Array.from({ length: lanes }, () => this.#lane()));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Reads every block for itself. @returns those that could not be read */
  async readEach(): Promise<readonly number[]> {
    const failed: number[] = [];
    let next = 0;
    const lane = async () => {
      for (let at = next++; at < this.blocks; at = next++)
        if (!(await this.#read(at, 1))) failed.push(this.firstBlock + at);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return failed.toSorted((one, other) => one - other);
  }

  /** @returns those of these blocks that could not be read */
  async unreadableOf(blocks: readonly number[]): Promise<readonly number[]> {
    const failed: number[] = [];
    for (const block of blocks)
      if (!(await this.#read(block - this.firstBlock, 1))) failed.push(block);
    return failed;
  }

  get #connected(): TestClient {
    if (this.#client === null) throw new Error('the area is not connected');
    return this.#client;
  }

  async #lane(): Promise<void> {
    while (!this.#isStopping && this.problems.length < problemsMax) {
      const wanted = this.#random.integer(4) === 0 ? 1 + this.#random.integer(longReadBlocks) : 1;
      const at = this.#random.integer(this.blocks);
      await this.#read(at, Math.min(wanted, this.blocks - at));
      await delay(restMs);
    }
  }

  /** @returns false when it ended with an error */
  async #read(at: number, count: number): Promise<boolean> {
    const versions = this.#written.slice(at, at + count);
    const first = this.firstBlock + at;
    const could = () => this.#anyMayFail(first, count);
    const mightFail = could();
    const answer = await this.#connected.read(first * blockBytes, count * blockBytes);
    this.#reads++;
    if (answer.error !== nbd.NBD_SUCCESS) {
      this.#failedReads++;
      if (!mightFail && !could())
        this.problems.push(
          `${count} blocks from ${first} on could not be read though a mirror in sync has them: ${answer.message}`,
        );
      return false;
    }
    for (let index = 0; index < count; index++) {
      const bytes = answer.data.subarray(index * blockBytes, (index + 1) * blockBytes);
      const values = [...new Set(valuesOf(bytes, (first + index) * sectorsPerBlock))];
      const [value = 0] = values;
      const isRight =
        values.length === 1 &&
        value >= (versions[index] ?? 0) &&
        value <= (this.#begun[at + index] ?? 0);
      if (!isRight) this.problems.push(`block ${first + index} was read as ${values.join(', ')}`);
    }
    return true;
  }

  #anyMayFail(first: number, count: number): boolean {
    for (let block = first; block < first + count; block++)
      if (this.mayFail.has(block)) return true;
    return false;
  }

  async #write(at: number, count: number): Promise<void> {
    const version = (this.#begun[at] ?? 0) + 1;
    this.#begun.fill(version, at, at + count);
    const first = (this.firstBlock + at) * sectorsPerBlock;
    const payload = stampedSectors(version, first, count * sectorsPerBlock);
    const answer = await this.#connected.write(first * sectorBytes, payload);
    if (answer.error !== nbd.NBD_SUCCESS)
      throw new Error(`block ${this.firstBlock + at} could not be written: ${answer.message}`);
    this.#written.fill(version, at, at + count);
  }
}
