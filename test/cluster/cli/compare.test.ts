import { expect } from 'chai';
import { compareNow } from '../../../cluster/cli/compare.ts';
import type { ClusterClient } from '../../../cluster/cluster-client.ts';
import { checksumChunkBytes, verbs } from '../../../protocols/commands.ts';
import type { Topology } from '../../../protocols/topology.ts';
import {
  type ControlDataOptions,
  controlDataOf,
  extentOn,
  mirror,
} from '../../actors/host/control-data-sample.ts';

const layout = mirror('m0', [
  extentOn('d1', 2 * checksumChunkBytes),
  extentOn('d2', 2 * checksumChunkBytes),
]);

/**
 * A cluster whose virtualizer tells of vol0 what is next in the list, and whose disks have these checksums.
 *
 * @param sums by disk
 */
function clusterOf(
  told: readonly ControlDataOptions[],
  sums: Readonly<Record<string, readonly number[]>> = { d1: [1, 2], d2: [1, 2] },
) {
  const left = [...told];
  const answers: Readonly<Record<string, (id: string) => object>> = {
    [verbs.listVolumes]: () => ({
      volumes: [{ volume: 'vol0', origin: 'topology', hosts: ['h1'], exports: [] }],
    }),
    [verbs.controlData]: () => ({ controlData: controlDataOf(1, left.shift() ?? {}) }),
    [verbs.checksums]: (id) => ({ checksums: sums[id] }),
  };
  const ask = ({ id }: { id: string }, verb: string) =>
    Promise.resolve({ ok: true, ...answers[verb]?.(id) });
  const client = { ask } as unknown as ClusterClient;
  return { client, topology: { virtualizers: [{ id: 'v1' }] } as unknown as Topology };
}

/** What it says, or why it says nothing. */
async function said(cluster: ReturnType<typeof clusterOf>): Promise<unknown> {
  return compareNow(cluster, 'vol0').catch((error: Error) => error.message);
}

describe('sanctor compare', () => {
  it('tells where mirrors in sync differ', async () => {
    const told = [{ layout }, { layout }];
    const differences = [{ disks: ['d1', 'd2'], extent: 'x-d1', atBytes: checksumChunkBytes }];
    expect(await said(clusterOf(told))).to.deep.include({ differences: [] });
    expect(await said(clusterOf(told, { d1: [1, 2], d2: [1, 3] }))).to.deep.include({
      differences,
    });
  });

  it('does not judge a volume that is being settled', async () => {
    const assembling = { layout, state: 'assembling', reason: 's1 settles' } as const;
    expect(await said(clusterOf([assembling]))).to.match(
      /vol0 is assembling \(s1 settles\).*compare again/,
    );
    expect(await said(clusterOf([{ layout }, assembling]))).to.match(/vol0 is assembling/);
  });

  it('does not judge what was decided anew meanwhile', async () => {
    const told = [{ layout }, { layout, generation: 2 }];
    expect(await said(clusterOf(told))).to.match(/decided about volume vol0 .* compare again/);
  });

  it('does not call a volume identical that has no mirrors', async () => {
    const told = [{ layout: extentOn('d1', checksumChunkBytes) }];
    expect(await said(clusterOf(told))).to.match(/vol0 has no mirrors/);
  });

  it('does not take fewer checksums than were asked for', async () => {
    const told = [{ layout }, { layout }];
    expect(await said(clusterOf(told, { d1: [1, 2], d2: [1] }))).to.match(
      /disk d2 cannot be compared: 1 checksums instead of 2/,
    );
    expect(await said(clusterOf(told, { d1: [], d2: [] }))).to.match(/0 checksums instead of 2/);
  });
});
