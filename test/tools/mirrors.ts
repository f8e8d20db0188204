/** Whether the mirrors of a volume are equal, as `sanctor compare` finds. */
import { expect } from 'chai';
import type { RunningCluster } from './running-cluster.ts';
import { untilAsync } from './until.ts';

interface Comparison {
  readonly comparedBytes: number;
  readonly differences: readonly unknown[];
  readonly notCompared: readonly unknown[];
}

/** A mirror that fell out of sync is made equal beside consumers' I/O, and then while nobody writes. */
const inSyncTimeoutMs = 60_000;

/** Waits until a volume serves, which it does not while its mirrors are being settled, and all of them are in sync. */
export async function untilInSync(cluster: RunningCluster, volume = 'vol0'): Promise<void> {
  let states = '';
  const isInSync = async () => {
    const status = await cluster.status().catch(() => null);
    const { state = '', mirrors = [] } = status?.volumes.find(({ name }) => name === volume) ?? {};
    states = `${JSON.stringify(mirrors)}, and it is ${state}`;
    const areInSync = mirrors.length > 0 && mirrors.every((mirror) => mirror.state === 'in-sync');
    return state === 'serving' && areInSync;
  };
  await untilAsync(isInSync, `mirrors of ${volume} in sync`, inSyncTimeoutMs).catch((error) => {
    throw new Error(`${error instanceof Error ? error.message : error}; they are ${states}`);
  });
}

/** Fails when they are not, or when they cannot be compared. Nothing may be writing. */
export async function expectEqualMirrors(
  cluster: RunningCluster,
  sizeBytes: number,
  volume = 'vol0',
): Promise<void> {
  await untilInSync(cluster, volume);
  const { code, output, errors } = await cluster.trySanctor('compare', volume, '--json');
  expect(errors).to.equal('');
  const { differences, notCompared, comparedBytes } = JSON.parse(output) as Comparison;
  expect({ differences, notCompared }).to.deep.equal({ differences: [], notCompared: [] });
  expect(comparedBytes).to.equal(sizeBytes);
  expect(code).to.equal(0);
}
