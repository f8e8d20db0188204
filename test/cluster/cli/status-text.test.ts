import { expect } from 'chai';
import { statusText } from '../../../cluster/cli/status-text.ts';
import type { StatusReport } from '../../../cluster/status-report.ts';

/** A cluster in which nothing runs but a volume. */
function reportOf(volume: Partial<StatusReport['volumes'][number]>): StatusReport {
  const vol0 = {
    name: 'vol0',
    size: 64 * 1024 * 1024,
    state: 'serving',
    reason: '',
    layout: 'mirror(d1, d2)',
    generation: 3,
    mirrors: [],
    removalsProposed: [],
    ...volume,
  };
  return {
    cluster: 'test',
    ready: true,
    waitingFor: [],
    nats: { url: 'nats://127.0.0.1:4222', servers: [] },
    nodes: [],
    actors: [],
    volumes: [vol0],
    paths: [],
    coordinators: [],
    caches: [],
    cacheCleanups: [],
    exports: [],
    faults: [],
    counters: {},
  };
}

describe('the state of a cluster as text', () => {
  const textOf = (volume: Partial<StatusReport['volumes'][number]>) =>
    statusText(reportOf(volume), { allPaths: false });

  it('names the mirrors that are proposed for removal, and says nothing where there are none', () => {
    const reason = 'more than 32 read errors in 600000 ms';
    const proposal = { disk: 'd2', mirrorSet: 'vol0-m0', reason };
    const text = textOf({ removalsProposed: [proposal] });
    expect(text).to.match(
      /mirrors that are proposed for removal\n.*\n.*vol0 +d2 +vol0-m0 +more than 32/,
    );
    expect(textOf({})).to.not.contain('proposed');
  });
});
