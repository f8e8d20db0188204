/**
 * A step of the proof of crashes: one cluster and one load, and round after round SIGKILL for a part of its processes at
 * one moment. A round ends when all is well again and I/O goes on; the step, when consumers found all that they wrote and
 * mirrors are equal.
 */
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { expectEqualMirrors, untilInSync } from '../tools/mirrors.ts';
import type { LaunchOptions } from '../tools/real-clusters.ts';
import type { TestTopologyOptions } from '../tools/test-topology.ts';
import type { BeginCrashLoad } from './crash-loads.ts';
import { type CrashKinds, crashText, drawCrashes } from './crash-plans.ts';
import { CrashedCluster, type Recovery } from './crashed-cluster.ts';
import type { StepOutcome } from './proof.ts';
import { keepStory } from './story.ts';

/** In all shipped topologies the one whose every disk can be lost, and every way to it. */
const volume = 'vol0';

export interface CrashStepOptions {
  readonly shipped: NonNullable<TestTopologyOptions['shipped']>;
  readonly kinds: CrashKinds;
  readonly begin: BeginCrashLoad;
  readonly rounds: number;
  /** Whether mirrors are all in sync before any process is killed; else they may still be being made equal. */
  readonly fromInSync?: boolean;
  /** The same one draws the same crashes. */
  readonly seed: string;
  /** How the cluster is started, each time. */
  readonly launch?: LaunchOptions;
}

/** The data of a step. */
export interface CrashCount {
  readonly rounds: number;
  /** Processes. */
  readonly killed: number;
  readonly longestMs: number;
}

export async function crashStep(options: CrashStepOptions): Promise<StepOutcome> {
  const crashed = await CrashedCluster.open(options.shipped, options.launch);
  try {
    const step = new Step(crashed, options);
    await step.run();
    const { count, problems } = step;
    const said = `seed ${options.seed}, killed and well again: ${step.did.join('; ')}`;
    const story = () => keepStory(`crashes ${options.seed}`, [...step.did, ...crashed.story]);
    const told = problems.length === 0 ? problems : [...problems, `what happened: ${story()}`];
    return { said, problems: told, data: count };
  } finally {
    await crashed.close();
  }
}

class Step {
  readonly #crashed: CrashedCluster;
  readonly #options: CrashStepOptions;
  readonly did: string[] = [];
  readonly problems: string[] = [];
  count: CrashCount = { rounds: 0, killed: 0, longestMs: 0 };

  constructor(crashed: CrashedCluster, options: CrashStepOptions) {
    this.#crashed = crashed;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { operator } = this.#crashed;
    const { kinds, begin, rounds, seed, fromInSync = false } = this.#options;
    const random = new SeededRandom(seed);
    const { exports, volumes } = await operator.status();
    const sizeBytes = volumes.find(({ name }) => name === volume)?.size ?? 0;
    const uris = exports.filter((each) => each.volume === volume).map(({ uri }) => uri);
    const load = await begin(this.#crashed, uris, random.fork('load'));
    try {
      const { nodes } = operator.topology;
      for (const crash of drawCrashes(kinds, rounds, { nodes, random: random.fork('crashes') })) {
        const what = crashText(crash);
        if (fromInSync) await this.#noting(`before ${what}`, () => this.#untilInSync());
        await this.#noting(what, async () => this.#add(what, await this.#crashed.crash(crash)));
        await this.#noting(`after ${what}`, () => load.untilMoreDone());
        if (this.problems.length > 0 || load.hasFailed) break;
      }
    } finally {
      await this.#noting('at the end', async () => {
        this.problems.push(...(await load.end()));
      });
    }
    if (this.problems.length > 0) return;
    await this.#noting('at the end', () => expectEqualMirrors(this.#crashed.cluster, sizeBytes));
  }

  #untilInSync(): Promise<void> {
    return untilInSync(this.#crashed.cluster, volume);
  }

  #add(what: string, { killed, wellAfterMs }: Recovery): void {
    this.did.push(`${what} ${(wellAfterMs / 1000).toFixed(1)} s`);
    this.count = {
      rounds: this.count.rounds + 1,
      killed: this.count.killed + killed,
      longestMs: Math.max(this.count.longestMs, wellAfterMs),
    };
  }

  async #noting(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => {
      this.problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}
