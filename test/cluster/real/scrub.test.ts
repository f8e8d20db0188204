/** Scrub on real processes (DESIGN D5): an operator has what nobody reads verified, and repaired. */
import { expect } from 'chai';
import { mebibyte } from '../../../protocols/units.ts';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { replaced } from '../../tools/test-topology.ts';

const volumeBytes = 896 * mebibyte;
/** Fast enough for a test: the whole volume is looked at. */
const changed = (text: string) =>
  replaced(text, /^ {2}path: \w+$/m, '  path: hops\n  scrub: { bytesPerSecond: 4GiB }');

describe('sanctor scrub', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ changed });
  let qemuIo: Tool;
  let cluster: RunningCluster;
  const io = async (command: string) =>
    (await runTool(qemuIo, ['-f', 'raw', place().uri, '-c', command])).output;
  const spoil = async (disk: string, at: string) => {
    const range = ['--volume', 'vol0', '--at', at, '--length', '8KiB'];
    await cluster.sanctor('fault', disk, 'read-error', ...range);
  };
  beforeEach(async function () {
    qemuIo = await toolFor(this, 'qemu-io');
    cluster = await place().start();
    expect(await io('write -P 7 1M 256k')).to.contain('wrote 262144/262144');
  });

  it('finds what nobody has read, repairs it from the other mirror, and finds nothing the next time', async () => {
    await spoil('disk:d1', '1MiB');
    const { code, output } = await cluster.trySanctor('scrub', 'vol0');
    expect(output).to.match(
      /^vol0 was scrubbed: \S+ verified on all mirrors in sync together, 2 blocks repaired$/m,
    );
    expect(code).to.equal(0);
    const again = JSON.parse(await cluster.sanctor('scrub', 'vol0', '--json'));
    expect(again).to.deep.include({ repairedBlocks: 0, keptBlocks: 0, doneBytes: volumeBytes });
    expect(again.verifiedBytes).to.equal(2 * volumeBytes);
    await expectEqualMirrors(cluster, volumeBytes);
  });

  it('says what nobody has a good copy of, and repairs all else', async () => {
    for (const disk of ['disk:d1', 'disk:d2']) await spoil(disk, '1MiB');
    const { code, output } = await cluster.trySanctor('scrub', 'vol0');
    expect(output).to.match(/2 blocks could not be repaired, the first at 1MiB: no copy of it/);
    expect(code).to.equal(1);
    await cluster.sanctor('heal', '--all');
    expect(await io('read -P 7 1M 256k'))
      .to.contain('read 262144/262144')
      .and.not.contain('fail');
  });

  it('goes on without who asked, is seen, and ends when it is told to', async () => {
    const begun = await cluster.sanctor('scrub', 'vol0', '--detach');
    expect(begun).to.match(/^vol0 (is being|was) scrubbed/);
    const stopped = JSON.parse(await cluster.sanctor('scrub', 'vol0', '--stop', '--json'));
    expect(stopped).to.include({ state: 'idle', number: 1, completed: 0 });
    expect(stopped.reason).to.equal('stopped by an operator');
    expect(await cluster.sanctor('scrub', 'vol0', '--stop')).to.match(
      /^vol0 was scrubbed up to \S+ of 896MiB \(stopped by an operator\)/m,
    );
    const unknown = await cluster.trySanctor('scrub', 'vol9');
    expect(unknown.code).to.equal(1);
    expect(unknown.errors).to.contain('there is no volume vol9');
  });
});
