/** That fio, as tests run it, notices wrong bytes while it goes on: a proof by a blind witness would show nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { fetchTimeoutMs, nbdkitPlugin, type Tool, toolFor } from './fetch-tool.ts';
import { beginFio, type FioArea, fillArea, type RunningFio, verifyWritten } from './fio.ts';
import { servedByNbdkit } from './nbdkit.ts';
import { overwriteFile } from './overwrite-file.ts';
import { realTestTimeoutMs } from './real-clusters.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

const areaBytes = 1024 * 1024;
const blockBytes = 4096;
const noticedWithinMs = 20_000;

describe('fio that verifies what it wrote', function () {
  this.timeout(realTestTimeoutMs);
  const folder = temporaryFolder();
  let fio: Tool;
  let nbdkit: Tool;
  let plugin: string;
  const file = () => join(folder(), 'volume');

  before(async function () {
    this.timeout(fetchTimeoutMs);
    fio = await toolFor(this, 'fio');
    nbdkit = await toolFor(this, 'nbdkit');
    plugin = await nbdkitPlugin(nbdkit, 'file');
  });

  /** Over a file that nbdkit serves, and that was filled once. */
  async function whileItRuns(use: (running: RunningFio, area: FioArea) => Promise<void>) {
    writeFileSync(file(), new Uint8Array(areaBytes));
    await servedByNbdkit(nbdkit, plugin, file(), async (uri) => {
      const area = { uri, startBytes: 0, lengthBytes: areaBytes, blockBytes };
      await fillArea(fio, area);
      const job = { uri, rw: 'randrw', blockBytes, depth: 32, sizeBytes: areaBytes } as const;
      await use(beginFio(fio, { ...job, verify: true }), area);
    });
  }

  /** Waits until every block has another content than now. */
  async function untilAllIsNew(): Promise<void> {
    const before = readFileSync(file());
    const blocks = Array.from({ length: areaBytes / blockBytes }, (_, block) => block);
    const isNew = () => {
      const now = readFileSync(file());
      return blocks.every((block) => {
        const [start, end] = [block * blockBytes, (block + 1) * blockBytes];
        return now.compare(before, start, end, start, end) !== 0;
      });
    };
    await until(isNew, 'fio to write everywhere', noticedWithinMs);
  }

  async function untilNoticed(running: RunningFio, bytes: Uint8Array): Promise<string> {
    const hasEnded = () => {
      if (!running.hasEnded) overwriteFile(file(), bytes);
      return running.hasEnded;
    };
    await until(hasEnded, 'fio to notice', noticedWithinMs);
    return failureOf(running.stop());
  }

  const failureOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => '',
      (error: Error) => error.message,
    );

  it('is content as long as it reads what it wrote', () =>
    whileItRuns(async (running, area) => {
      await untilAllIsNew();
      expect((await running.stop()).errors).to.equal(0);
      await verifyWritten(fio, area);
    }));

  it('notices bytes that nobody wrote, while it goes on', () =>
    whileItRuns(async (running) => {
      await untilAllIsNew();
      const noticed = await untilNoticed(running, new Uint8Array(areaBytes).fill(7));
      expect(noticed).to.match(/verify: bad/);
    }));

  it('notices blocks that are again as they were before their last writes, while it goes on', () =>
    whileItRuns(async (running) => {
      await untilAllIsNew();
      const older = readFileSync(file());
      await untilAllIsNew();
      expect(await untilNoticed(running, older)).to.match(/verify: bad header numberio/);
    }));

  it('finds a damaged block when all is read once more', () =>
    whileItRuns(async (running, area) => {
      await untilAllIsNew();
      await running.stop();
      const bytes = readFileSync(file());
      const at = areaBytes - 100;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      overwriteFile(file(), bytes);
      expect(await failureOf(verifyWritten(fio, area))).to.match(/verify failed at/);
    }));
});
