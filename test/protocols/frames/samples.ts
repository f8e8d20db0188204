/** Frames for tests: one of each kind with every field set, and arbitrary ones. */
import fc from 'fast-check';
import { Operation, Status } from '../../../protocols/codes.ts';
import {
  fencingNumbers,
  type Outcome,
  plainError,
  type Reply,
  success,
} from '../../../protocols/frames/reply.ts';
import { type Request, rangeBytesMax, routeLengthMax } from '../../../protocols/frames/request.ts';
import { actorKinds } from '../../../protocols/ids.ts';

/** A request with every field set, each differently. */
export const sampleRequest = {
  operation: Operation.write,
  flags: 1,
  volume: 'vol0',
  offset: 5_368_709_632,
  lengthBytes: 4096,
  disk: 'd1',
  diskOffset: 1_073_742_336,
  extentGeneration: 3,
  mirrorSet: 'm0',
  generation: 300,
  controlEpoch: 2,
  attachEpoch: 70_001,
  eventCount: 4,
  partition: 5,
  partitionEpoch: 128,
  ownerIncarnation: 2 ** 47 + 1,
  writeNumber: 2 ** 32,
  lowestUnsettled: 2 ** 32 - 1,
  host: 'h1',
  hostIncarnation: 2 ** 53 - 1,
  ioNumber: 65_536,
  attempt: 1,
  watermark: 65_535,
  regionWrites: 127,
  replyKind: 'hba',
  replyId: 'h1-a',
  replySlot: 256,
  route: ['s1-s2', 's2-d1'],
} as unknown as Request;

/** A reply with every field set, each differently. */
export const sampleReply = {
  operation: Operation.read,
  outcome: success,
  volume: 'vol0',
  offset: 8192,
  lengthBytes: 1024,
  host: 'h1',
  hostIncarnation: 9,
  ioNumber: 10,
  attempt: 11,
  generation: 12,
  partitionEpoch: 13,
  eventCount: 14,
  disk: 'd1',
  diskInstance: 15,
  writeNumber: 16,
} as unknown as Reply;

/** One outcome of each status, with everything that it carries. */
export const sampleOutcomes: readonly Outcome[] = [
  success,
  { status: Status.mirrorRead, detail: { disk: 'd1', alternates: ['d2', 'd3'] } },
  { status: Status.path, detail: { links: ['s1-d1'], alternates: [] } },
  { status: Status.staleGeneration, detail: { generation: 8 } },
  { status: Status.notCoordinator, detail: { partition: 1, coordinator: 's2', epoch: 9 } },
  { status: Status.fenced, detail: { number: 'attachEpoch', current: 17 } },
  { status: Status.notLoaded, detail: { volume: 'vol0' } },
  { status: Status.busy, detail: { retryAfterMs: 20 } },
  plainError(Status.masked, 'not attached'),
  plainError(Status.media, 'checksum'),
  plainError(Status.noSpace, ''),
  plainError(Status.range, 'beyond the end'),
  plainError(Status.invalid, 'zwölf Bytes'),
] as unknown as readonly Outcome[];

const arbitraryCount = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 255, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);
const arbitraryId = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const arbitraryIdOrNone = fc.oneof(fc.constant(''), arbitraryId);
const arbitraryOffset = fc.nat({ max: 2 ** 31 - 1 }).map((sector) => sector * 512);

/** Any valid request, without its data: `lengthBytes` is small enough to add them. */
export const arbitraryRequest: fc.Arbitrary<Request> = fc.record({
  operation: fc.constantFrom(...Object.values(Operation)),
  flags: fc.nat({ max: 7 }),
  volume: arbitraryId,
  offset: arbitraryOffset,
  lengthBytes: fc.nat({ max: 20_000 }),
  disk: arbitraryIdOrNone,
  diskOffset: arbitraryOffset,
  extentGeneration: arbitraryCount,
  mirrorSet: arbitraryIdOrNone,
  generation: arbitraryCount,
  controlEpoch: arbitraryCount,
  attachEpoch: arbitraryCount,
  eventCount: arbitraryCount,
  partition: arbitraryCount,
  partitionEpoch: arbitraryCount,
  ownerIncarnation: arbitraryCount,
  writeNumber: arbitraryCount,
  lowestUnsettled: arbitraryCount,
  host: arbitraryIdOrNone,
  hostIncarnation: arbitraryCount,
  ioNumber: arbitraryCount,
  attempt: arbitraryCount,
  watermark: arbitraryCount,
  regionWrites: arbitraryCount,
  replyKind: fc.constantFrom(...actorKinds),
  replyId: arbitraryId,
  replySlot: arbitraryCount,
  route: fc.array(arbitraryId, { maxLength: routeLengthMax }),
}) as unknown as fc.Arbitrary<Request>;

const arbitraryText = fc.string({ unit: 'grapheme', maxLength: 60 });
const arbitraryOutcome = fc.oneof(
  fc.constantFrom(...sampleOutcomes),
  arbitraryText.map((what) => plainError(Status.invalid, what)),
  fc
    .record({ number: fc.constantFrom(...fencingNumbers), current: arbitraryCount })
    .map((detail) => ({ status: Status.fenced, detail }) as Outcome),
);

/** Any valid reply. */
export const arbitraryReply: fc.Arbitrary<Reply> = fc.record({
  operation: fc.constantFrom(...Object.values(Operation)),
  outcome: arbitraryOutcome,
  volume: arbitraryId,
  offset: arbitraryOffset,
  lengthBytes: fc.nat({ max: rangeBytesMax }),
  host: arbitraryIdOrNone,
  hostIncarnation: arbitraryCount,
  ioNumber: arbitraryCount,
  attempt: arbitraryCount,
  generation: arbitraryCount,
  partitionEpoch: arbitraryCount,
  eventCount: arbitraryCount,
  disk: arbitraryIdOrNone,
  diskInstance: arbitraryCount,
  writeNumber: arbitraryCount,
}) as unknown as fc.Arbitrary<Reply>;

/** Bytes that differ from place to place. */
export function patternBytes(lengthBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  for (let index = 0; index < lengthBytes; index++)
    bytes[index] = (index * 131 + (index >>> 8) * 17 + seed * 59) & 0xff;
  return bytes;
}
