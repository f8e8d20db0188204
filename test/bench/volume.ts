/** Sanctor itself: the default cluster through NBD, with disks in files and with disks in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningCluster } from '../tools/running-cluster.ts';
import { type TestTopology, writeTestTopology } from '../tools/test-topology.ts';
import { type BenchRow, type Measuring, measureTarget, type Target } from './targets.ts';

export type Store = 'file' | 'memory';

/** What is known of a cluster that a benchmark uses. */
export interface BenchCluster {
  readonly cluster: RunningCluster;
  readonly topology: TestTopology;
}

/** Runs a default cluster of its own while `use` lasts. */
export async function withCluster<Result>(
  store: Store,
  variables: NodeJS.ProcessEnv,
  use: (cluster: BenchCluster) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'sanctor-bench-'));
  try {
    const topology = await writeTestTopology(folder, { store });
    const words = [topology.file, '--data', join(folder, 'data')];
    const cluster = await RunningCluster.start(words, variables);
    try {
      return await use({ cluster, topology });
    } finally {
      await cluster.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const rows: Readonly<Record<Store, Omit<Target, 'uri'>>> = {
  file: {
    name: 'Sanctor, disks in files',
    durable: 'nothing until flushed: page cache of both mirrors',
    medium: 'both mirrors',
  },
  memory: { name: 'Sanctor, disks in memory', durable: 'nothing', medium: null },
};

/** Measures the volume of a default cluster; its mirrors must be equal afterwards. */
export function measureVolume(store: Store, by: Measuring): Promise<readonly BenchRow[]> {
  return withCluster(store, {}, async ({ cluster, topology }) => {
    const result = await measureTarget({ ...rows[store], uri: topology.uri }, by);
    await cluster.sanctor('compare', 'vol0');
    return result;
  });
}
