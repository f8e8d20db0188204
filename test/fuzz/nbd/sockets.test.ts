/** NBD clients that nobody would wish for, over real sockets: the server gives back all that it took for them. */
import { expect } from 'chai';
import { defaultSessionLimits } from '../../../cluster/nbd/limits.ts';
import { NbdServer } from '../../../cluster/nbd/server.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { MemoryVolume } from '../../cluster/nbd/memory-volume.ts';
import { encodeRequest, TestClient } from '../../cluster/nbd/test-client.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { until } from '../../tools/until.ts';
import { footprint } from '../footprint.ts';
import { SocketCampaign } from './socket-campaign.ts';

const sessionsInEveryRun = 3000;
/** What may be more than before without being a leak: code that was compiled, caches that were filled. */
const slackBytes = 6 * mebibyte;

describe('NBD clients that nobody would wish for, over sockets', () => {
  const folder = temporaryFolder();
  let campaign: SocketCampaign;
  beforeEach(() => {
    campaign = new SocketCampaign();
    return campaign.start(folder());
  });
  afterEach(() => campaign.close());

  it(`${sessionsInEveryRun} of them leave no connection, descriptor, handle or memory behind`, async () => {
    await campaign.run({ seed: 'suite', first: 0, sessions: 500 });
    const before = await footprint();
    await campaign.run({ seed: 'suite', first: 500, sessions: sessionsInEveryRun - 500 });
    await until(() => campaign.server.connections === 2, 'all clients but two to be forgotten');
    const after = await footprint();
    expect(after.descriptors).to.equal(before.descriptors);
    expect(after.handles).to.equal(before.handles);
    expect(after.heapBytes - before.heapBytes).to.be.below(slackBytes);
    expect(after.bufferBytes - before.bufferBytes).to.be.below(slackBytes);
    expect(campaign.counts.get('ended')).to.equal(sessionsInEveryRun);
  }).timeout(120_000);

  it('one that reads for ever and takes nothing costs a bounded memory, and gives it back when it goes', async () => {
    const volume = new MemoryVolume({ sizeBytes: mebibyte });
    const catalogue = { list: () => [{ name: 'memory', volume }] };
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const server = new NbdServer({ catalogue, log });
    const at = await new Promise<{ port: number }>((resolve, reject) =>
      server.listen({ port: 0 }, (result) =>
        result.outcome === 'listening' && 'port' in result.at
          ? resolve(result.at)
          : reject(new Error('it does not listen')),
      ),
    );
    const [deaf, neighbour] = [await TestClient.connect(at), await TestClient.connect(at)];
    for (const client of [deaf, neighbour]) await client.go('memory');
    const before = await footprint();
    deaf.pause();
    const wishes = Buffer.concat(
      Array.from({ length: 4096 }, () =>
        encodeRequest({ command: nbd.NBD_CMD_READ, lengthBytes: 65_536 }, 7),
      ),
    );
    for (let times = 0; times < 100; times++) {
      deaf.sendRaw(wishes);
      expect((await neighbour.read(0, 512)).error).to.equal(nbd.NBD_SUCCESS);
    }
    const held = await footprint();
    const { inFlightBytesMax, unsentBytesMax, readAheadBytesMax } = defaultSessionLimits;
    // The client's own unsent requests are in this process too.
    const ownBytes = 100 * wishes.length;
    expect(held.bufferBytes - before.bufferBytes - ownBytes).to.be.below(
      inFlightBytesMax + 2 * unsentBytesMax + readAheadBytesMax,
    );
    deaf.close();
    await until(() => server.connections === 1, 'the deaf client to be forgotten');
    const after = await footprint();
    expect(after.bufferBytes - before.bufferBytes).to.be.below(slackBytes);
    neighbour.close();
    await new Promise<void>((resolve) => server.close(resolve));
  }).timeout(30_000);
});
