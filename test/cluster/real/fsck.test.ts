/** `sanctor fsck` on real processes: a cluster that runs is looked at, and one that was stopped is repaired. */
import { join } from 'node:path';
import { expect } from 'chai';
import { layoutOf } from '../../../actors/disk/disk-layout.ts';
import { readTopologyFile } from '../../../cluster/topology-file.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { runSanctor } from '../../tools/sanctor.ts';
import { replaced } from '../../tools/test-topology.ts';
import { untilAsync } from '../../tools/until.ts';
import { overwrite } from '../fsck/checked-san.ts';

const volumeBytes = 896 * mebibyte;
/** Fast enough for a test: the whole volume is looked at. */
const changed = (text: string) =>
  replaced(text, /^ {2}path: \w+$/m, '  path: hops\n  scrub: { bytesPerSecond: 4GiB }');

describe('sanctor fsck on real processes', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ changed });
  let qemuIo: Tool;
  let cluster: RunningCluster;
  const io = async (command: string) =>
    (await runTool(qemuIo, ['-f', 'raw', place().uri, '-c', command])).output;
  beforeEach(async function () {
    qemuIo = await toolFor(this, 'qemu-io');
    cluster = await place().start();
    expect(await io('write -P 7 1M 256k')).to.contain('wrote 262144/262144');
  });

  it('looks at a cluster that runs: nothing is wrong, a block is bad, a disk is gone', async () => {
    const well = await cluster.trySanctor('fsck', '--json');
    const report = JSON.parse(well.output);
    expect(report.findings).to.deep.equal([]);
    expect(report.checked).to.include({ disks: 4, volumes: 1, bytes: 2 * volumeBytes });
    expect(well.code).to.equal(0);
    const range = ['--volume', 'vol0', '--at', '1MiB', '--length', '4KiB'];
    await cluster.sanctor('fault', 'disk:d1', 'read-error', ...range);
    const bad = await cluster.trySanctor('fsck');
    expect(bad.output).to.match(
      /^error \(bad-block\): the block at offset 1048576 of volume vol0 .*\n {2}sanctor scrub vol0 makes it good from d2/,
    );
    expect(bad.output).to.contain('1 error, 0 warnings');
    expect(bad.code).to.equal(1);
    await cluster.sanctor('scrub', 'vol0');
    expect((await cluster.trySanctor('fsck')).code).to.equal(0);
    await cluster.sanctor('fault', 'disk:d2', 'crash');
    const isDecided = async () =>
      (await cluster.trySanctor('fsck', '--minutes', '0')).output.includes('fewer-mirrors');
    await untilAsync(isDecided, 'the mirror on d2 is not in sync', 20_000);
    const gone = await cluster.trySanctor('fsck', '--minutes', '0');
    expect(gone.output).to.match(/^warning \(disk-silent\): disk d2 does not answer/m);
    expect(gone.output).to.match(/^warning \(fewer-mirrors\): .* is stale .*: disk d2 does not/m);
    expect(gone.output).to.match(/^Not looked at: .*, blocks of volume vol0 from 0 on\./m);
    expect(gone.code).to.equal(0);
  });

  it('leaves the files of a cluster that runs alone, and repairs them once it was stopped', async () => {
    const { file } = place().topology;
    const words = ['fsck', file, '--data', place().dataFolder, '--repair'];
    const running = await runSanctor(words);
    expect(running.code).to.equal(2);
    expect(running.errors).to.match(/is in use by process .*sanctor fsck without --data checks/);
    await cluster.stop();
    const read = readTopologyFile(file);
    if (!read.ok) throw new Error('no topology');
    const sizeBytes = read.topology.disks.find(({ id }) => id === 'd1')?.sizeBytes ?? 0;
    const [[even = 0] = []] = layoutOf(sizeBytes)?.superblockStarts ?? [];
    overwrite(join(place().dataFolder, 'disks', 'd1.disk'), even, Buffer.alloc(4096, 0xa5));
    const repaired = await runSanctor(words);
    expect(repaired.output).to.match(/^repaired \(damaged-superblock\): of disk d1 the first copy/);
    expect(repaired.output).to.contain('1 repaired; what is found now:');
    expect(repaired.code).to.equal(0);
    cluster = await place().start();
    expect(await io('read -P 7 1M 256k'))
      .to.contain('read 262144/262144')
      .and.not.contain('fail');
  });
});
