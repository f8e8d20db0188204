/**
 * A consumer that never stops: lanes of one I/O each, reads and writes by turns of chance, through one NBD connection to
 * each export. Every lane has blocks of its own, spread over all partitions and mirrors, and knows what is in them: what
 * it reads must be what it wrote last.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { stampedSectors, valuesOf } from '../../../cluster/history/stamped-sectors.ts';
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { blockBytes, sectorBytes } from '../../../protocols/units.ts';
import { type Answer, TestClient } from '../../cluster/nbd/test-client.ts';
import { placeOf } from '../../cluster/real/history-load.ts';
import { untilAsync } from '../../tools/until.ts';
import { IoWindow } from './io-window.ts';

export interface SteadyLoadOptions {
  /** Exports of one volume; the lanes are shared out among them. */
  readonly uris: readonly string[];
  readonly random: SeededRandom;
  /** I/Os under way at most. */
  readonly lanes: number;
  /** How long a lane rests between two I/Os; 0: not at all. */
  readonly restMs: number;
}

const sectorsPerBlock = blockBytes / sectorBytes;
const blocksPerLane = 64;
/** Neighbours of a lane's block are other lanes': 68 KiB apart, they lie on all strips, and in all regions. */
const blocksApart = 17;
/** All that so many lanes write lies below. */
export function loadBytes(lanes: number): number {
  return blocksPerLane * lanes * blocksApart * blockBytes;
}
const windowTimeoutMs = 90_000;

export class SteadyLoad {
  readonly #options: SteadyLoadOptions;
  readonly #clients: TestClient[] = [];
  /** By lane and index: what was written last there; 0 for nothing. */
  readonly #values: readonly Uint32Array[];
  #windows: readonly IoWindow[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #lastValue = 0;
  /** What went wrong, as sentences: errors that the consumer saw, and bytes that are not what was written. */
  readonly problems: string[] = [];

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    this.#values = Array.from({ length: options.lanes }, () => new Uint32Array(blocksPerLane));
  }

  /** Connects and begins. */
  async start(): Promise<void> {
    const { uris } = this.#options;
    for (const uri of uris) {
      const { at, exportName } = placeOf(uri);
      const client = await TestClient.connect(at);
      await client.go(exportName, { structured: true });
      this.#clients.push(client);
    }
    const all = this.#values.map((values, lane) => this.#lane(lane, values));
    this.#running = Promise.all(all);
  }

  /** Waits for what is under way, and begins nothing more. */
  async rest(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Once it rests: reads all that it wrote, through every export. What is wrong is among `problems`. */
  async readBack(): Promise<void> {
    for (const client of this.#clients)
      await Promise.all(this.#values.map((values, lane) => this.#readBack(client, lane, values)));
  }

  /** Comes to rest, and hangs up. */
  async stop(): Promise<void> {
    await this.rest();
    for (const client of this.#clients) client.disconnect();
  }

  async #readBack(client: TestClient, lane: number, values: Uint32Array): Promise<void> {
    for (const [index, value] of values.entries()) {
      if (value === 0) continue;
      const block = this.#blockOf(lane, index);
      const answer = await ask(client, block * blockBytes, null);
      const problem = problemOf(answer, block, value);
      if (problem !== '') this.problems.push(`${problem}, when all was read once more`);
    }
  }

  #blockOf(lane: number, index: number): number {
    return (index * this.#options.lanes + lane) * blocksApart;
  }

  /** A window that is open from now on. */
  open(): IoWindow {
    const window = new IoWindow(this.#options.lanes, performance.now());
    this.#windows = [...this.#windows, window];
    return window;
  }

  /** Waits until every lane has ended some I/Os that it began in the window. @throws Error when it takes too long */
  async untilThrough(window: IoWindow, ios: number): Promise<void> {
    await this.#until(() => window.hasBeenThrough(ios), `${ios} I/Os in every lane`);
  }

  /** Closes a window, and waits until all that belongs to it has ended. */
  async close(window: IoWindow): Promise<void> {
    window.close(performance.now());
    await this.#until(() => window.isComplete(), 'the last I/Os to end');
    this.#windows = this.#windows.filter((each) => each !== window);
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const holds = async () => this.problems.length > 0 || condition();
    await untilAsync(holds, what, windowTimeoutMs);
    const [problem] = this.problems;
    if (problem !== undefined) throw new Error(problem);
  }

  async #lane(lane: number, values: Uint32Array): Promise<void> {
    const { random: chance, restMs } = this.#options;
    const client = this.#clients[lane % this.#clients.length];
    if (client === undefined) return;
    const random = chance.fork(`lane ${lane}`);
    while (!this.#isStopping && this.problems.length === 0) {
      const index = random.integer(blocksPerLane);
      const block = this.#blockOf(lane, index);
      const isWrite = random.integer(2) === 0;
      const value = isWrite ? ++this.#lastValue : (values[index] ?? 0);
      const payload = isWrite
        ? stampedSectors(value, block * sectorsPerBlock, sectorsPerBlock)
        : null;
      const beganMs = performance.now();
      const answer = await ask(client, block * blockBytes, payload);
      const endedMs = performance.now();
      const what = isWrite ? 'write' : 'read';
      for (const window of this.#windows) window.ended(lane, beganMs, endedMs, what);
      values[index] = value;
      const problem = problemOf(answer, block, isWrite ? null : value);
      if (problem !== '')
        this.problems.push(`${problem}, after ${Math.round(endedMs - beganMs)} ms`);
      if (restMs > 0) await delay(restMs);
    }
  }
}

/** A read where there is no payload. null: the connection ended. */
function ask(client: TestClient, offset: number, payload: Uint8Array | null) {
  const asked = payload === null ? client.read(offset, blockBytes) : client.write(offset, payload);
  return asked.catch(() => null);
}

/** @param expected what a read must find; null for a write */
function problemOf(answer: Answer | null, block: number, expected: number | null): string {
  const what = `${expected === null ? 'a write' : 'a read'} of block ${block}`;
  if (answer === null) return `${what} was not answered: the connection ended`;
  if (answer.error !== nbd.NBD_SUCCESS)
    return `${what} ended with NBD error ${answer.error} ${answer.message}`;
  if (expected === null) return '';
  const wrong = valuesOf(answer.data, block * sectorsPerBlock).find((each) => each !== expected);
  return wrong === undefined ? '' : `${what} found write ${wrong} and not write ${expected}`;
}
