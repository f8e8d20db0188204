/**
 * The wire as one text. It changes only together with its golden file, so that nobody changes it without seeing it.
 * After a wanted change: step `wireVersion`, run this test with SANCTOR_ACCEPT_WIRE_CONTRACT=1, review the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { checksumOf } from '../../../protocols/checksums.ts';
import { Operation, Status, statusName } from '../../../protocols/codes.ts';
import { verbs } from '../../../protocols/commands.ts';
import { eventNames } from '../../../protocols/events.ts';
import {
  encodeReply,
  encodeRequest,
  FrameKind,
  frameBytesMaxDefault,
  wireVersion,
} from '../../../protocols/frames/frame.ts';
import {
  headerBytesMax,
  listLengthMax,
  textLengthMax,
} from '../../../protocols/frames/header-writer.ts';
import { fencingNumbers, replyFields } from '../../../protocols/frames/reply.ts';
import {
  RequestFlag,
  rangeBytesMax,
  requestFields,
  routeLengthMax,
} from '../../../protocols/frames/request.ts';
import {
  digestBytes,
  tagRecordBytes,
  writeDigest,
  writeLostRecord,
  writeTagRecord,
} from '../../../protocols/frames/tag-records.ts';
import { actorKinds, idOf, idPattern } from '../../../protocols/ids.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { blockBytes } from '../../../protocols/units.ts';
import { root } from '../../tidy/sources.ts';
import { patternBytes, sampleOutcomes, sampleReply, sampleRequest } from './samples.ts';

const goldenFile = join(root, 'test', 'protocols', 'wire-contract.txt');

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

function numbered(codes: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(codes).map(([name, code]) => `${String(code).padStart(2)} ${name}`);
}

function listed(names: readonly string[]): readonly string[] {
  return names.map((name, index) => `${String(index).padStart(2)} ${name}`);
}

/** Bytes in hex, 32 a line. */
function dump(bytes: Uint8Array): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 32)
    lines.push(Buffer.from(bytes.subarray(at, at + 32)).toString('hex'));
  return lines;
}

function subjectLines(): readonly string[] {
  const subjects = subjectsOf(idOf('CLUSTER'));
  const actor = { kind: 'disk', id: 'ID' } as const;
  return [
    subjects.io(actor, idOf('LINK')),
    subjects.reply(actor, 7),
    subjects.replies(actor),
    subjects.command(actor, 'VERB'),
    subjects.commands(actor),
    subjects.commandReply(actor, 7),
    subjects.commandReplies(actor),
    subjects.controlData(idOf('VOLUME'), idOf('HOST')),
    subjects.event(actor, 'WHAT'),
    subjects.events(),
    subjects.eventsOf('disk', 'WHAT'),
    subjects.telemetry(actor),
    subjects.telemetries(),
    subjects.telemetriesOf('disk'),
  ];
}

/** What disks say of three blocks: written, never written, and with a tag that is lost. */
function tagSections(): readonly string[] {
  const records = new DataView(new ArrayBuffer(3 * tagRecordBytes));
  writeTagRecord(records, 0, { epoch: 5, writeNumber: 2 ** 40 + 7, checksum: 0x12345678 });
  writeLostRecord(records, 2);
  const bytes = new Uint8Array(records.buffer);
  const digests = new DataView(new ArrayBuffer(2 * digestBytes));
  writeDigest(digests, 0, bytes.subarray(0, 2 * tagRecordBytes));
  writeDigest(digests, 1, bytes);
  return [
    section('tags: written, never written, lost', dump(bytes)),
    section('digests of the first two, and of all', dump(new Uint8Array(digests.buffer))),
  ];
}

function contract(): string {
  const write = encodeRequest({ ...sampleRequest, lengthBytes: 32 }, [patternBytes(32)]);
  return [
    section('wire version', [String(wireVersion)]),
    section('frame kinds', numbered(FrameKind)),
    section('request fields, behind version and kind', listed(requestFields)),
    section('reply fields, behind version and kind', listed(replyFields)),
    section('operations', numbered(Operation)),
    section('request flags', numbered(RequestFlag)),
    section('statuses', numbered(Status)),
    section(
      'details of statuses',
      sampleOutcomes.map(
        ({ status, detail }) => `${statusName(status)}: ${Object.keys(detail ?? {}).join(', ')}`,
      ),
    ),
    section('numbers that fence', fencingNumbers),
    section('kinds of actors', actorKinds),
    section('limits', [
      `id ${idPattern}`,
      `block ${blockBytes}, data of a frame ${frameBytesMaxDefault}, range ${rangeBytesMax}`,
      `header ${headerBytesMax}, text ${textLengthMax}, list ${listLengthMax}, route ${routeLengthMax}`,
      `checksum of "123456789" ${checksumOf(Buffer.from('123456789')).toString(16)}`,
    ]),
    section('subjects', subjectLines()),
    section('verbs', Object.values(verbs)),
    section('events', Object.values(eventNames)),
    section('a write', dump(write)),
    section('a reply with data', dump(encodeReply(sampleReply, [patternBytes(40)]))),
    ...tagSections(),
    ...sampleOutcomes.map((outcome) =>
      section(
        `a reply: ${statusName(outcome.status)}`,
        dump(encodeReply({ ...sampleReply, outcome })),
      ),
    ),
  ].join('\n');
}

describe('the wire contract', () => {
  it('changes only together with its golden file', () => {
    if (process.env.SANCTOR_ACCEPT_WIRE_CONTRACT === '1') writeFileSync(goldenFile, contract());
    expect(contract()).to.equal(readFileSync(goldenFile, 'utf8'));
  });
});
