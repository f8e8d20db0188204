/** H1 on any layout: what leaves the host needs one disk, or one mirror set in one partition, and fits a frame. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Operation, Status } from '../../../protocols/codes.ts';
import { cutRange } from '../../../protocols/layout/geometry.ts';
import { type Layout, sizeOf } from '../../../protocols/layout/layout.ts';
import { kibibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { randomLayout, randomRange } from '../../protocols/layout/random-layouts.ts';
import { HostWorld, type SentFrame } from './host-world.ts';

const partitionBytes = 8 * kibibyte;
const begin = {
  [Operation.read]: 'read',
  [Operation.write]: 'write',
  [Operation.writeZeroes]: 'writeZeroes',
  [Operation.trim]: 'trim',
} as const;
type Begun = keyof typeof begin;

const asked = randomLayout.chain((layout) =>
  fc.record({
    layout: fc.constant(layout),
    range: randomRange(sizeOf(layout)),
    operation: fc.constantFrom(...(Object.keys(begin).map(Number) as Begun[])),
    frameBlocks: fc.integer({ min: 1, max: 8 }),
    isShared: fc.boolean(),
  }),
);

/** Starts one I/O; gives the frames that leave before any answer, and what the consumer is told. */
function start(world: HostWorld, operation: Begun, offset: number, lengthBytes: number) {
  const told: Status[] = [];
  const done = (status: Status) => told.push(status);
  const at = unitOf<VolumeOffset>(offset);
  const { driver } = world;
  if (operation === Operation.read) driver.read(at, lengthBytes, done);
  else if (operation === Operation.write)
    driver.write(at, [new Uint8Array(lengthBytes)], false, done);
  else driver[begin[operation]](at, lengthBytes, false, done);
  return { told, frames: world.sent() };
}

/** What is wrong with a frame; '' when it is a physical request as H1 asks for. */
function problemOf({ request }: SentFrame, layout: Layout, frameBytesMax: number): string {
  const { operation, offset, lengthBytes, disk } = request;
  const parts = cutRange(layout, { start: offset, lengthBytes });
  const [part] = parts;
  if (part === undefined || parts.length > 1) return `needs ${parts.length} sets of disks`;
  const carriesData = operation === Operation.read || operation === Operation.write;
  if (carriesData && lengthBytes > frameBytesMax) return `is ${lengthBytes} bytes long`;
  const last = offset + lengthBytes - 1;
  if (Math.floor(offset / partitionBytes) !== Math.floor(last / partitionBytes))
    return 'needs two partitions';
  const holds = disk === '' || part.legs.some((leg) => leg.disk === disk);
  return holds ? '' : `goes to ${disk}, which does not hold it`;
}

describe('the optimization driver splits, on any layout (H1)', () => {
  it('into requests of one disk or set that fit a frame, sent in parallel and answered once', () => {
    let splits = 0;
    fc.assert(
      fc.property(asked, ({ layout, range, operation, frameBlocks, isShared }) => {
        const frameBytesMax = frameBlocks * 4 * kibibyte;
        const world = new HostWorld({ mode: isShared ? 'shared' : 'exclusive' });
        world.serve({ layout, frameBytesMax });
        const { told, frames } = start(world, operation, range.start, range.lengthBytes);
        const problems = frames.map((frame) => problemOf(frame, layout, frameBytesMax));
        expect(problems.filter((problem) => problem !== '')).to.deep.equal([]);
        const whole = operation === Operation.trim ? trimmedBytes(range) : range.lengthBytes;
        const sentBytes = frames.reduce((sum, { request }) => sum + request.lengthBytes, 0);
        expect(sentBytes, 'all of it is under way before any answer').to.equal(whole);
        if (frames.length > 0) expect(told).to.be.empty;
        world.answerAll(frames.toReversed());
        world.clock.runFor(0);
        expect(told).to.deep.equal([Status.ok]);
        const { counters } = world.host;
        const parts = frames.length + world.marksSeen;
        expect(counters).to.include({ parts, splits: Number(frames.length > 1) });
        splits += counters.splits;
      }),
      { numRuns: 80 },
    );
    expect(splits).to.be.greaterThan(15);
  }).timeout(20_000);
});

/** Of a trim whole blocks are left. */
function trimmedBytes({ start, lengthBytes }: { start: number; lengthBytes: number }): number {
  const from = Math.ceil(start / 4096) * 4096;
  return Math.max(0, Math.floor((start + lengthBytes) / 4096) * 4096 - from);
}
