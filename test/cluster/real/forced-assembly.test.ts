/** An operator has a volume assembled without a mirror that will not be back (DESIGN I4), on real processes. */
import { expect } from 'chai';
import { mebibyte } from '../../../protocols/units.ts';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { untilAsync } from '../../tools/until.ts';

const volumeBytes = 896 * mebibyte;
const toldTimeoutMs = 20_000;

describe('a volume whose last mirror in sync will not be back', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();
  let qemuIo: Tool;
  let cluster: RunningCluster;
  const io = async (command: string) =>
    (await runTool(qemuIo, ['-f', 'raw', place().uri, '-c', command])).output;
  const untilReason = (pattern: RegExp) =>
    untilAsync(
      async () => pattern.test((await cluster.trySanctor('status')).output),
      `${pattern} as the reason`,
      toldTimeoutMs,
    );

  it('says what would be lost by going on without it, does so when it is told to, and overrules it later', async function () {
    qemuIo = await toolFor(this, 'qemu-io');
    cluster = await place().start();
    expect(await io('write -P 1 0 64k')).to.contain('wrote 65536/65536');
    const needless = await cluster.trySanctor('volume', 'assemble', 'vol0', '--from', 'd2');
    expect(needless.code).to.equal(1);
    expect(needless.errors).to.contain('nothing is missing that it would have to do without');
    await cluster.sanctor('fault', 'disk:d2', 'crash');
    expect(await io('write -P 2 0 64k')).to.contain('wrote 65536/65536');
    await cluster.sanctor('fault', 'disk:d1', 'crash');
    await cluster.sanctor('heal', 'disk:d2');
    await untilReason(/nobody else has all that was written: d1 must come back/);
    const words = ['volume', 'assemble', 'vol0', '--from', 'd2'];
    let looked = '';
    const isLookedAt = async () => {
      const { code, output } = await cluster.trySanctor(...words);
      looked = output;
      return code === 0;
    };
    await untilAsync(isLookedAt, 'd2 to be back', toldTimeoutMs);
    expect(looked).to.match(
      /would be assembled like this: the mirror on d2 .* is lost, and what d1 alone has; where switches and hosts still reach d1, .* are lost, too\nNothing was changed/,
    );
    expect(await cluster.sanctor(...words, '--force')).to.contain('volume vol0 is assembled: ');
    expect(await io('read -P 1 0 64k'))
      .to.contain('read 65536/65536')
      .and.not.contain('fail');
    expect(await io('write -P 3 32k 32k')).to.contain('wrote 32768/32768');
    await cluster.sanctor('heal', '--all');
    await expectEqualMirrors(cluster, volumeBytes);
    expect(await io('read -P 1 0 32k'))
      .to.contain('read 32768/32768')
      .and.not.contain('fail');
    expect(await io('read -P 3 32k 32k'))
      .to.contain('read 32768/32768')
      .and.not.contain('fail');
  });
});
