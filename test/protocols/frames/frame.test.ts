/** What a frame says arrives as it was said, and damage is noticed. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { checksumOf, pieceCount, writeChecksums } from '../../../protocols/checksums.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import {
  decodeFrame,
  encodeForwarded,
  encodeReply,
  encodeReplySpace,
  encodeRequest,
  FrameKind,
  isDataIntact,
  wireVersion,
} from '../../../protocols/frames/frame.ts';
import { plainError, replyFields } from '../../../protocols/frames/reply.ts';
import { type Request, requestFields } from '../../../protocols/frames/request.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import {
  arbitraryReply,
  arbitraryRequest,
  patternBytes,
  sampleOutcomes,
  sampleReply,
  sampleRequest,
} from './samples.ts';

/** A request that carries `data` from `offset` on. */
function writeOf(offset: number, data: Uint8Array): Request {
  return {
    ...sampleRequest,
    operation: Operation.write,
    offset: unitOf<VolumeOffset>(offset),
    lengthBytes: data.length,
  };
}

function decodedRequest(bytes: Uint8Array) {
  const frame = decodeFrame(bytes);
  if (frame?.kind !== FrameKind.request) throw new Error('not a request');
  return frame;
}

function decodedReply(bytes: Uint8Array) {
  const frame = decodeFrame(bytes);
  if (frame?.kind !== FrameKind.reply) throw new Error('not a reply');
  return frame;
}

describe('frames', () => {
  it('a request arrives as it was sent, with its data', () => {
    fc.assert(
      fc.property(arbitraryRequest, (request) => {
        const isWrite = request.operation === Operation.write;
        const data = patternBytes(isWrite ? request.lengthBytes : 0);
        const frame = decodedRequest(encodeRequest(request, [data]));
        expect(frame.request).to.deep.equal(request);
        expect(Buffer.compare(frame.data.bytes, data)).to.equal(0);
        expect(isDataIntact(frame.data, request.offset)).to.equal(true);
      }),
      { numRuns: 500 },
    );
  });

  it('a reply arrives as it was sent, whatever its outcome and data', () => {
    fc.assert(
      fc.property(arbitraryReply, fc.nat({ max: 9000 }), (reply, lengthBytes) => {
        const data = patternBytes(lengthBytes);
        const frame = decodedReply(encodeReply(reply, [data]));
        expect(frame.reply).to.deep.equal(reply);
        expect(Buffer.compare(frame.data.bytes, data)).to.equal(0);
      }),
      { numRuns: 500 },
    );
  });

  it('every outcome arrives with everything that it carries', () => {
    expect(new Set(sampleOutcomes.map(({ status }) => status)).size).to.equal(
      Object.keys(Status).length,
    );
    for (const outcome of sampleOutcomes) {
      const { reply } = decodedReply(encodeReply({ ...sampleReply, outcome }));
      expect(reply.outcome).to.deep.equal(outcome);
    }
  });

  it('details too long for a header are cut, and the frame is still readable', () => {
    const wordy = plainError(Status.media, 'ü'.repeat(5000));
    const { reply } = decodedReply(encodeReply({ ...sampleReply, outcome: wordy }));
    expect(reply.outcome.detail).to.deep.equal({ what: 'ü'.repeat(512) });
    const links = Array.from({ length: 64 }, (_, index) => `link-${index}-${'x'.repeat(50)}`);
    const outcome = { status: Status.path, detail: { links, alternates: links } } as never;
    const cut = decodedReply(encodeReply({ ...sampleReply, outcome })).reply;
    expect(cut.outcome.detail).to.deep.equal({
      links: links.slice(0, 16),
      alternates: links.slice(0, 16),
    });
  });

  it('the header is msgpack: a list of version, kind and the fields in their order', () => {
    const packr = new Packr({ useRecords: false, int64AsType: 'number' });
    const headerOf = (frame: Uint8Array) =>
      packr.unpack(frame.subarray(6, 6 + (frame[0] ?? 0) + 256 * (frame[1] ?? 0)));
    const request = encodeRequest(sampleRequest, [patternBytes(4096)]);
    expect(headerOf(request)).to.deep.equal([
      wireVersion,
      FrameKind.request,
      ...requestFields.map((field) => sampleRequest[field]),
    ]);
    const flat: Record<string, unknown> = { ...sampleReply, status: Status.ok, detail: null };
    expect(headerOf(encodeReply(sampleReply))).to.deep.equal([
      wireVersion,
      FrameKind.reply,
      ...replyFields.map((field) => flat[field]),
    ]);
  });

  it('a number that no frame can carry is refused by the sender', () => {
    for (const ioNumber of [-1, 1.5, Number.NaN, 2 ** 53]) {
      const request = { ...sampleRequest, operation: Operation.read, ioNumber } as Request;
      expect(() => encodeRequest(request)).to.throw(RangeError, 'whole number');
    }
  });

  it('frames encoded one after the other do not share memory', () => {
    const first = encodeRequest(writeOf(0, patternBytes(512, 1)), [patternBytes(512, 1)]);
    const copy = first.slice();
    for (let count = 0; count < 200; count++)
      encodeRequest(writeOf(0, patternBytes(4096, 2)), [patternBytes(4096, 2)]);
    expect(Buffer.compare(first, copy)).to.equal(0);
  });
});

describe('data of a frame', () => {
  it('may be filled in after the header was written, as a disk does that reads into its answer', () => {
    const offset = unitOf<VolumeOffset>(3 * 4096 + 512);
    const data = patternBytes(10_000);
    const reply = { ...sampleReply, offset };
    const space = encodeReplySpace(reply, data.length);
    space.data.set(data);
    writeChecksums(data, offset, space.checksums, 0);
    expect(Buffer.compare(space.frame, encodeReply(reply, [data]))).to.equal(0);
  });

  const arbitraryData = fc.record({
    sector: fc.nat({ max: 2 ** 24 }),
    lengthBytes: fc.integer({ min: 1, max: 3 * blockBytes }),
    unaligned: fc.nat({ max: 511 }),
  });

  it('is cut into pieces at 4 KiB of the address, one checksum each', () => {
    fc.assert(
      fc.property(arbitraryData, ({ sector, lengthBytes, unaligned }) => {
        const offset = sector * 512 + unaligned;
        const data = patternBytes(lengthBytes);
        const frame = decodedRequest(encodeRequest(writeOf(offset, data), [data]));
        const touched = new Set<number>();
        for (let index = 0; index < lengthBytes; index++)
          touched.add(Math.floor((offset + index) / blockBytes));
        expect(pieceCount(offset, lengthBytes)).to.equal(touched.size);
        expect(frame.data.checksums.byteLength).to.equal(4 * touched.size);
        const firstBytes = Math.min(lengthBytes, blockBytes - (offset % blockBytes));
        expect(frame.data.checksums.getUint32(0, true)).to.equal(
          checksumOf(data.subarray(0, firstBytes)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('may come in several pieces of memory', () => {
    const data = patternBytes(10_000);
    const parts = [data.subarray(0, 1), data.subarray(1, 5000), data.subarray(5000)];
    const frame = encodeRequest(writeOf(512, data), parts);
    expect(Buffer.compare(frame, encodeRequest(writeOf(512, data), [data]))).to.equal(0);
  });

  it('is not intact any more when a single bit of it or of a checksum changed', () => {
    fc.assert(
      fc.property(arbitraryData, fc.nat(), ({ sector, lengthBytes }, where) => {
        const offset = sector * 512;
        const data = patternBytes(lengthBytes);
        const bytes = encodeRequest(writeOf(offset, data), [data]);
        const carried = 4 * pieceCount(offset, lengthBytes) + lengthBytes;
        const at = bytes.length - 1 - (where % carried);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (where % 8));
        expect(isDataIntact(decodedRequest(bytes).data, offset)).to.equal(false);
      }),
      { numRuns: 300 },
    );
  });

  it('is forwarded with the checksums that it came with, damaged or not', () => {
    const data = patternBytes(6000);
    const received = encodeRequest(writeOf(1024, data), [data]);
    received[received.length - 1] = 0xff;
    const { request, data: carried } = decodedRequest(received);
    const forwarded = decodedRequest(encodeForwarded({ ...request, disk: 'd9' as never }, carried));
    expect(Buffer.compare(forwarded.data.bytes, carried.bytes)).to.equal(0);
    expect(isDataIntact(forwarded.data, request.offset)).to.equal(false);
  });

  it('forwarded is a copy: what was received may go', () => {
    const data = patternBytes(4096);
    const received = encodeRequest(writeOf(0, data), [data]);
    const { request, data: carried } = decodedRequest(received);
    const forwarded = encodeForwarded(request, carried);
    received.fill(0);
    expect(isDataIntact(decodedRequest(forwarded).data, 0)).to.equal(true);
  });
});
