/**
 * One round of injections: a cluster of its own, fio that writes and verifies through every export of a volume all the
 * time, and each kind of trouble struck and healed once, in an order and at targets of chance. At its end the mirrors
 * must be equal.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { ClusterOperator } from '../tools/cluster-operator.ts';
import { fetchTool, type Tool } from '../tools/fetch-tool.ts';
import { beginFio, type RunningFio } from '../tools/fio.ts';
import { ClusterPlace } from '../tools/real-clusters.ts';
import type { RunningCluster } from '../tools/running-cluster.ts';
import type { Strike } from '../tools/strikes.ts';
import { untilAsync } from '../tools/until.ts';
import { type InjectedTopology, type InjectionKind, targetsOf } from './injection-kinds.ts';
import { proofFolder } from './ledger.ts';
import type { StepOutcome } from './proof.ts';

/** In all shipped topologies the one whose every disk can be lost, and every way to it. */
const volume = 'vol0';
const mebibyte = 1024 * 1024;
const areaBytes = 8 * mebibyte;
/** fio ends when it is told to; this is for one that nobody tells. */
const fioSecondsMax = 900;
/** So many I/Os of consumers must end between strike and healing: the trouble is met, and outlived. */
const iosUnderTrouble = 400;
const progressTimeoutMs = 45_000;

/** How a round is called: the same name gives the same injections. */
export interface RoundName {
  readonly topology: InjectedTopology;
  readonly round: number;
}

export async function injectionRound({ topology, round }: RoundName): Promise<StepOutcome> {
  const fio = await fetchTool('fio');
  if (typeof fio === 'string') throw new Error(`fio cannot be had: ${fio}`);
  const name = `${topology.shipped} ${round}`;
  const place = await ClusterPlace.open({ shipped: topology.shipped });
  try {
    const cluster = await place.start();
    const operator = await ClusterOperator.connect(cluster, place.topology);
    const random = new SeededRandom(`injections ${name}`);
    const run = new Round({ operator, cluster, fio, random });
    await run.run(topology.kinds);
    if (run.problems.length > 0) keepStory(name, [...run.did, ...operator.story]);
    await operator.close();
    await cluster.stop();
    return { said: run.did.join('; '), problems: run.problems, data: run.times };
  } finally {
    await place.close();
  }
}

interface RoundParts {
  readonly operator: ClusterOperator;
  readonly cluster: RunningCluster;
  readonly fio: Tool;
  readonly random: SeededRandom;
}

class Round {
  readonly #parts: RoundParts;
  readonly #fios: RunningFio[] = [];
  readonly problems: string[] = [];
  readonly did: string[] = [];
  /** How often each kind was struck and healed. */
  readonly times: Record<string, number> = {};

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  async run(kinds: readonly InjectionKind[]): Promise<void> {
    await this.#beginFios();
    const { operator, random } = this.#parts;
    const targets = targetsOf(operator, volume);
    for (const kind of shuffled(kinds, random)) {
      const strike = await kind.choose({ operator, targets, random });
      this.did.push(strike.what);
      const problem = await this.#injure(strike);
      if (problem === '') this.times[kind.name] = (this.times[kind.name] ?? 0) + 1;
      else this.problems.push(`${strike.what}: ${problem}`);
      if (problem !== '' || this.#fios.some(({ hasEnded }) => hasEnded)) break;
    }
    await this.#endFios();
    if (this.problems.length === 0) await this.#compare();
  }

  async #beginFios(): Promise<void> {
    const { operator, fio } = this.#parts;
    const { exports } = await operator.status();
    const uris = exports.filter((each) => each.volume === volume).map(({ uri }) => uri);
    for (const [index, uri] of uris.entries())
      this.#fios.push(
        beginFio(fio, {
          uri,
          rw: 'randrw',
          blockBytes: 4096,
          depth: 32,
          sizeBytes: areaBytes,
          runtimeSeconds: fioSecondsMax,
          verify: true,
          more: [`--offset=${index * areaBytes}`],
        }),
      );
    await this.#progress(1);
  }

  /** Strikes and heals. @returns what was wrong; '' when nothing was */
  async #injure({ strike, heal }: Strike): Promise<string> {
    const { operator } = this.#parts;
    try {
      await strike(operator);
      await this.#progress(iosUnderTrouble).finally(() => heal(operator));
      await operator.untilWell();
      return '';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Waits until consumers have had so many more I/Os. */
  async #progress(ios: number): Promise<void> {
    const { operator } = this.#parts;
    let first: number | null = null;
    const isThrough = async () => {
      if (this.#fios.some(({ hasEnded }) => hasEnded)) return true;
      const { counters } = await operator.status();
      const count = counters.consumerIos;
      if (count === undefined) return false;
      first ??= count;
      return count - first >= ios;
    };
    await untilAsync(isThrough, `${ios} more I/Os of consumers`, progressTimeoutMs);
  }

  async #endFios(): Promise<void> {
    for (const running of this.#fios) {
      const endedBefore = running.hasEnded;
      const problem = await running.stop().then(
        () => (endedBefore ? 'fio ended too early' : ''),
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      if (problem !== '') this.problems.push(problem.slice(0, problemLengthMax));
    }
  }

  async #compare(): Promise<void> {
    const { code, output, errors } = await this.#parts.cluster.trySanctor('compare', volume);
    if (code !== 0) this.problems.push(`the mirrors are not equal: ${errors}${output}`);
  }
}

const problemLengthMax = 2000;

/** Where people find what happened in a round with a problem. */
function keepStory(name: string, lines: readonly string[]): void {
  mkdirSync(proofFolder, { recursive: true });
  const file = join(proofFolder, `injections ${name}.story`.replaceAll(' ', '-'));
  writeFileSync(file, `${lines.join('\n')}\n`);
}

function shuffled<Value>(values: readonly Value[], random: SeededRandom): readonly Value[] {
  const left = [...values];
  return values.map(() => left.splice(random.integer(left.length), 1)[0] as Value);
}
