import { expect } from 'chai';
import fc from 'fast-check';
import { checksumOf } from '../../../protocols/checksums.ts';
import { decodeFrame, encodeReply, encodeRequest } from '../../../protocols/frames/frame.ts';
import { frameProblem } from '../../../protocols/frames/frame-problem.ts';
import { patternBytes, sampleReply, sampleRequest } from './samples.ts';

const write = encodeRequest(sampleRequest, [patternBytes(4096)]);

/** A frame around any header, with a checksum that matches. */
function framed(header: readonly number[], behind: readonly number[] = []): Uint8Array {
  const bytes = Buffer.from([0, 0, 0, 0, 0, 0, ...header, ...behind]);
  bytes.writeUInt16LE(header.length, 0);
  bytes.writeUInt32LE(checksumOf(Uint8Array.from(header)), 2);
  return bytes;
}

function headerOf(frame: Uint8Array): number[] {
  const bytes = Buffer.from(frame);
  return [...bytes.subarray(6, 6 + bytes.readUInt16LE(0))];
}

const header = headerOf(encodeReply(sampleReply));

describe('what is wrong with bytes that are no frame', () => {
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['nothing at all', new Uint8Array(0), '0 bytes are too few, a frame has at least 6'],
    [
      'text',
      Buffer.from('hello, world'),
      'its header would be 25960 bytes long, the most are 4096',
    ],
    ['a cut header', write.subarray(0, 40), 'its header is cut: 34 of'],
    [
      'a header with a wrong bit',
      write.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
      'its header does not match its checksum',
    ],
    ['a header that is no list', framed([0xc0]), 'its header is of wire version'],
    ['another wire version', framed([0x92, 9, 1]), 'its header is of wire version 9'],
    ['another kind', framed([0x92, 1, 7]), 'its kind 7 is neither request nor reply'],
    ['too few fields', framed([0x93, 1, 2, 1]), 'its header has 1 fields, which is not the number'],
    [
      'a field that cannot be',
      framed(header.map((byte, at) => (at === 5 ? 99 : byte))),
      'a field of its reply header has a value that it cannot have',
    ],
    [
      'a write without data',
      framed(headerOf(write)),
      'the 0 bytes behind its header are not the checksums and data of this request',
    ],
    [
      'a reply with two bytes of data',
      framed(header, [1, 2]),
      'the 2 bytes behind its header are not the checksums and data of this reply',
    ],
  ];
  for (const [what, bytes, problem] of cases)
    it(`${what}: ${problem}`, () => {
      expect(frameProblem(bytes)).to.match(new RegExp(`^${problem}`));
    });

  it('is told for exactly those bytes that are none, and never fails', () => {
    const mutated = fc
      .tuple(fc.constantFrom(write, encodeReply(sampleReply)), fc.nat(), fc.nat({ max: 255 }))
      .map(([frame, at, value]) => frame.map((byte, i) => (i === at % 200 ? value : byte)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
        expect(frameProblem(bytes) === '').to.equal(decodeFrame(bytes) !== null);
      }),
      { numRuns: 2000 },
    );
  });
});
