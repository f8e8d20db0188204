/** Operators put back disk files that they copied before, on real processes: what was written since is what is read, or nothing. */
import { constants, copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { untilInSync } from '../../tools/mirrors.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { replaced, writeTestTopology } from '../../tools/test-topology.ts';
import { until } from '../../tools/until.ts';

const refusalTimeoutMs = 60_000;
const disks = ['d1', 'd2', 'd3', 'd4'];
const olderCopy = /disk d\d is an older copy of itself.*put back the file that it had last/;
/** Small, for they are copied. */
const changed = (text: string) =>
  replaced(replaced(text, /size: 512MiB/g, 'size: 64MiB'), /size: 896MiB/, 'size: 32MiB');

describe('a disk file that is put back from a copy of yesterday', function () {
  this.timeout(5 * realTestTimeoutMs);
  const place = placePerTest({ changed });
  let qemuIo: Tool;
  const io = async (command: string) =>
    (await runTool(qemuIo, ['-f', 'raw', place().uri, '-c', command])).output;
  const fileOf = (disk: string) => join(place().dataFolder, 'disks', `${disk}.disk`);
  const copyOf = (disk: string) => join(place().folder, `${disk}.yesterday`);
  const copy = (from: string, to: string) => copyFileSync(from, to, constants.COPYFILE_FICLONE);
  const putBack = (disk: string) => copy(copyOf(disk), fileOf(disk));

  /** A cluster that ran yesterday, when all its files were copied, and today: it was started as often as a copy will be. */
  async function twoDays(): Promise<void> {
    const yesterday = await place().start();
    expect(await io('write -P 1 0 1M')).to.contain('wrote 1048576/1048576');
    await yesterday.stop();
    for (const disk of disks) copy(fileOf(disk), copyOf(disk));
    const today = await place().start();
    expect(await io('write -P 2 0 1M')).to.contain('wrote 1048576/1048576');
    await today.stop();
  }

  async function expectToday(): Promise<void> {
    expect(await io('read -P 2 0 1M'))
      .to.contain('read 1048576/1048576')
      .and.not.contain('fail');
  }

  async function untilSaid(cluster: RunningCluster, pattern: RegExp): Promise<void> {
    await until(() => pattern.test(cluster.output), String(pattern), refusalTimeoutMs).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; it said:\n${cluster.output}`);
      },
    );
    expect((await cluster.status()).ready).to.equal(false);
    expect(await io('read 0 4k')).to.not.contain('read 4096/4096');
  }

  beforeEach(async function () {
    qemuIo = await toolFor(this, 'qemu-io');
  });

  it('is named, and is not read from before all that was written since was copied to it from the other mirror', async () => {
    await twoDays();
    putBack('d1');
    const cluster = await place().launch();
    await until(() => olderCopy.test(cluster.output), 'it to be named', refusalTimeoutMs);
    await untilInSync(cluster);
    await expectToday();
    // It was copied to before it counted as a mirror again.
    await cluster.sanctor('fault', 'disk:d2', 'crash');
    await expectToday();
  });

  it('keeps the volume from being served when the other mirror is gone, and the file that must come back is named', async () => {
    await twoDays();
    putBack('d1');
    renameSync(fileOf('d2'), join(place().folder, 'moved'));
    const cluster = await place().launch();
    await untilSaid(cluster, olderCopy);
  });

  it('keeps the volume from being served when all of them were put back beside the config database of today, however often it is started', async () => {
    await twoDays();
    for (const disk of disks) putBack(disk);
    const cluster = await place().launch();
    await untilSaid(cluster, olderCopy);
    expect(await cluster.stop()).to.equal(0);
    await untilSaid(await place().launch(), olderCopy);
  });
});

describe('a disk file that two clusters use', function () {
  this.timeout(5 * realTestTimeoutMs);
  const place = placePerTest({ changed });

  it('is refused to the second one while the first one runs, and goes on serving there', async function () {
    const qemuIo = await toolFor(this, 'qemu-io');
    const first = await place().start();
    const file = join(place().dataFolder, 'disks', 'd1.disk');
    const shared = (text: string) =>
      replaced(changed(text), /id: d1, size: 64MiB/, `id: d1, files: ["${file}"], size: 64MiB`);
    const topology = await writeTestTopology(place().folder, { changed: shared });
    const second = await place().launch({
      topology,
      words: ['--data', join(place().folder, 'second')],
    });
    const says = /disk d1.*d1\.disk is in use by process \d+/;
    await until(() => says.test(second.output), String(says), refusalTimeoutMs).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; it said:\n${second.output}`);
      },
    );
    expect((await second.status()).ready).to.equal(false);
    const words = ['-f', 'raw', place().uri, '-c', 'write -P 1 0 64k', '-c', 'read -P 1 0 64k'];
    const { output } = await runTool(qemuIo, words);
    expect(output).to.contain('read 65536/65536').and.not.contain('fail');
    expect((await first.status()).ready).to.equal(true);
  });
});
