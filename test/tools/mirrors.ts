/** Whether the mirrors of a volume are equal, as `sanctor compare` finds. */
import { expect } from 'chai';
import type { RunningCluster } from './running-cluster.ts';

interface Comparison {
  readonly comparedBytes: number;
  readonly differences: readonly unknown[];
}

/** Fails when they are not, or when they cannot be compared. Nothing may be writing. */
export async function expectEqualMirrors(
  cluster: RunningCluster,
  sizeBytes: number,
  volume = 'vol0',
): Promise<void> {
  const { code, output, errors } = await cluster.trySanctor('compare', volume, '--json');
  expect(errors).to.equal('');
  const comparison = JSON.parse(output) as Comparison;
  expect(comparison.differences).to.deep.equal([]);
  expect(comparison.comparedBytes).to.equal(sizeBytes);
  expect(code).to.equal(0);
}
