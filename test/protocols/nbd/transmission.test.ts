import { expect } from 'chai';
import fc from 'fast-check';
import * as nbd from '../../../protocols/nbd/constants.ts';
import * as wire from '../../../protocols/nbd/transmission.ts';
import { bytesOf, hexOf, hexOfText } from './bytes.ts';

const request: wire.RequestHeader = {
  command: nbd.NBD_CMD_WRITE,
  flags: nbd.NBD_CMD_FLAG_FUA,
  cookieHigh: 0xdeadbeef,
  cookieLow: 0x00c0ffee,
  offset: 0x1_0000_1000,
  lengthBytes: 0x2000,
};

function written(lengthBytes: number, write: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(lengthBytes);
  write(bytes);
  return hexOf(bytes);
}

describe('NBD transmission on the wire', () => {
  it('a request stands as the standard says', () => {
    const hexadecimal = '25609513 0001 0001 deadbeef00c0ffee 0000000100001000 00002000';
    const bytes = written(28, (into) => wire.writeRequest(into, 0, request));
    expect(bytes).to.equal(hexadecimal.replaceAll(' ', ''));
    const read = { command: 0, flags: 0, cookieHigh: 0, cookieLow: 0, offset: 0, lengthBytes: 0 };
    expect(wire.readRequest(bytesOf(hexadecimal), 0, read)).to.equal(true);
    expect(read).to.deep.equal(request);
  });

  it('a request without its magic is none', () => {
    const into = { ...request };
    expect(wire.readRequest(bytesOf(`25609514${'00'.repeat(24)}`), 0, into)).to.equal(false);
    expect(into).to.deep.equal(request);
  });

  it('an offset beyond what a number holds exactly stays beyond every volume', () => {
    const into = { ...request };
    const bytes = bytesOf(`25609513${'00'.repeat(12)}ffffffffffffffff00000001`);
    expect(wire.readRequest(bytes, 0, into)).to.equal(true);
    expect(into.offset).to.be.at.least(2 ** 64);
  });

  it('replies stand as the standard says', () => {
    expect(written(16, (into) => wire.writeSimpleReply(into, 0, request, nbd.NBD_EIO))).to.equal(
      '6744669800000005deadbeef00c0ffee',
    );
    expect(written(28, (into) => wire.writeDataChunk(into, 0, request))).to.equal(
      '668e33ef00010001deadbeef00c0ffee000020080000000100001000',
    );
    expect(written(20, (into) => wire.writeNoneChunk(into, 0, request))).to.equal(
      '668e33ef00010000deadbeef00c0ffee00000000',
    );
    const failure = { error: nbd.NBD_EINVAL, message: new TextEncoder().encode('no') };
    expect(written(28, (into) => wire.writeErrorChunk(into, 0, request, failure))).to.equal(
      `668e33ef00018001deadbeef00c0ffee00000008000000160002${hexOfText('no')}`,
    );
    const status = {
      contextId: 1,
      descriptors: [
        { lengthBytes: 4096, state: 3 },
        { lengthBytes: 512, state: 0 },
      ],
    };
    expect(wire.blockStatusChunkBytes(2)).to.equal(40);
    expect(written(40, (into) => wire.writeBlockStatusChunk(into, 0, request, status))).to.equal(
      '668e33ef00010005deadbeef00c0ffee0000001400000001' + '0000100000000003' + '0000020000000000',
    );
  });

  it('reply headers of any bytes are read without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const header = wire.decodeReplyHeader(bytes, 0);
        if (bytes.length < wire.simpleReplyBytes) expect(header).to.equal('more');
      }),
    );
  });
});
