/**
 * One round of injections: a cluster of its own, consumers that write and verify through every export of a volume all the
 * time, and each kind of trouble struck and healed once, in an order of chance and at targets of chance among those that
 * are in use. At its end consumers must find what they wrote, and the mirrors must be equal.
 */
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { ClusterOperator } from '../tools/cluster-operator.ts';
import { fetchTool } from '../tools/fetch-tool.ts';
import { untilInSync } from '../tools/mirrors.ts';
import { ClusterPlace } from '../tools/real-clusters.ts';
import type { RunningCluster } from '../tools/running-cluster.ts';
import { shuffled } from '../tools/shuffled.ts';
import { untilAsync } from '../tools/until.ts';
import { disksRead, waysInUse } from '../tools/ways-in-use.ts';
import {
  type ChosenStrike,
  type InjectedTopology,
  type InjectionKind,
  targetsOf,
} from './injection-kinds.ts';
import type { StepOutcome } from './proof.ts';
import { keepStory } from './story.ts';
import { countSigns, isMet, type SignCounts, signsSince, signsText } from './strike-signs.ts';
import { VerifyingConsumers } from './verifying-consumers.ts';

/** In all shipped topologies the one whose every disk can be lost, and every way to it. */
const volume = 'vol0';
/** So many I/Os of consumers must end between strike and healing: the trouble is met, and outlived. */
const iosUnderTrouble = 400;
/** A switch that is back must have been there for a second. */
const homeTimeoutMs = 4000;
/** What is met late, as by who waits before it sends again, is met by then; or it is not. */
const signTimeoutMs = 2000;
/** Enough to see that they are under way, and which mirrors they read. */
const iosSeen = 200;

/** How a round is called: the same name gives the same order, and the same targets as long as the same is in use. */
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
    const { exports } = await operator.status();
    const uris = exports.filter((each) => each.volume === volume).map(({ uri }) => uri);
    const consumers = new VerifyingConsumers({ fio, uris, random: random.fork('consumers') });
    const run = new Round({ operator, cluster, consumers, random });
    await run.run(topology.kinds);
    if (run.problems.length > 0) keepStory(`injections ${name}`, [...run.did, ...operator.story]);
    await operator.close();
    await cluster.stop();
    return { said: run.did.join('; '), problems: run.problems, data: run.struck };
  } finally {
    await place.close();
  }
}

/** How often a kind was struck and healed, how often it was met, and by what that shows. */
export interface KindCount {
  readonly times: number;
  readonly met: number;
  readonly signs: SignCounts;
}

/** By the kind's name: the data of a step. */
export type RoundData = Readonly<Record<string, KindCount>>;

interface RoundParts {
  readonly operator: ClusterOperator;
  readonly cluster: RunningCluster;
  readonly consumers: VerifyingConsumers;
  readonly random: SeededRandom;
}

class Round {
  readonly #parts: RoundParts;
  readonly problems: string[] = [];
  readonly did: string[] = [];
  readonly struck: Record<string, KindCount> = {};

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  async run(kinds: readonly InjectionKind[]): Promise<void> {
    const { consumers, random } = this.#parts;
    await consumers.begin(() => this.#progress(iosSeen));
    for (const kind of shuffled(kinds, random)) {
      await this.#injure(kind);
      if (this.problems.length > 0 || consumers.haveEnded) break;
    }
    this.problems.push(...(await consumers.end()));
    if (this.problems.length === 0) await this.#compare();
  }

  /** Strikes and heals, and takes note of what came of it. */
  async #injure(kind: InjectionKind): Promise<void> {
    const { operator, random } = this.#parts;
    const targets = targetsOf(operator, volume);
    let what = kind.name;
    try {
      await this.#untilHome();
      const ways = await waysInUse(operator, volume);
      const meanwhile = () => this.#progress(iosSeen);
      const reading = () => disksRead(operator, targets.disks, meanwhile);
      const chosen = await kind.choose({ operator, targets, random, ways, disksRead: reading });
      what = chosen.strike.what;
      const signs = await this.#strike(kind, chosen);
      await operator.untilWell();
      this.struck[kind.name] = { times: 1, met: isMet(signs) ? 1 : 0, signs };
      this.did.push(`${what} (${signsText(signs)})`);
    } catch (error) {
      this.did.push(what);
      this.problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** @returns by what it was seen to be met before it was healed */
  async #strike({ metBy }: InjectionKind, { target, strike }: ChosenStrike): Promise<SignCounts> {
    const { operator } = this.#parts;
    const place = { operator, target };
    const before = await countSigns(metBy, place);
    let since: SignCounts = {};
    const hasShown = async () => {
      since = signsSince(before, await countSigns(metBy, place));
      return isMet(since) || this.#parts.consumers.haveEnded;
    };
    await strike.strike(operator);
    await this.#progress(iosUnderTrouble)
      .then(() => untilAsync(hasShown, 'a sign', signTimeoutMs).catch(() => {}))
      .finally(() => strike.heal(operator));
    return since;
  }

  /**
   * Who coordinated before the last strike has its partitions back after a while: what is sent again for that is no sign
   * of what is struck next. One that failed too often gets nothing back for long; that is not waited for.
   */
  async #untilHome(): Promise<void> {
    const isHome = async () => {
      const { coordinators } = await this.#parts.operator.status();
      return coordinators.every((each) => each.switch === each.preferred);
    };
    await untilAsync(isHome, 'coordinators to be home', homeTimeoutMs).catch(() => {});
  }

  async #progress(ios: number): Promise<void> {
    await this.#parts.consumers.untilMoreDone(this.#parts.operator, ios);
  }

  async #compare(): Promise<void> {
    const { cluster } = this.#parts;
    await untilInSync(cluster, volume);
    const { code, output, errors } = await cluster.trySanctor('compare', volume);
    if (code !== 0) this.problems.push(`the mirrors are not equal: ${errors}${output}`);
  }
}
