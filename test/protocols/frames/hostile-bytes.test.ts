/** Bytes that are no frames: each is refused quietly, and none disturbs the next good one. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { checksumOf } from '../../../protocols/checksums.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import {
  decodeFrame,
  encodeReply,
  encodeRequest,
  type Frame,
  FrameKind,
  isDataIntact,
  wireVersion,
} from '../../../protocols/frames/frame.ts';
import { plainError } from '../../../protocols/frames/reply.ts';
import { type Request, requestFields } from '../../../protocols/frames/request.ts';
import { isId } from '../../../protocols/ids.ts';
import { patternBytes, sampleOutcomes, sampleReply, sampleRequest } from './samples.ts';

const packr = new Packr({ useRecords: false });

/** A frame with a right checksum around any header. */
function envelope(header: Uint8Array, behind: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(6 + header.length + behind.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, header.length, true);
  view.setUint32(2, checksumOf(header), true);
  bytes.set(header, 6);
  bytes.set(behind, 6 + header.length);
  return bytes;
}

/** What holds for whatever decoding gives: nothing that reached a subject or an address may be malformed. */
function expectSane(frame: Frame | null): void {
  if (frame === null) return;
  if (frame.kind === FrameKind.request) {
    const { request, data } = frame;
    const ids = [request.volume, request.replyId, ...request.route];
    if (!ids.every(isId)) throw new Error(`ids ${ids}`);
    for (const field of ['offset', 'lengthBytes', 'ioNumber', 'writeNumber'] as const)
      if (!Number.isSafeInteger(request[field])) throw new Error(`${field} ${request[field]}`);
    isDataIntact(data, request.offset);
  } else isDataIntact(frame.data, frame.reply.offset);
}

const validFrames = [
  encodeRequest(sampleRequest, [patternBytes(4096)]),
  encodeRequest({ ...sampleRequest, operation: Operation.read }),
  ...sampleOutcomes.map((outcome) => encodeReply({ ...sampleReply, outcome })),
  encodeReply(sampleReply, [patternBytes(700)]),
];

/** The fields of the sample request, some replaced. */
function requestHeader(changes: Record<string, unknown>): Uint8Array {
  // Small numbers: msgpackr would write large ones as fractions.
  const values: Record<string, unknown> = {
    ...sampleRequest,
    operation: Operation.read,
    offset: 512,
    ownerIncarnation: 1,
    hostIncarnation: 2,
    writeNumber: 3,
    ...changes,
  };
  return packr.pack([wireVersion, FrameKind.request, ...requestFields.map((f) => values[f])]);
}

describe('hostile bytes', () => {
  it('20 000 random byte strings are refused without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectSane(decodeFrame(bytes))),
      { numRuns: 10_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (header) =>
        expectSane(decodeFrame(envelope(header))),
      ),
      { numRuns: 10_000 },
    );
  });

  it('20 000 valid frames with changed, cut or added bytes give a sane frame or none', () => {
    const change = fc.record({
      which: fc.nat({ max: validFrames.length - 1 }),
      edits: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      cutTo: fc.oneof(fc.constant(-1), fc.nat({ max: 400 })),
      mended: fc.boolean(),
    });
    fc.assert(
      fc.property(change, ({ which, edits, cutTo, mended }) => {
        const bytes = (validFrames[which] ?? new Uint8Array(0)).slice();
        const headerBytes = (bytes[0] ?? 0) + 256 * (bytes[1] ?? 0);
        // Mostly in the header, where a change that has a right checksum again does the most.
        for (const [at, value] of edits) bytes[6 + (at % headerBytes)] = value;
        const header = bytes.subarray(6, 6 + headerBytes);
        const behind = bytes.subarray(6 + headerBytes);
        const changed = mended ? envelope(header, behind) : bytes;
        expectSane(decodeFrame(cutTo < 0 ? changed : changed.subarray(0, cutTo)));
      }),
      { numRuns: 20_000 },
    );
  });

  it('any msgpack value as a header is refused', () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withMap: true, withSet: true }), (value) => {
        try {
          expectSane(decodeFrame(envelope(packr.pack([wireVersion, FrameKind.request, value]))));
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('a field that is not what it should be is refused', () => {
    expect(decodeFrame(envelope(requestHeader({})))).to.not.equal(null);
    const wrong: readonly Record<string, unknown>[] = [
      { operation: 0 },
      { operation: 99 },
      { volume: '' },
      { volume: 'a.b' },
      { volume: 'a b' },
      { volume: 'x'.repeat(65) },
      { volume: 7 },
      { disk: '>' },
      { replyId: '*' },
      { replyKind: 'printer' },
      { route: ['ok', ''] },
      { route: Array.from({ length: 9 }, () => 'l') },
      { route: 'l' },
      { offset: -1 },
      { offset: 0.5 },
      { offset: 2 ** 53 - 1, lengthBytes: 4096 },
      { diskOffset: 2 ** 53 - 1, lengthBytes: 4096 },
      { lengthBytes: 64 * 1024 * 1024 + 1 },
      { ioNumber: null },
      { ioNumber: '5' },
      { hostIncarnation: 2n ** 60n },
    ];
    for (const changes of wrong)
      expect(
        decodeFrame(envelope(requestHeader(changes))),
        JSON.stringify(Object.keys(changes)),
      ).to.equal(null);
  });

  it('another version, another kind, a field more or less are refused', () => {
    const values = requestFields.map((field) => ({ ...sampleRequest, operation: 1 })[field]);
    const headers = [
      [wireVersion + 1, FrameKind.request, ...values],
      [wireVersion, 3, ...values],
      [wireVersion, FrameKind.request, ...values, 0],
      [wireVersion, FrameKind.request, ...values.slice(1)],
      [wireVersion, FrameKind.reply, ...values],
    ];
    for (const header of headers) expect(decodeFrame(envelope(packr.pack(header)))).to.equal(null);
  });

  it('a detail that does not belong to its status is refused', () => {
    const [header] = [encodeReply({ ...sampleReply, outcome: plainError(Status.media, 'm') })];
    const bytes = (header ?? new Uint8Array(0)).slice();
    const values = packr.unpack(bytes.subarray(6, 6 + (bytes[0] ?? 0)));
    const withOutcome = (status: number, detail: unknown) =>
      decodeFrame(envelope(packr.pack(values.with(3, status).with(4, detail))));
    expect(withOutcome(Status.media, { what: 'm' })).to.not.equal(null);
    expect(withOutcome(Status.busy, { what: 'm' })).to.equal(null);
    expect(withOutcome(Status.ok, { what: 'm' })).to.equal(null);
    expect(withOutcome(Status.media, null)).to.equal(null);
    expect(withOutcome(Status.path, { links: ['a.b'], alternates: [] })).to.equal(null);
    expect(withOutcome(Status.fenced, { number: 'luck', current: 1 })).to.equal(null);
    expect(withOutcome(200, { what: 'm' })).to.equal(null);
  });

  it('a write carries exactly the bytes that it speaks of, and no other request carries any', () => {
    const write = { ...sampleRequest, lengthBytes: 4096 };
    for (const lengthBytes of [0, 4095, 4097])
      expect(decodeFrame(encodeRequest(write, [patternBytes(lengthBytes)]))).to.equal(null);
    const read: Request = { ...sampleRequest, operation: Operation.read };
    expect(decodeFrame(encodeRequest(read, [patternBytes(4096)]))).to.equal(null);
  });

  it('after all that a good frame is still read', () => {
    const frame = decodeFrame(validFrames[0] ?? new Uint8Array(0));
    expect(frame?.kind === FrameKind.request && frame.request).to.deep.equal(sampleRequest);
  });
});
