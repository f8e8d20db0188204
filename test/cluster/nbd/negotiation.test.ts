import { expect } from 'chai';
import type { NbdExport } from '../../../cluster/nbd/exports.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { encodeOption, type OptionReply } from '../../../protocols/nbd/handshake.ts';
import * as options from '../../../protocols/nbd/options.ts';
import { bytesOf, hexOf, hexOfText } from '../../protocols/nbd/bytes.ts';
import { MemoryVolume } from './memory-volume.ts';
import { SessionHarness } from './session-harness.ts';
import { encodeRequest } from './test-client.ts';

const greeting = `${hexOfText('NBDMAGIC')}${hexOfText('IHAVEOPT')}0003`;
/** HAS_FLAGS, FLUSH, FUA, TRIM, WRITE_ZEROES, MULTI_CONN, CACHE, FAST_ZERO. */
const writableFlags = '0d6d';
/** HAS_FLAGS, READ_ONLY, FLUSH, FUA, MULTI_CONN, CACHE. */
const readOnlyFlags = '050f';
const textDecoder = new TextDecoder();

function harnessOf(...exports: NbdExport[]): SessionHarness {
  return new SessionHarness({ catalogue: { list: () => exports } });
}

const vol0: NbdExport = { name: 'vol0', volume: new MemoryVolume({ name: 'vol0' }) };
const frozen: NbdExport = {
  name: 'frozen',
  volume: new MemoryVolume({ sizeBytes: 4096 }),
  readOnly: true,
  description: 'may be looked at',
};

function lastType(replies: readonly OptionReply[]): number | undefined {
  return replies.at(-1)?.type;
}

describe('NBD negotiation', () => {
  it('a client that knows only EXPORT_NAME is served, byte by byte', () => {
    const harness = harnessOf(vol0);
    harness.run();
    expect(hexOf(harness.output())).to.equal(greeting);
    const bytes = `00000001 ${hexOfText('IHAVEOPT')} 00000001 00000004 ${hexOfText('vol0')}`;
    for (const byte of bytesOf(bytes)) {
      expect(hexOf(harness.output())).to.equal('');
      harness.send(Uint8Array.of(byte));
    }
    expect(hexOf(harness.output())).to.equal(`0000000000100000${writableFlags}${'00'.repeat(124)}`);
    harness.send(encodeRequest({ command: nbd.NBD_CMD_FLUSH }, 7));
    expect(vol0.volume).to.have.property('begun', 1);
  });

  it('GO answers size, flags and what else was asked for, without zeroes behind', () => {
    const harness = harnessOf(vol0, frozen);
    harness.run();
    harness.output();
    const information = [nbd.NBD_INFO_NAME, nbd.NBD_INFO_DESCRIPTION, nbd.NBD_INFO_BLOCK_SIZE, 77];
    const data = options.encodeInfoRequest({ exportName: 'frozen', information });
    harness.send(bytesOf('00000003'));
    harness.send(encodeOption(nbd.NBD_OPT_GO, data));
    const head = '0003e889045565a900000007';
    expect(hexOf(harness.output())).to.equal(
      [
        `${head}000000030000000c 0000 0000000000001000 ${readOnlyFlags}`,
        `${head}0000000300000008 0001 ${hexOfText('frozen')}`,
        `${head}0000000300000012 0002 ${hexOfText('may be looked at')}`,
        `${head}000000030000000e 0003 00000200 00001000 02000000`,
        `${head}0000000100000000`,
      ]
        .join('')
        .replaceAll(' ', ''),
    );
    expect(harness.session.exportName).to.equal('frozen');
  });

  it('INFO tells the same as GO and leaves the choice open', async () => {
    const harness = harnessOf(vol0);
    const client = harness.client();
    await client.greet();
    const data = options.encodeInfoRequest({ exportName: 'vol0', information: [] });
    const info = await client.option(nbd.NBD_OPT_INFO, data);
    expect(harness.session.exportName).to.equal(null);
    const go = await client.option(nbd.NBD_OPT_GO, data);
    expect(go.map((reply) => hexOf(reply.data))).to.deep.equal(
      info.map((reply) => hexOf(reply.data)),
    );
    expect(harness.session.exportName).to.equal('vol0');
  });

  it('the empty name means the first export', async () => {
    const harness = harnessOf(frozen, vol0);
    const known = await harness.client().go('');
    expect(known.facts?.sizeBytes).to.equal(4096);
  });

  it('an unknown export is refused with the names of those that exist', async () => {
    const client = harnessOf(vol0, frozen).client();
    await client.greet();
    const data = options.encodeInfoRequest({ exportName: 'vol7', information: [] });
    const [reply] = await client.option(nbd.NBD_OPT_GO, data);
    expect(reply?.type).to.equal(nbd.NBD_REP_ERR_UNKNOWN);
    expect(textDecoder.decode(reply?.data)).to.equal('no export "vol7"; there is "vol0", "frozen"');
  });

  it('EXPORT_NAME cannot be refused, so an unknown export ends the session', () => {
    const harness = harnessOf(vol0);
    harness.send(bytesOf('00000003'));
    harness.send(encodeOption(nbd.NBD_OPT_EXPORT_NAME, options.encodeString('vol7')));
    expect(harness.hungUp).to.equal('no export "vol7"');
  });

  it('LIST names every export with its description, as the catalogue stands at that moment', async () => {
    const exports = [vol0];
    const client = new SessionHarness({ catalogue: { list: () => exports } }).client();
    await client.greet();
    expect(await client.option(nbd.NBD_OPT_LIST)).to.have.lengthOf(2);
    exports.push(frozen);
    const replies = await client.option(nbd.NBD_OPT_LIST);
    expect(replies.map((reply) => hexOf(reply.data))).to.deep.equal([
      `00000004${hexOfText('vol0')}`,
      `00000006${hexOfText('frozen')}${hexOfText('may be looked at')}`,
      '',
    ]);
    const withData = await client.option(nbd.NBD_OPT_LIST, Uint8Array.of(1));
    expect(lastType(withData)).to.equal(nbd.NBD_REP_ERR_INVALID);
  });

  it('TLS and options that nobody knows are refused, and the handshake goes on', async () => {
    const client = harnessOf(vol0).client();
    await client.greet();
    const unsupported = nbd.NBD_REP_ERR_UNSUP;
    expect(lastType(await client.option(nbd.NBD_OPT_STARTTLS))).to.equal(unsupported);
    const withData = await client.option(nbd.NBD_OPT_STARTTLS, Uint8Array.of(1));
    expect(lastType(withData)).to.equal(nbd.NBD_REP_ERR_INVALID);
    expect(lastType(await client.option(11))).to.equal(unsupported);
    expect(lastType(await client.option(4711, new Uint8Array(1000)))).to.equal(unsupported);
    expect(lastType(await client.option(nbd.NBD_OPT_STRUCTURED_REPLY))).to.equal(nbd.NBD_REP_ACK);
    const malformed = await client.option(nbd.NBD_OPT_GO, Uint8Array.of(0, 0, 0, 9, 0, 0));
    expect(lastType(malformed)).to.equal(nbd.NBD_REP_ERR_INVALID);
  });

  it('ABORT is acknowledged, then the session is over', async () => {
    const harness = harnessOf(vol0);
    const client = harness.client();
    await client.greet();
    expect(lastType(await client.option(nbd.NBD_OPT_ABORT))).to.equal(nbd.NBD_REP_ACK);
    expect(harness.hungUp).to.equal(null);
  });

  const broken: Readonly<Record<string, string>> = {
    'client flags from the future': '00000007',
    'an option without its magic': `00000003 ${hexOfText('IHAVENOT')} 00000003 00000000`,
    'an option too long to be one': `00000003 ${hexOfText('IHAVEOPT')} 00000063 00010001`,
    'options without end': `00000003 ${`${hexOfText('IHAVEOPT')} 00000063 00000000`.repeat(129)}`,
  };
  for (const [what, bytes] of Object.entries(broken)) {
    it(`${what}: the session is over`, () => {
      const harness = harnessOf(vol0);
      harness.send(bytesOf(bytes));
      expect(harness.hungUp).to.be.a('string');
      expect(harness.session.wantsInput).to.equal(false);
    });
  }
});

describe('NBD metadata contexts', () => {
  const query = (exportName: string, ...queries: string[]): Uint8Array =>
    options.encodeMetaContextRequest({ exportName, queries });
  const allocation = `${hexOfText('base:allocation')}`;

  it('are listed, all or by query', async () => {
    const client = harnessOf(vol0).client();
    await client.greet();
    const list = nbd.NBD_OPT_LIST_META_CONTEXT;
    const early = await client.option(list, query('vol0'));
    expect(lastType(early)).to.equal(nbd.NBD_REP_ERR_INVALID);
    await client.option(nbd.NBD_OPT_STRUCTURED_REPLY);
    for (const data of [
      query('vol0'),
      query('', 'base:'),
      query('vol0', 'x:y', 'base:allocation'),
    ]) {
      const replies = await client.option(list, data);
      expect(replies.map((reply) => reply.type)).to.deep.equal([4, 1]);
      expect(hexOf(replies[0]?.data ?? new Uint8Array())).to.equal(`00000000${allocation}`);
    }
    expect(await client.option(list, query('vol0', 'qemu:', 'base:else'))).to.have.lengthOf(1);
    const unknown = await client.option(list, query('vol7'));
    expect(lastType(unknown)).to.equal(nbd.NBD_REP_ERR_UNKNOWN);
  });

  it('are selected by their whole name only, and the last selection counts', async () => {
    const harness = harnessOf(vol0, frozen);
    const client = harness.client();
    await client.greet();
    await client.option(nbd.NBD_OPT_STRUCTURED_REPLY);
    const select = nbd.NBD_OPT_SET_META_CONTEXT;
    expect(await client.option(select, query('vol0', 'base:'))).to.have.lengthOf(1);
    const selected = await client.option(select, query('vol0', 'base:allocation'));
    expect(hexOf(selected[0]?.data ?? new Uint8Array())).to.equal(`00000001${allocation}`);
    await client.option(select, Uint8Array.of(1));
    await client.option(
      nbd.NBD_OPT_GO,
      options.encodeInfoRequest({ exportName: 'vol0', information: [] }),
    );
    client.beginTransmission();
    const command = nbd.NBD_CMD_BLOCK_STATUS;
    const answer = await client.request({ command, lengthBytes: 512 });
    expect(answer.error).to.equal(nbd.NBD_EINVAL);
  });

  it('that were selected for another export do not count', async () => {
    const client = harnessOf(vol0, frozen).client();
    await client.greet();
    await client.option(nbd.NBD_OPT_STRUCTURED_REPLY);
    await client.option(nbd.NBD_OPT_SET_META_CONTEXT, query('frozen', 'base:allocation'));
    await client.option(
      nbd.NBD_OPT_GO,
      options.encodeInfoRequest({ exportName: 'vol0', information: [] }),
    );
    client.beginTransmission();
    const command = nbd.NBD_CMD_BLOCK_STATUS;
    const answer = await client.request({ command, lengthBytes: 512 });
    expect(answer.error).to.equal(nbd.NBD_EINVAL);
  });
});
