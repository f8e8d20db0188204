import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { operationName, statusName } from '../../../protocols/codes.ts';
import {
  decodeFrame,
  encodeReply,
  encodeRequest,
  type Frame,
} from '../../../protocols/frames/frame.ts';
import { frameJson, frameText } from '../../../protocols/frames/frame-text.ts';
import { plainError } from '../../../protocols/frames/reply.ts';
import { root } from '../../tidy/sources.ts';
import {
  arbitraryReply,
  arbitraryRequest,
  patternBytes,
  sampleOutcomes,
  sampleReply,
  sampleRequest,
} from './samples.ts';

function frameOf(bytes: Uint8Array): Frame {
  const frame = decodeFrame(bytes);
  if (frame === null) throw new Error('the sample is no frame');
  return frame;
}

/** Fields of a frame as the wire contract lists them. */
function contractFields(kind: string): readonly string[] {
  const contract = readFileSync(join(root, 'test', 'protocols', 'wire-contract.txt'), 'utf8');
  const [, section = ''] = contract.split(`${kind} fields, behind version and kind\n`);
  const [lines = ''] = section.split('\n\n');
  return lines.split('\n').map((line) => line.trim().split(' ')[1] ?? '');
}

const write = encodeRequest(sampleRequest, [patternBytes(4096)]);
const read = encodeReply(sampleReply, [patternBytes(1024)]);

describe('a frame as text', () => {
  it('of a request tells every field of the wire contract', () => {
    const text = frameText(frameOf(write));
    const { operation, flags, route, ...others } = sampleRequest;
    const words = text.split(/ +/);
    for (const [field, value] of Object.entries(others))
      expect(words, field).to.include(String(value));
    expect(words).to.include.members([operationName(operation), 'fua', ...route]);
    expect(flags).to.equal(1);
    expect(text).to.match(/^request {2}write {2}vol0 {2}at 5368709632 {2}length 4096 {2}fua/);
    expect(text).to.match(/data 4096 bytes, checksums good$/);
  });

  it('of a reply tells every field of the wire contract', () => {
    const text = frameText(frameOf(read));
    const { operation, outcome, ...others } = sampleReply;
    const words = text.split(/ +/);
    for (const [field, value] of Object.entries(others))
      expect(words, field).to.include(String(value));
    expect(words).to.include.members([operationName(operation), statusName(outcome.status)]);
    expect(text).to.match(/^reply {2}read {2}vol0 {2}at 8192 {2}length 1024 {2}ok/);
  });

  it('tells of each error what it carries', () => {
    for (const outcome of sampleOutcomes) {
      const text = frameText(frameOf(encodeReply({ ...sampleReply, outcome })));
      expect(text).to.contain(`  ${statusName(outcome.status)}  `);
      for (const value of Object.values(outcome.detail ?? {}).flat())
        expect(text, statusName(outcome.status)).to.contain(String(value));
    }
  });

  it('says which piece of its data does not match its checksum', () => {
    const bytes = encodeRequest({ ...sampleRequest, lengthBytes: 12288 }, [patternBytes(12288)]);
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    const frame = frameOf(bytes);
    expect(frameText(frame)).to.match(/data 12288 bytes, CHECKSUM WRONG of piece 3$/);
    expect(frameJson(frame).data).to.deep.equal({ lengthBytes: 12288, badPiece: 3 });
  });

  it('of any valid frame there is one', () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryRequest, arbitraryReply), (header) => {
        const data = 'route' in header && operationName(header.operation) === 'write';
        const bytes =
          'route' in header
            ? encodeRequest(header, data ? [patternBytes(header.lengthBytes)] : [])
            : encodeReply(header);
        expect(frameText(frameOf(bytes))).to.match(/^(request|reply) {2}\w+/);
        JSON.stringify(frameJson(frameOf(bytes)));
      }),
    );
  });
});

describe('a frame as JSON', () => {
  it('has every field of the wire contract by its name there, and how its data is', () => {
    const request = frameJson(frameOf(write));
    expect(Object.keys(request)).to.have.members(['frame', 'data', ...contractFields('request')]);
    expect(request).to.deep.include({
      ...sampleRequest,
      frame: 'request',
      operation: 'write',
      flags: ['fua'],
      data: { lengthBytes: 4096, badPiece: null },
    });
    const reply = frameJson(frameOf(read));
    expect(Object.keys(reply)).to.have.members(['frame', 'data', ...contractFields('reply')]);
    expect(reply).to.include({ frame: 'reply', operation: 'read', status: 'ok', detail: null });
  });

  it('names flags that this version does not know by their number', () => {
    const frame = frameOf(encodeRequest({ ...sampleRequest, flags: 65 }, [patternBytes(4096)]));
    expect(frameJson(frame).flags).to.deep.equal(['fua', 'flags 64']);
  });

  it('names an error and what it carries', () => {
    const outcome = plainError(11, 'beyond the end');
    const frame = frameOf(encodeReply({ ...sampleReply, outcome }));
    expect(frameJson(frame)).to.deep.include({
      status: 'range',
      detail: { what: 'beyond the end' },
    });
  });
});
