/**
 * The consumers of a volume in a round of injections, all of which verify what they read: fio at every export, which
 * reads each write again soon after it, and beside it a few lanes that know of each of their blocks what they wrote last
 * however long ago, which fio does not. Each has a part of the volume of its own.
 */
import type { SeededRandom } from '../../cluster/simulation/random.ts';
import { loadBytes, SteadyLoad } from '../bench/failover/steady-load.ts';
import type { ClusterOperator } from '../tools/cluster-operator.ts';
import type { Tool } from '../tools/fetch-tool.ts';
import { beginFio, type FioArea, fillArea, type RunningFio, verifyWritten } from '../tools/fio.ts';
import { untilAsync } from '../tools/until.ts';

const mebibyte = 1024 * 1024;
const areaBytes = 8 * mebibyte;
const depth = 32;
/** Few and slow: the load is fio's. */
const lanes = 8;
const restMs = 10;
const problemLengthMax = 2000;
const progressTimeoutMs = 45_000;

export interface ConsumersParts {
  readonly fio: Tool;
  /** Exports of one volume. */
  readonly uris: readonly string[];
  readonly random: SeededRandom;
  /** After so many writes fio flushes; it never does when left out. */
  readonly writesPerFlush?: number;
}

export class VerifyingConsumers {
  readonly #fio: Tool;
  readonly #areas: readonly FioArea[];
  readonly #load: SteadyLoad;
  readonly #running: RunningFio[] = [];
  readonly #flushing: readonly string[];

  constructor({ fio, uris, random, writesPerFlush }: ConsumersParts) {
    this.#fio = fio;
    this.#flushing = writesPerFlush === undefined ? [] : [`--fsync=${writesPerFlush}`];
    this.#load = new SteadyLoad({ uris, lanes, restMs, random });
    this.#areas = uris.map((uri, index) => ({
      uri,
      startBytes: loadBytes(lanes) + index * areaBytes,
      lengthBytes: areaBytes,
      blockBytes: 4096,
    }));
  }

  /**
   * @param underWay waits until I/O is: the lanes begin only then, and are not taken for fio, which starts slowly
   * @throws Error when something is wrong before anything was struck
   */
  async begin(underWay: () => Promise<void>): Promise<void> {
    for (const area of this.#areas) await fillArea(this.#fio, area);
    for (const { uri, blockBytes, startBytes, lengthBytes: sizeBytes } of this.#areas) {
      const more = [`--offset=${startBytes}`, ...this.#flushing];
      const job = { uri, rw: 'randrw', blockBytes, depth, sizeBytes, verify: true, more } as const;
      this.#running.push(beginFio(this.#fio, job));
    }
    await underWay();
    await this.#load.start();
  }

  /** True once one of them has met something wrong. */
  get haveEnded(): boolean {
    return this.#load.problems.length > 0 || this.#running.some(({ hasEnded }) => hasEnded);
  }

  /** Waits until hosts have served so many more I/Os, or something wrong has been met. */
  async untilMoreDone(operator: ClusterOperator, ios: number): Promise<void> {
    let first: number | null = null;
    const isThrough = async () => {
      if (this.haveEnded) return true;
      const { counters } = await operator.status();
      const count = counters.consumerIos;
      if (count === undefined) return false;
      first ??= count;
      return count - first >= ios;
    };
    await untilAsync(isThrough, `${ios} more I/Os of consumers`, progressTimeoutMs);
  }

  /** Ends them, and has them read once more all that they ever wrote. @returns what was wrong, as sentences */
  async end(): Promise<readonly string[]> {
    const ended = await Promise.all(this.#running.map(endOf));
    await this.#load.rest();
    if (this.#load.problems.length === 0) await this.#load.readBack();
    await this.#load.stop();
    const problems = [...ended.filter((problem) => problem !== ''), ...this.#load.problems];
    if (problems.length > 0) return problems.map((each) => each.slice(0, problemLengthMax));
    const read = await Promise.all(
      this.#areas.map((area) => problemOf(verifyWritten(this.#fio, area))),
    );
    return read.filter((problem) => problem !== '').map((each) => `read once more: ${each}`);
  }
}

/** @returns what was wrong; '' when nothing was */
async function endOf(running: RunningFio): Promise<string> {
  const endedBefore = running.hasEnded;
  const problem = await problemOf(running.stop());
  return problem === '' && endedBefore ? 'fio ended too early' : problem;
}

function problemOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => '',
    (error: unknown) =>
      (error instanceof Error ? error.message : String(error)).slice(0, problemLengthMax),
  );
}
