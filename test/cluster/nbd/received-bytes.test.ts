import { expect } from 'chai';
import fc from 'fast-check';
import { ReceivedBytes } from '../../../cluster/nbd/received-bytes.ts';

/** Bytes 0, 1, 2 … in chunks of the given sizes. */
function chunksOf(sizes: readonly number[]): Uint8Array[] {
  let next = 0;
  return sizes.map((size) => Uint8Array.from({ length: size }, () => next++ & 0xff));
}

describe('bytes received from an NBD client', () => {
  it('come out as they went in, however they were cut and however they are taken', () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(3000)), { maxLength: 30 });
    const takes = fc.array(fc.tuple(fc.constantFrom('take', 'skip', 'look'), fc.nat(2500)));
    fc.assert(
      fc.property(sizes, takes, fc.nat(5), (chunkSizes, steps, pushesPerStep) => {
        const chunks = chunksOf(chunkSizes);
        const all = Buffer.concat(chunks);
        const received = new ReceivedBytes();
        let pushed = 0;
        let consumed = 0;
        for (const [how, wanted] of steps) {
          for (const chunk of chunks.splice(0, pushesPerStep)) {
            received.push(chunk);
            pushed += chunk.length;
          }
          const lengthBytes = Math.min(wanted, pushed - consumed);
          const expected = all.subarray(consumed, consumed + lengthBytes);
          expect(received.lengthBytes).to.equal(pushed - consumed);
          expect(received.contiguous(received.lengthBytes + 1)).to.equal(false);
          if (how === 'look') {
            expect(received.contiguous(lengthBytes)).to.equal(true);
            const seen = received.bytes.subarray(received.at, received.at + lengthBytes);
            expect(Buffer.compare(seen, expected)).to.equal(0);
            continue;
          }
          if (how === 'take') {
            const taken = Buffer.concat(received.take(lengthBytes));
            expect(Buffer.compare(taken, expected)).to.equal(0);
          } else {
            expect(received.skip(wanted)).to.equal(lengthBytes);
          }
          consumed += lengthBytes;
        }
      }),
    );
  });

  it('are handed out without a copy', () => {
    const received = new ReceivedBytes();
    const chunks = [new Uint8Array(4096), new Uint8Array(4096)];
    for (const chunk of chunks) received.push(chunk);
    const pieces = received.take(8192);
    expect(pieces).to.deep.equal(chunks);
    expect(pieces[0]?.buffer).to.equal(chunks[0]?.buffer);
  });

  it('what was taken does not change when more arrives', () => {
    const received = new ReceivedBytes();
    for (let byte = 0; byte < 100; byte++) received.push(Uint8Array.of(byte));
    const taken = received.take(50);
    const before = Buffer.concat(taken);
    for (let byte = 0; byte < 100; byte++) received.push(Uint8Array.of(255));
    expect(Buffer.concat(taken)).to.deep.equal(before);
  });

  it('dribbled byte by byte cost about as much as they are', () => {
    const received = new ReceivedBytes();
    for (let count = 0; count < 100_000; count++) received.push(Uint8Array.of(7));
    const pieces = received.take(100_000);
    expect(pieces.length).to.be.below(20);
    expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).to.equal(100_000);
  });
});
