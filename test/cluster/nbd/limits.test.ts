import { expect } from 'chai';
import type { SessionLimits } from '../../../cluster/nbd/limits.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { MemoryVolume } from './memory-volume.ts';
import { SessionHarness } from './session-harness.ts';
import { encodeRequest, type TestClient } from './test-client.ts';

async function setup(
  limits: Partial<SessionLimits>,
): Promise<{ volume: MemoryVolume; harness: SessionHarness; client: TestClient }> {
  const volume = new MemoryVolume({ ending: 'held' });
  const harness = new SessionHarness({ volume, limits });
  const client = harness.client();
  await client.go('memory');
  harness.run();
  return { volume, harness, client };
}

describe('what one NBD client may take', () => {
  it('requests: no more than the limit are begun, and the others follow as those end', async () => {
    const { volume, harness, client } = await setup({ requestsMax: 4 });
    const answers = Array.from({ length: 10 }, (_, index) => client.read(index * 512, 512));
    expect(volume.pending).to.have.lengthOf(4);
    volume.end();
    volume.end();
    harness.run();
    expect(volume.pending).to.have.lengthOf(4);
    while (volume.pending.length > 0) {
      expect(harness.session.unfinished).to.be.at.most(4);
      volume.endAll();
      harness.run();
    }
    const errors = (await Promise.all(answers)).map((answer) => answer.error);
    expect(errors).to.deep.equal(Array(10).fill(nbd.NBD_SUCCESS));
  });

  it('bytes: payloads wait for room, a single larger one is let in alone', async () => {
    const { volume, harness, client } = await setup({ inFlightBytesMax: 8192 });
    void client.read(0, 4096);
    void client.write(0, new Uint8Array(4096));
    void client.read(0, 512);
    void client.read(0, 100_000);
    void client.read(0, 512);
    expect(volume.pending).to.have.lengthOf(2);
    volume.end();
    harness.run();
    expect(volume.pending.map((io) => io.lengthBytes)).to.deep.equal([4096, 512]);
    volume.endAll();
    harness.run();
    expect(volume.pending.map((io) => io.lengthBytes)).to.deep.equal([100_000]);
    volume.endAll();
    harness.run();
    expect(volume.pending.map((io) => io.lengthBytes)).to.deep.equal([512]);
  });

  it('bytes: a payload that arrives slowly counts from its header on', async () => {
    const { volume, harness } = await setup({ inFlightBytesMax: 8192 });
    harness.onOutput = null;
    harness.send(encodeRequest({ command: nbd.NBD_CMD_READ, lengthBytes: 4096 }, 1));
    harness.send(encodeRequest({ command: nbd.NBD_CMD_WRITE, lengthBytes: 4097 }, 2));
    harness.send(new Uint8Array(4097));
    expect(volume.pending).to.have.lengthOf(1);
    volume.end();
    harness.run();
    expect(volume.pending.map((io) => io.operation)).to.deep.equal(['write']);
  });

  it('memory: at a limit the socket is read ahead only so far', async () => {
    const { harness, volume } = await setup({ requestsMax: 1, readAheadBytesMax: 1000 });
    harness.onOutput = null;
    const read = encodeRequest({ command: nbd.NBD_CMD_READ, lengthBytes: 1 }, 1);
    let sent = 0;
    while (harness.session.wantsInput) {
      harness.send(read);
      expect(++sent).to.be.below(50);
    }
    expect(sent).to.equal(37);
    volume.end();
    harness.run();
    expect(harness.session.wantsInput).to.equal(true);
  });

  it('memory: a client that takes no replies is not read, nor served, until it takes them', async () => {
    const { harness, volume, client } = await setup({ unsentBytesMax: 1000 });
    harness.session.reportUnsent(1001);
    expect(harness.session.wantsInput).to.equal(false);
    const answer = client.read(0, 512);
    expect(volume.pending).to.have.lengthOf(0);
    harness.session.reportUnsent(0);
    harness.run();
    expect(harness.session.wantsInput).to.equal(true);
    volume.endAll();
    harness.run();
    expect((await answer).error).to.equal(nbd.NBD_SUCCESS);
  });

  it('memory: a lost connection keeps nothing but what the volume has not ended', async () => {
    const { harness, volume, client } = await setup({ requestsMax: 2 });
    const lost = [1, 2, 3].map(() => client.write(0, new Uint8Array(512)).catch(() => 'lost'));
    client.close();
    expect(await Promise.all(lost)).to.deep.equal(['lost', 'lost', 'lost']);
    expect(harness.session.unfinished).to.equal(2);
    volume.endAll();
    harness.run();
    expect(harness.session.unfinished).to.equal(0);
    expect(volume.begun).to.equal(2);
    expect(harness.output()).to.have.lengthOf(0);
  });

  it('descriptors: a long block status is cut, and the client asks again for the rest', async () => {
    const volume = new MemoryVolume({ ending: 'held' });
    const harness = new SessionHarness({ volume, limits: { descriptorsMax: 3 } });
    const client = harness.client();
    await client.go('memory', { allocation: true });
    harness.run();
    volume.allocation = (_offset, _lengthBytes, done) => {
      const stretch = (_: unknown, index: number) => ({
        lengthBytes: 512,
        allocated: index % 2 === 0,
      });
      done(0, Array.from({ length: 10 }, stretch));
    };
    const answer = await client.request({ command: nbd.NBD_CMD_BLOCK_STATUS, lengthBytes: 5120 });
    expect(answer.descriptors.map(({ state }) => state)).to.deep.equal([0, 3, 0]);
  });
});
