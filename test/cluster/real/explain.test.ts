/** `sanctor explain` and faults on the two-tier cluster: what it says is what happens. */
import { expect } from 'chai';
import type { Explanation } from '../../../protocols/explanation.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { untilAsync } from '../../tools/until.ts';

/** In the upper half of vol1, which s3 coordinates. */
const offset = '40MiB';

describe('explain on a cluster of two tiers', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  before(async () => {
    place = await ClusterPlace.open({ shipped: 'two-tier', store: 'memory' });
    cluster = await place.start();
  });
  after(() => place?.close());

  const explained = async (...words: readonly string[]): Promise<readonly Explanation[]> =>
    JSON.parse(await cluster.sanctor('explain', ...words, '--json'));
  const only = async (...words: readonly string[]): Promise<Explanation> => {
    const [explanation, second] = await explained(...words);
    if (explanation === undefined || second !== undefined) throw new Error('expected one host');
    return explanation;
  };
  const uriOf = async (volume: string) => {
    const found = (await cluster.status()).exports.find((each) => each.volume === volume);
    return found?.uri ?? '';
  };

  it('tells a volume of one host as that host sees it', async () => {
    const { host, attach, partition, mirrors, reads, writes } = await only('vol1', offset);
    expect(host).to.equal('h1');
    expect(attach.mode).to.equal('exclusive');
    expect(partition).to.include({ partition: 1, coordinator: 's3' });
    expect(mirrors.map(({ disk, state }) => `${disk} ${state}`)).to.deep.equal([
      'd3 in-sync',
      'd4 in-sync',
    ]);
    expect(reads).to.deep.include({ target: 'disk:d3', hba: 'h1-b', route: ['h1-b-s2', 's2-d3'] });
    expect(writes).to.deep.include({ target: 'switch:s3', route: ['h1-a-s1', 's1-s3'] });
    expect(mirrors[1]?.paths.map(({ hba, why }) => `${hba}: ${why}`)).to.deep.equal([
      'h1-a: the only way',
    ]);
    const text = await cluster.sanctor('explain', 'vol1', offset);
    expect(text).to.contain('fewest hops: 2, the next best has 3').and.contain('coordinator s3');
  });

  it('tells a shared volume as each host sees it, or as the one that is named', async () => {
    const both = await explained('vol0', '4096');
    expect(both.map(({ host }) => host)).to.deep.equal(['h1', 'h2']);
    for (const { attach, reads, partition } of both) {
      expect(attach.mode).to.equal('shared');
      expect(reads.target).to.equal(`switch:${partition.coordinator}`);
      expect(reads.why).to.contain('through the coordinator');
    }
    expect((await only('vol0', '0', '--host', 'h2')).host).to.equal('h2');
  });

  it('says which link is avoided, and is right about where a byte is on a disk', async function () {
    const qemuIo = await toolFor(this, 'qemu-io');
    const uri = await uriOf('vol1');
    const io = async (command: string) =>
      (await runTool(qemuIo, ['-f', 'raw', uri, '-c', command])).output;
    expect(await io('write -P 9 40M 8k')).to.contain('wrote 8192/8192');
    await cluster.sanctor('fault', 'link:s2-d3', 'down');
    expect(await io('read -P 9 40M 4k')).to.contain('read 4096/4096');
    const [first] = (await only('vol1', offset)).mirrors;
    const avoided = first?.paths.find(({ route }) => route.at(-1) === 's2-d3');
    expect(avoided).to.include({ state: 'failed', chosen: false });
    expect(avoided?.why).to.contain('nobody listened at the other end of s2-d3');
    await cluster.sanctor('heal', 'link:s2-d3');
    await untilAsync(
      async () => (await only('vol1', offset)).reads.route.join() === 'h1-b-s2,s2-d3',
      'the link to be taken again',
    );
    for (const { disk, diskOffset } of (await only('vol1', offset)).mirrors) {
      const range = ['--at', String(diskOffset), '--length', '4096'];
      await cluster.sanctor('fault', `disk:${disk}`, 'read-error', ...range);
    }
    expect(await io('read 40M 4k')).to.contain('Input/output error');
    expect(await io('read -P 9 41947136 4k')).to.contain('read 4096/4096');
    await cluster.sanctor('heal', '--all');
    expect(await io('read -P 9 40M 4k')).to.contain('read 4096/4096');
  });

  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [['vol1', offset, '--host', 'h2'], /host h2 does not attach volume vol1; it attaches vol0/],
    [['vol9', '0'], /host h1 does not attach volume vol9; it attaches vol0, vol1/],
    [['vol1', '1TiB'], /lies outside of volume vol1, which has 67108864 bytes/],
    [['vol1', '64MiB'], /lies outside of volume vol1/],
    [['vol1', 'here'], /here is no offset; expected a number of bytes/],
    [['vol1', '0', '--host', 'h9'], /no host h9; there are h1, h2/],
    [['vol 1', '0'], /no name of a volume/],
  ];
  it('refuses what it cannot explain, naming the thing and what there is', async () => {
    for (const [words, says] of refusals) {
      const { code, output, errors } = await cluster.trySanctor('explain', ...words);
      expect(code, words.join(' ')).to.equal(1);
      expect(errors).to.match(says);
      expect(output).to.equal('');
    }
  });
});
