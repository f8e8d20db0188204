import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { untilAsync } from '../../tools/until.ts';
import { HistoryLoad } from './history-load.ts';

const mebibyte = 1024 * 1024;
const volumeBytes = 896 * mebibyte;
const lengthBytes = (isLongProof ? 64 : 8) * mebibyte;
const hangUps = isLongProof ? 240 : 6;
const crashes = isLongProof ? 10 : 1;

describe('what clients see of a volume', function () {
  this.timeout(realTestTimeoutMs * (isLongProof ? 10 : 1));
  const place = placePerTest();

  function startHistory(): HistoryLoad {
    const common = { uris: [place().uri], clientsPerUri: 4, depth: 8 };
    const load = new HistoryLoad({ ...common, startBytes: 0, lengthBytes });
    load.start();
    return load;
  }

  it('is one history, while they hang up, come back and ask again', async () => {
    const cluster = await place().start();
    const load = startHistory();
    for (let hangUp = 0; hangUp < hangUps; hangUp++) {
      await delay(500);
      load.drop();
    }
    await load.stop();
    await load.readBack();
    load.expectLinearizable();
    expect(load.recorder.reconnects).to.be.at.least(hangUps);
    await expectEqualMirrors(cluster, volumeBytes);
  });

  it('is none if one write in 64 is answered and not done, which is noticed', async () => {
    const program = await mutatedBuild(join(place().folder, 'broken'), [
      {
        file: 'actors/host/optimization-driver.js',
        snippet: 'io.pieces = pieces;',
        replacement: `io.pieces = pieces;
          if (io.arrival % 64 === 63) io.operation = Operation.allocation;`,
      },
    ]);
    await place().start({ program });
    const load = startHistory();
    await untilAsync(
      async () => load.recorder.history.violations().length > 0,
      'a violation',
      realTestTimeoutMs / 2,
    );
    await load.stop();
  });

  it('holds what was flushed or written with FUA, after SIGKILL of every process at once', async () => {
    let cluster = await place().start();
    const load = startHistory();
    for (let crash = 0; crash < crashes; crash++) {
      await delay(2000);
      await cluster.killEverything();
      load.drop();
      await load.untilGone();
      load.recorder.history.powerCut();
      cluster = await place().start();
    }
    await delay(1000);
    await load.stop();
    await load.readBack();
    load.expectLinearizable();
    await expectEqualMirrors(cluster, volumeBytes);
  });
});
