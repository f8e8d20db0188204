/** A cluster whose processes are killed many at a time, and that must be well again each time, by itself or started anew. */
import { ClusterOperator } from '../tools/cluster-operator.ts';
import { ClusterPlace, type LaunchOptions } from '../tools/real-clusters.ts';
import type { RunningCluster } from '../tools/running-cluster.ts';
import type { TestTopologyOptions } from '../tools/test-topology.ts';
import type { Crash } from './crash-plans.ts';

/** What a crash came to. */
export interface Recovery {
  readonly killed: number;
  /** From the first kill until all was well again. */
  readonly wellAfterMs: number;
}

export class CrashedCluster {
  readonly #place: ClusterPlace;
  readonly #options: LaunchOptions;
  #cluster: RunningCluster;
  #operator: ClusterOperator;
  readonly #stories: string[] = [];

  private constructor(
    place: ClusterPlace,
    options: LaunchOptions,
    running: { readonly cluster: RunningCluster; readonly operator: ClusterOperator },
  ) {
    this.#place = place;
    this.#options = options;
    this.#cluster = running.cluster;
    this.#operator = running.operator;
  }

  static async open(
    shipped: NonNullable<TestTopologyOptions['shipped']>,
    options: LaunchOptions = {},
  ): Promise<CrashedCluster> {
    const place = await ClusterPlace.open({ shipped });
    try {
      return new CrashedCluster(place, options, await started(place, options));
    } catch (error) {
      await place.close();
      throw error;
    }
  }

  /** The one that runs now. */
  get cluster(): RunningCluster {
    return this.#cluster;
  }

  /** Connected to the one that runs now. */
  get operator(): ClusterOperator {
    return this.#operator;
  }

  /** The latest events, for those who look for what went wrong. */
  get story(): readonly string[] {
    return [...this.#stories, ...this.#operator.story];
  }

  /** Kills, and waits until everybody who was killed runs anew and all is well. @throws Error when that takes too long */
  async crash(crash: Crash): Promise<Recovery> {
    const { nodes, nats } = await this.#operator.status();
    const beganMs = performance.now();
    const killed = crash.supervisor
      ? await this.#killSupervisor(crash)
      : killAll([
          ...nodes.flatMap(({ name, pid }) => (crash.nodes.includes(name) ? [pid] : [])),
          ...nats.servers.flatMap(({ pid }) => (crash.natsServers ? [pid] : [])),
        ]);
    const old = new Set<unknown>(killed);
    await this.#operator.untilWell((status) =>
      [...status.nodes, ...status.nats.servers].some(({ pid }) => old.has(pid))
        ? ['the status is older than the crash']
        : [],
    );
    return { killed: killed.length, wellAfterMs: performance.now() - beganMs };
  }

  async close(): Promise<void> {
    await this.#operator.close();
    await this.#place.close();
  }

  /** What the supervisor leaves behind must end by itself. @returns the processes that are gone */
  async #killSupervisor({ nodes }: Crash): Promise<readonly number[]> {
    const killed = this.#cluster.processes().map(({ id }) => id);
    this.#stories.push(...this.#operator.story);
    await this.#operator.close();
    if (nodes.length > 0) await this.#cluster.killEverything();
    else await this.#cluster.kill();
    const { cluster, operator } = await started(this.#place, this.#options);
    this.#cluster = cluster;
    this.#operator = operator;
    return killed;
  }
}

async function started(place: ClusterPlace, options: LaunchOptions) {
  const cluster = await place.start(options);
  return { cluster, operator: await ClusterOperator.connect(cluster, place.topology) };
}

function killAll(ids: readonly unknown[]): readonly number[] {
  const running = ids.filter((id) => typeof id === 'number');
  if (running.length < ids.length) throw new Error('somebody who is to be killed does not run');
  for (const id of running) process.kill(id, 'SIGKILL');
  return running;
}
