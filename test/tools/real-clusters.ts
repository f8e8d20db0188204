/** Real clusters for the tests of a suite: whatever a test leaves running is ended after it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningCluster } from './running-cluster.ts';
import { type TestTopology, type TestTopologyOptions, writeTestTopology } from './test-topology.ts';

/** Starting a cluster, using it and stopping it; generous, for other work may share the machine. */
export const realTestTimeoutMs = 120_000;

/** How a cluster is started; as a user does when all is left out. */
export interface LaunchOptions {
  /** Another one than the place's. */
  readonly topology?: TestTopology;
  /** More words for `sanctor up`. */
  readonly words?: readonly string[];
  /** Environment variables. */
  readonly variables?: NodeJS.ProcessEnv;
  /** Another program than this build's `sanctor`, as `mutatedBuild` makes it. */
  readonly program?: string;
}

/** A place for one cluster at a time: its topology, its data, and a folder for what else a test writes. */
export class ClusterPlace {
  readonly folder: string;
  readonly dataFolder: string;
  readonly topology: TestTopology;
  readonly #clusters: RunningCluster[] = [];

  private constructor(folder: string, topology: TestTopology) {
    this.folder = folder;
    this.dataFolder = join(folder, 'data');
    this.topology = topology;
  }

  static async open(options: TestTopologyOptions = {}): Promise<ClusterPlace> {
    const folder = await mkdtemp(join(tmpdir(), 'sanctor-test-'));
    return new ClusterPlace(folder, await writeTestTopology(folder, options));
  }

  get uri(): string {
    return this.topology.uri;
  }

  /** Runs `sanctor up` with the place's topology and data, and waits until it is ready. */
  async start(options: LaunchOptions = {}): Promise<RunningCluster> {
    const cluster = await this.launch(options);
    await cluster.untilReady();
    return cluster;
  }

  /** Runs `sanctor up`; it may refuse. */
  async launch(options: LaunchOptions = {}): Promise<RunningCluster> {
    const { topology = this.topology, words = [], variables, program } = options;
    const cluster = await RunningCluster.launch(
      [topology.file, '--data', this.dataFolder, ...words],
      variables,
      program,
    );
    this.#clusters.push(cluster);
    return cluster;
  }

  /** Ends what still runs, and removes the folder; `SANCTOR_KEEP=1` leaves it to those who look for a fault. */
  async close(): Promise<void> {
    for (const cluster of this.#clusters) {
      if (cluster.hasEnded) await cluster.ended();
      else await cluster.kill();
    }
    if (process.env.SANCTOR_KEEP === '1') console.log(`      kept: ${this.folder}`);
    else await rm(this.folder, { recursive: true, force: true });
  }
}

/** Call inside `describe`: a new place for each test. */
export function placePerTest(options: TestTopologyOptions = {}): () => ClusterPlace {
  let place: ClusterPlace | null = null;
  beforeEach(async () => {
    place = await ClusterPlace.open(options);
  });
  afterEach(async function () {
    this.timeout(realTestTimeoutMs);
    await place?.close();
  });
  return () => {
    if (place === null) throw new Error('no place was opened');
    return place;
  };
}
