import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { fetchTimeoutMs, nbdkitPlugin, type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { servedByNbdkit } from '../../tools/nbdkit.ts';
import { overwriteFile } from '../../tools/overwrite-file.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { loadBytes, SteadyLoad } from './steady-load.ts';

const lanes = 2;
const iosPerLane = 100;

describe('a consumer that never stops', function () {
  this.timeout(20_000);
  const folder = temporaryFolder();
  let nbdkit: Tool;
  let plugin: string;
  before(async function () {
    this.timeout(fetchTimeoutMs);
    nbdkit = await toolFor(this, 'nbdkit');
    plugin = await nbdkitPlugin(nbdkit, 'file');
  });

  /** Over a file: has every lane do some I/Os, and more, and then rest. @returns the file after the first ones */
  async function whenItRests(
    use: (load: SteadyLoad, file: string, older: Buffer) => Promise<void>,
  ) {
    const file = join(folder(), 'volume');
    writeFileSync(file, new Uint8Array(loadBytes(lanes)));
    await servedByNbdkit(nbdkit, plugin, file, async (uri) => {
      const load = new SteadyLoad({ uris: [uri], lanes, restMs: 0, random: new SeededRandom('1') });
      await load.start();
      await load.untilThrough(load.open(), iosPerLane);
      const older = readFileSync(file);
      await load.untilThrough(load.open(), iosPerLane);
      await load.rest();
      await use(load, file, older);
      await load.stop();
    });
  }

  it('is content when it finds what it wrote', () =>
    whenItRests(async (load) => {
      await load.readBack();
      expect(load.problems).to.deep.equal([]);
    }));

  it('finds blocks that are again as they were before their last writes', () =>
    whenItRests(async (load, file, older) => {
      overwriteFile(file, older);
      await load.readBack();
      expect(load.problems[0]).to.match(/a read of block \d+ found write \d+ and not write \d+/);
    }));
});
