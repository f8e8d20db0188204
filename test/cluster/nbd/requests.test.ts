import { expect } from 'chai';
import type { NbdExport } from '../../../cluster/nbd/exports.ts';
import { Status } from '../../../protocols/codes.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { bytesOf, hexOf, hexOfText } from '../../protocols/nbd/bytes.ts';
import { MemoryVolume, type MemoryVolumeOptions } from './memory-volume.ts';
import { SessionHarness } from './session-harness.ts';
import {
  type ClientRequest,
  encodeRequest,
  type GoOptions,
  type TestClient,
} from './test-client.ts';

interface Setup {
  readonly volume: MemoryVolume;
  readonly harness: SessionHarness;
  readonly client: TestClient;
  /** Sends a request and lets the volume end everything. */
  ask(request: ClientRequest): ReturnType<TestClient['request']>;
}

async function setup(
  go: GoOptions = {},
  volumeOptions: MemoryVolumeOptions = {},
  exportOptions: Partial<NbdExport> = {},
): Promise<Setup> {
  const volume = new MemoryVolume({ sizeBytes: 65_536, ending: 'held', ...volumeOptions });
  const offered = { name: 'vol0', volume, ...exportOptions };
  const harness = new SessionHarness({ catalogue: { list: () => [offered] } });
  const client = harness.client();
  await client.go('vol0', go);
  harness.run();
  const ask = (request: ClientRequest): ReturnType<TestClient['request']> => {
    const answer = client.request(request);
    volume.endAll();
    harness.run();
    return answer;
  };
  return { volume, harness, client, ask };
}

describe('NBD requests, byte by byte', () => {
  /** From here on the test sees the bytes that the server sends. */
  async function bare(go: GoOptions = {}): Promise<Setup> {
    const made = await setup(go);
    made.harness.onOutput = null;
    return made;
  }

  const cookie = 'cafe0000 00000001';
  const write = `25609513 0000 0001 ${cookie} 0000000000000200 00000003 010203`;
  const read = `25609513 0000 0000 ${cookie} 00000000000001ff 00000005`;

  it('a write and a read, fed one byte at a time, with simple replies', async () => {
    const { harness, volume } = await bare();
    for (const byte of bytesOf(write)) harness.send(Uint8Array.of(byte));
    volume.endAll();
    harness.run();
    expect(hexOf(harness.output())).to.equal('6744669800000000cafe000000000001');
    for (const byte of bytesOf(read)) harness.send(Uint8Array.of(byte));
    volume.endAll();
    harness.run();
    expect(hexOf(harness.output())).to.equal('6744669800000000cafe0000000000010001020300');
  });

  it('the same in one chunk, with structured replies', async () => {
    const { harness, volume } = await bare({ structured: true });
    harness.send(bytesOf(write + read));
    volume.endAll();
    harness.run();
    expect(hexOf(harness.output())).to.equal(
      `6744669800000000${cookie}668e33ef00010001${cookie}0000000d00000000000001ff0001020300`.replaceAll(
        ' ',
        '',
      ),
    );
  });

  it('an error is a number, or a chunk with a sentence', async () => {
    const beyond = `25609513 0000 0000 ${cookie} 0000000000010000 00000001`;
    const simple = await bare();
    simple.harness.send(bytesOf(beyond));
    expect(hexOf(simple.harness.output())).to.equal('6744669800000016cafe000000000001');
    const structured = await bare({ structured: true });
    structured.harness.send(bytesOf(beyond));
    const sentence = hexOfText('beyond the end of the export');
    expect(hexOf(structured.harness.output())).to.equal(
      `668e33ef00018001cafe00000000000100000022 00000016 001c ${sentence}`.replaceAll(' ', ''),
    );
  });

  it('block status is one chunk of descriptors', async () => {
    const { harness, volume } = await bare({ allocation: true });
    volume.bytes.fill(0);
    harness.send(bytesOf(`25609513 0000 0001 ${cookie} 0000000000001000 00000001 ff`));
    volume.endAll();
    harness.run();
    harness.output();
    harness.send(bytesOf(`25609513 0000 0007 ${cookie} 0000000000000000 00004000`));
    volume.endAll();
    harness.run();
    const descriptors = '00001000 00000003 00001000 00000000 00002000 00000003';
    expect(hexOf(harness.output())).to.equal(
      `668e33ef00010005${cookie}0000001c00000001${descriptors}`.replaceAll(' ', ''),
    );
  });

  it('payloads are views into what was received, and replies the pieces that the volume gave', async () => {
    const { harness, volume } = await bare();
    const header = bytesOf(`25609513 0000 0001 ${cookie} 0000000000000000 00000800`);
    const first = new Uint8Array(header.length + 1024).fill(1);
    first.set(header);
    const second = new Uint8Array(1024).fill(2);
    const written: (readonly Uint8Array[])[] = [];
    volume.write = (_offset, pieces) => void written.push(pieces);
    harness.send(first);
    harness.send(second);
    expect(written[0]?.map((piece) => piece.buffer)).to.deep.equal([first.buffer, second.buffer]);
    const piece = new Uint8Array(5);
    volume.read = (_offset, _lengthBytes, done) => done(Status.ok, [piece]);
    harness.send(bytesOf(read));
    expect(harness.pieces.at(-1)).to.equal(piece);
  });
});

describe('NBD commands', () => {
  it('reach the volume with offset, length and FUA', async () => {
    const { volume, client } = await setup();
    const fua = nbd.NBD_CMD_FLAG_FUA;
    void client.write(512, new Uint8Array(100), fua);
    void client.request({ command: nbd.NBD_CMD_WRITE_ZEROES, offset: 1, lengthBytes: 9, flags: 3 });
    void client.request({ command: nbd.NBD_CMD_TRIM, offset: 4096, lengthBytes: 8192 });
    void client.request({ command: nbd.NBD_CMD_CACHE, offset: 7, lengthBytes: 8 });
    void client.flush();
    const seen = volume.pending.map((io) => [io.operation, io.offset, io.lengthBytes, io.fua]);
    expect(seen).to.deep.equal([
      ['write', 512, 100, true],
      ['writeZeroes', 1, 9, true],
      ['trim', 4096, 8192, false],
      ['read', 7, 8, false],
      ['flush', 0, 0, false],
    ]);
  });

  it('may end in any order, and each answer finds its request', async () => {
    const { volume, client, harness } = await setup({ structured: true });
    volume.bytes.set([1, 2, 3, 4]);
    const answers = [client.read(0, 1), client.read(1, 1), client.read(2, 1)];
    volume.end(1);
    volume.end(1);
    volume.end(0);
    harness.run();
    const data = (await Promise.all(answers)).map((answer) => answer.data[0]);
    expect(data).to.deep.equal([1, 2, 3]);
  });

  it('CACHE answers without data, also for more than a volume reads at once', async () => {
    const { ask, volume } = await setup({}, { ioBytesMax: 4096 });
    const command = nbd.NBD_CMD_CACHE;
    expect(await ask({ command, lengthBytes: 4096 })).to.include({ error: 0 });
    expect(volume.begun).to.equal(1);
    expect(await ask({ command, lengthBytes: 8192 })).to.include({ error: 0 });
    expect(volume.begun).to.equal(1);
  });

  for (const structured of [false, true]) {
    it(`of no length do nothing and succeed (${structured ? 'structured' : 'simple'} replies)`, async () => {
      const { ask, volume } = await setup({ structured });
      for (const command of [0, 1, 4, 5, 6]) {
        const answer = await ask({ command, offset: 65_536, lengthBytes: 0 });
        expect(answer.error, `command ${command}`).to.equal(nbd.NBD_SUCCESS);
      }
      expect(volume.begun).to.equal(0);
    });
  }

  it('block status says one stretch when one is asked for, and never none', async () => {
    const { ask, volume } = await setup({ allocation: true });
    await ask({ command: nbd.NBD_CMD_WRITE, offset: 4096, payload: new Uint8Array(4096) });
    const command = nbd.NBD_CMD_BLOCK_STATUS;
    const one = { command, flags: nbd.NBD_CMD_FLAG_REQ_ONE };
    expect((await ask({ ...one, lengthBytes: 65_536 })).descriptors).to.deep.equal([
      { lengthBytes: 4096, state: 3 },
    ]);
    expect((await ask({ ...one, offset: 100, lengthBytes: 50 })).descriptors).to.deep.equal([
      { lengthBytes: 50, state: 3 },
    ]);
    volume.allocation = (_offset, _lengthBytes, done) => done(Status.ok, []);
    expect((await ask({ command, lengthBytes: 999 })).descriptors).to.deep.equal([
      { lengthBytes: 999, state: 0 },
    ]);
    expect((await ask({ command, lengthBytes: 0 })).error).to.equal(nbd.NBD_EINVAL);
  });

  it('FAST_ZERO is granted only where zeroing is known to be faster than writing', async () => {
    const zero = { command: nbd.NBD_CMD_WRITE_ZEROES, flags: nbd.NBD_CMD_FLAG_FAST_ZERO };
    const unknown = await setup();
    const refused = await unknown.ask({ ...zero, lengthBytes: 8192 });
    expect(refused.error).to.equal(nbd.NBD_ENOTSUP);
    expect(unknown.volume.begun).to.equal(0);
    const fast = await setup({}, {}, { zeroesFast: true });
    expect((await fast.ask({ ...zero, lengthBytes: 8192 })).error).to.equal(nbd.NBD_SUCCESS);
    expect((await fast.ask({ ...zero, lengthBytes: 512 })).error).to.equal(nbd.NBD_ENOTSUP);
  });

  it('a volume that hands back too few bytes costs an error, not the stream', async () => {
    const { ask, volume } = await setup();
    volume.read = (_offset, _lengthBytes, done) => done(Status.ok, [new Uint8Array(3)]);
    expect((await ask({ command: nbd.NBD_CMD_READ, lengthBytes: 4 })).error).to.equal(nbd.NBD_EIO);
  });

  it('errors of the volume become NBD errors, with the volume named where words are possible', async () => {
    const { ask, volume } = await setup({ structured: true });
    volume.nextStatuses.push(Status.media, Status.masked, Status.noSpace);
    const failed = await ask({ command: nbd.NBD_CMD_READ, lengthBytes: 512 });
    expect(failed).to.include({ error: nbd.NBD_EIO, message: 'volume memory: media' });
    expect((await ask({ command: nbd.NBD_CMD_FLUSH })).error).to.equal(nbd.NBD_EPERM);
    const payload = new Uint8Array(1);
    expect((await ask({ command: nbd.NBD_CMD_WRITE, payload })).error).to.equal(nbd.NBD_ENOSPC);
  });
});

describe('NBD requests that are refused', () => {
  const end = 65_536;
  const refusals: readonly [string, ClientRequest, number][] = [
    ['a read beyond the end', { command: 0, offset: end - 1, lengthBytes: 2 }, nbd.NBD_EINVAL],
    ['a read far beyond', { command: 0, offset: 2 ** 53, lengthBytes: 1 }, nbd.NBD_EINVAL],
    [
      'a write beyond the end',
      { command: 1, offset: end, payload: Uint8Array.of(1) },
      nbd.NBD_ENOSPC,
    ],
    ['zeroes beyond the end', { command: 6, offset: 1, lengthBytes: end }, nbd.NBD_ENOSPC],
    ['a trim beyond the end', { command: 4, offset: 1, lengthBytes: end }, nbd.NBD_EINVAL],
    ['a cache beyond the end', { command: 5, offset: 1, lengthBytes: end }, nbd.NBD_EINVAL],
    ['a command from the future', { command: 99 }, nbd.NBD_EINVAL],
    ['a flag from the future', { command: 0, flags: 0x40, lengthBytes: 1 }, nbd.NBD_EINVAL],
    ['a flag of another command', { command: 3, flags: nbd.NBD_CMD_FLAG_NO_HOLE }, nbd.NBD_EINVAL],
    ['DF without structured replies', { command: 0, flags: 4, lengthBytes: 1 }, nbd.NBD_EINVAL],
    ['a flush of a range', { command: 3, lengthBytes: 512 }, nbd.NBD_EINVAL],
    ['block status unasked for', { command: 7, lengthBytes: 512 }, nbd.NBD_EINVAL],
    ['a read of too much', { command: 0, lengthBytes: 8193 }, nbd.NBD_EINVAL],
    ['a write of too much', { command: 1, payload: new Uint8Array(8193) }, nbd.NBD_EINVAL],
  ];
  for (const [what, request, error] of refusals) {
    it(`${what}: the volume hears nothing of it, and the next request is served`, async () => {
      const { ask, volume } = await setup({}, { ioBytesMax: 8192 });
      expect((await ask(request)).error).to.equal(error);
      expect(volume.begun).to.equal(0);
      expect((await ask({ command: 0, lengthBytes: 512 })).error).to.equal(nbd.NBD_SUCCESS);
    });
  }

  it('with structured replies DF is known, and a read of too much overflows', async () => {
    const { ask } = await setup({ structured: true }, { ioBytesMax: 8192 });
    const flags = nbd.NBD_CMD_FLAG_DF;
    expect((await ask({ command: 0, flags, lengthBytes: 8192 })).error).to.equal(nbd.NBD_SUCCESS);
    expect((await ask({ command: 0, flags, lengthBytes: 8193 })).error).to.equal(nbd.NBD_EOVERFLOW);
  });

  for (const [what, volume, offered] of [
    ['volume', { readOnly: true }, {}],
    ['export', {}, { readOnly: true }],
  ] as const) {
    it(`writes of every kind to a read-only ${what}`, async () => {
      const made = await setup({}, volume, offered);
      for (const command of [nbd.NBD_CMD_WRITE, nbd.NBD_CMD_TRIM, nbd.NBD_CMD_WRITE_ZEROES]) {
        const payload = new Uint8Array(512);
        const request =
          command === nbd.NBD_CMD_WRITE ? { command, payload } : { command, lengthBytes: 512 };
        expect((await made.ask(request)).error).to.equal(nbd.NBD_EPERM);
      }
      expect(made.volume.begun).to.equal(0);
      expect((await made.ask({ command: 0, lengthBytes: 512 })).error).to.equal(nbd.NBD_SUCCESS);
    });
  }

  it('clients that asked for the block sizes must keep to them, others need not', async () => {
    const promised = await setup({ blockSizes: true });
    const unaligned = { command: 0, offset: 511, lengthBytes: 1 };
    expect((await promised.ask(unaligned)).error).to.equal(nbd.NBD_EINVAL);
    expect((await promised.ask({ ...unaligned, offset: 512 })).error).to.equal(nbd.NBD_EINVAL);
    const aligned = { command: 0, offset: 512, lengthBytes: 512 };
    expect((await promised.ask(aligned)).error).to.equal(nbd.NBD_SUCCESS);
    const other = await setup();
    expect((await other.ask(unaligned)).error).to.equal(nbd.NBD_SUCCESS);
  });

  it('a request without its magic ends the session, and its volume I/O ends into nothing', async () => {
    const { harness, client, volume } = await setup();
    void client.read(0, 512).catch(() => {});
    harness.send(new Uint8Array(28));
    expect(harness.hungUp).to.equal('a request without its magic');
    expect(harness.session.unfinished).to.equal(1);
    volume.endAll();
    harness.run();
    expect(harness.session.unfinished).to.equal(0);
    expect(harness.output()).to.have.lengthOf(0);
  });

  it('a write so long that nobody would read past it ends the session', async () => {
    const { harness } = await setup();
    harness.onOutput = null;
    harness.send(encodeRequest({ command: 1, lengthBytes: 0xffffffff }, 1));
    expect(harness.hungUp).to.equal('a write of 4294967295 bytes');
  });
});

describe('the end of an NBD session', () => {
  it('after DISC what is under way is answered, nothing more is taken, and the session is over', async () => {
    const { harness, client, volume } = await setup();
    const answer = client.read(0, 512);
    client.disconnect();
    harness.send(encodeRequest({ command: 0, lengthBytes: 512 }, 9));
    expect(harness.hungUp).to.equal(undefined);
    expect(volume.begun).to.equal(1);
    volume.endAll();
    harness.run();
    expect((await answer).error).to.equal(nbd.NBD_SUCCESS);
    expect(harness.hungUp).to.equal(null);
  });

  it('while the server stops, what runs is answered, the rest gets ESHUTDOWN, and then it is over', async () => {
    const { harness, client, volume } = await setup();
    const running = client.read(0, 512);
    const halfSent = client.request({ command: 1, lengthBytes: 8 });
    harness.send(new Uint8Array(4));
    harness.session.stop();
    harness.run();
    expect((await halfSent).error).to.equal(nbd.NBD_ESHUTDOWN);
    harness.send(new Uint8Array(4));
    const late = client.write(0, new Uint8Array(100));
    expect((await late).error).to.equal(nbd.NBD_ESHUTDOWN);
    expect(harness.hungUp).to.equal(undefined);
    volume.endAll();
    harness.run();
    expect((await running).error).to.equal(nbd.NBD_SUCCESS);
    expect(harness.hungUp).to.equal(null);
  });

  it('a stopped session without work is over at once, in whatever phase', async () => {
    const { harness } = await setup();
    harness.session.stop();
    expect(harness.hungUp).to.equal(null);
    const greeted = new SessionHarness({});
    greeted.session.stop();
    expect(greeted.hungUp).to.equal(null);
  });

  it('an I/O that the volume ends twice is a fault of the volume, not an answer to somebody else', async () => {
    const { volume, client, harness } = await setup();
    void client.read(0, 512);
    const io = volume.pending[0];
    volume.endAll();
    harness.run();
    expect(() => io?.finish(Status.ok)).to.throw('twice');
  });
});
