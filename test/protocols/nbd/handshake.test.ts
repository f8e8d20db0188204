import { expect } from 'chai';
import fc from 'fast-check';
import * as nbd from '../../../protocols/nbd/constants.ts';
import * as handshake from '../../../protocols/nbd/handshake.ts';
import * as options from '../../../protocols/nbd/options.ts';
import { bytesOf, hexOf, hexOfText } from './bytes.ts';

describe('NBD handshake on the wire', () => {
  it('the greeting is NBDMAGIC, IHAVEOPT and the flags', () => {
    const greeting = handshake.encodeGreeting(3);
    expect(hexOf(greeting)).to.equal(`${hexOfText('NBDMAGIC')}${hexOfText('IHAVEOPT')}0003`);
    expect(handshake.decodeGreeting(greeting)).to.equal(3);
    expect(handshake.decodeGreeting(bytesOf('00'.repeat(18)))).to.equal(null);
  });

  it('client flags that nobody knows are noticed', () => {
    const both = { fixedNewstyle: true, noZeroes: true };
    expect(handshake.decodeClientFlags(bytesOf('00000003'), 0)).to.deep.equal(both);
    expect(handshake.decodeClientFlags(bytesOf('00000004'), 0)).to.equal(null);
    expect(handshake.decodeClientFlags(bytesOf('80000000'), 0)).to.equal(null);
  });

  it('an option is IHAVEOPT, its number, its length and its data', () => {
    const option = handshake.encodeOption(nbd.NBD_OPT_EXPORT_NAME, options.encodeString('vol'));
    expect(hexOf(option)).to.equal(`${hexOfText('IHAVEOPT')}0000000100000003${hexOfText('vol')}`);
    const header = { option: 1, lengthBytes: 3 };
    expect(handshake.decodeOptionHeader(option, 0)).to.deep.equal(header);
    expect(handshake.decodeOptionHeader(bytesOf('00'.repeat(16)), 0)).to.equal(null);
  });

  it('a reply to an option carries its magic, the option, a type and a length', () => {
    const reply = handshake.encodeOptionReply({
      option: nbd.NBD_OPT_GO,
      type: nbd.NBD_REP_ERR_UNKNOWN,
      data: options.encodeString('no'),
    });
    expect(hexOf(reply)).to.equal('0003e889045565a90000000780000006000000026e6f');
    const header = { option: 7, type: nbd.NBD_REP_ERR_UNKNOWN, lengthBytes: 2 };
    expect(handshake.decodeOptionReplyHeader(reply, 0)).to.deep.equal(header);
  });

  it('the answer to EXPORT_NAME has 124 zeroes unless both sides leave them out', () => {
    const facts = { sizeBytes: 0x1_0000_0200, transmissionFlags: 0x0101 };
    const short = handshake.encodeExportNameReply(facts, true);
    expect(hexOf(short)).to.equal('00000001000002000101');
    const long = handshake.encodeExportNameReply(facts, false);
    expect(hexOf(long)).to.equal(`00000001000002000101${'00'.repeat(124)}`);
  });
});

describe('NBD option data', () => {
  it('information about an export reads back as it was written', () => {
    const known: options.ExportInformation = {};
    const facts = { sizeBytes: 2 ** 50, transmissionFlags: 0xffff };
    const blockSizes = { minimumBytes: 512, preferredBytes: 4096, maximumBytes: 2 ** 25 };
    for (const data of [
      options.encodeInfoExport(facts),
      options.encodeInfoText(nbd.NBD_INFO_NAME, 'vol0'),
      options.encodeInfoText(nbd.NBD_INFO_DESCRIPTION, 'grüße'),
      options.encodeInfoBlockSize(blockSizes),
    ]) {
      expect(options.decodeInfo(data, known)).to.equal(true);
    }
    expect(known).to.deep.equal({ facts, blockSizes, name: 'vol0', description: 'grüße' });
  });

  it('requests of clients read back as they were written', () => {
    const name = fc
      .string({ unit: 'grapheme', maxLength: 50 })
      .filter((text) => !text.includes('\0'));
    const types = fc.array(fc.nat(0xffff), { maxLength: 8 });
    fc.assert(
      fc.property(
        name,
        types,
        fc.array(name, { maxLength: 5 }),
        (exportName, information, queries) => {
          const info = { exportName, information };
          expect(options.decodeInfoRequest(options.encodeInfoRequest(info))).to.deep.equal(info);
          const meta = { exportName, queries };
          const encoded = options.encodeMetaContextRequest(meta);
          expect(options.decodeMetaContextRequest(encoded)).to.deep.equal(meta);
        },
      ),
    );
  });

  it('no bytes make a reader throw, and what it takes is what would be written', () => {
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .array(fc.constantFrom(0, 0, 0, 1, 2, 65, 255), { maxLength: 40 })
        .map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(data, (bytes) => {
        const info = options.decodeInfoRequest(bytes);
        if (info !== null) expect(options.encodeInfoRequest(info)).to.deep.equal(bytes);
        const meta = options.decodeMetaContextRequest(bytes);
        if (meta !== null) expect(options.encodeMetaContextRequest(meta)).to.deep.equal(bytes);
        options.decodeInfo(bytes, {});
      }),
      { numRuns: 2000 },
    );
  });

  it('strings with a NUL, too long ones and broken UTF-8 are none', () => {
    expect(options.decodeString(bytesOf('610062'))).to.equal(null);
    expect(options.decodeString(bytesOf('c328'))).to.equal(null);
    expect(options.decodeString(new Uint8Array(4097).fill(97))).to.equal(null);
    expect(options.decodeString(new Uint8Array(4096).fill(97))).to.have.lengthOf(4096);
  });

  it('a count of queries that the data cannot hold is refused without looking for them', () => {
    expect(options.decodeMetaContextRequest(bytesOf('00000000 ffffffff'))).to.equal(null);
    expect(options.decodeMetaContextRequest(bytesOf('ffffffff 00000000'))).to.equal(null);
  });
});
