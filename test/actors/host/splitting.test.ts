import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Outcome } from '../../../protocols/frames/reply.ts';
import { RequestFlag } from '../../../protocols/frames/request.ts';
import { kibibyte, mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { sizeBytes, stripBytes } from './control-data-sample.ts';
import { contentOf, HostWorld } from './host-world.ts';

const at = (offset: number) => unitOf<VolumeOffset>(offset);

interface Ended {
  readonly status: Status;
  readonly bytes: Buffer;
  readonly pieces: readonly Uint8Array[];
}

function reader(world: HostWorld) {
  const ended: Ended[] = [];
  const read = (offset: number, lengthBytes: number) =>
    world.driver.read(at(offset), lengthBytes, (status, pieces) =>
      ended.push({ status, pieces, bytes: Buffer.concat(pieces) }),
    );
  return { ended, read };
}

describe('the optimization driver splits (H1)', () => {
  let world: HostWorld;
  beforeEach(() => {
    world = new HostWorld();
    world.serve();
  });

  it('a read within one strip is one request, to one disk of its set', () => {
    const { ended, read } = reader(world);
    read(4096, 4096);
    const [frame, ...more] = world.sent();
    expect(more).to.be.empty;
    expect(frame?.request).to.include({
      operation: Operation.read,
      volume: 'vol0',
      offset: 4096,
      lengthBytes: 4096,
      mirrorSet: 'm0',
      extentGeneration: 0,
      attachEpoch: 5,
      partitionEpoch: 10,
      ownerIncarnation: 100,
      eventCount: 3,
      replyKind: 'hba',
    });
    expect(frame?.request.disk).to.be.oneOf(['d1', 'd2']);
    world.answerAll(frame === undefined ? [] : [frame]);
    expect(ended).to.have.length(1);
    expect(world.host.counters).to.include({ consumerIos: 1, parts: 1, splits: 0 });
  });

  it('a read over strips goes out in parallel, each part to its own set, and is answered once, in order', () => {
    const { ended, read } = reader(world);
    read(stripBytes - 512, 2 * stripBytes);
    const frames = world.sent();
    expect(frames.map(({ request }) => [request.offset, request.lengthBytes])).to.deep.equal([
      [stripBytes - 512, 512],
      [stripBytes, stripBytes],
      [2 * stripBytes, stripBytes - 512],
    ]);
    expect(frames.map(({ request }) => request.mirrorSet)).to.deep.equal(['m0', 'm1', 'm0']);
    world.answerAll(frames.toReversed());
    expect(ended).to.have.length(1);
    expect(ended[0]?.status).to.equal(Status.ok);
    expect(ended[0]?.bytes.equals(contentOf(stripBytes - 512, 2 * stripBytes))).to.equal(true);
    expect(world.host.counters).to.include({ consumerIos: 1, parts: 3, splits: 1 });
  });

  it('no frame exceeds the limit, and cuts made for it lie on 4 KiB', () => {
    world.serve({ generation: 2, frameBytesMax: 16 * kibibyte });
    const { read } = reader(world);
    read(1536, stripBytes - 1536);
    const frames = world.sent();
    expect(frames.length).to.equal(4);
    for (const { request } of frames.slice(1)) {
      expect(request.offset % 4096).to.equal(0);
      expect(request.lengthBytes).to.be.at.most(16 * kibibyte);
    }
  });

  it('the bytes read are views into what arrived: nothing is copied', () => {
    const { ended, read } = reader(world);
    read(0, 8192);
    let received: ArrayBufferLike | undefined;
    const [frame] = world.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    const bus = world.busOf(frame.hba);
    const deliver = bus.deliver.bind(bus);
    bus.deliver = (subject, data) => {
      received = data.buffer;
      deliver(subject, data);
    };
    world.answerAll([frame]);
    expect(ended[0]?.pieces).to.have.length(1);
    expect(ended[0]?.pieces[0]?.buffer).to.equal(received);
  });

  it('a write goes to the coordinators of its partitions, with the bytes of each part, in the right order', () => {
    const content = contentOf(mebibyte - 4096, 8192);
    const pieces = [
      content.subarray(0, 1000),
      content.subarray(1000, 5000),
      content.subarray(5000),
    ];
    const ended: Status[] = [];
    world.driver.write(at(mebibyte - 4096), pieces, false, (status) => ended.push(status));
    const frames = world.sent();
    expect(frames.map(({ request }) => request.partition)).to.deep.equal([0, 1]);
    expect(frames[0]?.subject).to.contain('.io.switch.s1.');
    expect(frames[1]?.subject).to.contain('.io.switch.s2.');
    expect(frames.map(({ request }) => request.partitionEpoch)).to.deep.equal([10, 11]);
    expect(frames.map(({ request }) => request.ownerIncarnation)).to.deep.equal([100, 101]);
    expect(Buffer.concat(frames.map(({ bytes }) => bytes)).equals(content)).to.equal(true);
    world.answerAll([...frames]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('write-zeroes and trim carry nothing and are not cut at the frame limit, but at legs', () => {
    const ended: Status[] = [];
    world.serve({ generation: 2, frameBytesMax: 8192 });
    world.driver.writeZeroes(at(100), stripBytes - 100, true, (status) => ended.push(status));
    const frames = world.sent();
    expect(frames).to.have.length(1);
    expect(frames[0]?.request).to.include({
      operation: Operation.writeZeroes,
      offset: 100,
      lengthBytes: stripBytes - 100,
      flags: RequestFlag.fua + RequestFlag.preferredPath,
    });
    world.driver.trim(at(100), 3 * 4096, false, (status) => ended.push(status));
    const trims = world.sent();
    expect(trims[0]?.request).to.include({ offset: 4096, lengthBytes: 8192 });
    world.answerAll([...frames, ...trims]);
    expect(ended).to.deep.equal([Status.ok, Status.ok]);
  });

  it('a trim that holds no whole block ends well and sends nothing', () => {
    const ended: Status[] = [];
    world.driver.trim(at(100), 4096, false, (status) => ended.push(status));
    expect(ended).to.deep.equal([]);
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.sent()).to.be.empty;
  });

  it('what lies outside the volume, is empty or too large is refused, after the call has returned', () => {
    const { ended, read } = reader(world);
    read(sizeBytes - 512, 1024);
    read(-512, 512);
    read(0, 0);
    read(0.5, 512);
    read(0, 2 * sizeBytes);
    expect(ended).to.be.empty;
    world.clock.runFor(0);
    const { range } = Status;
    expect(ended.map(({ status }) => status)).to.deep.equal([range, range, range, range, range]);
    expect(world.sent()).to.be.empty;
  });

  it('one request larger than the driver promises to take is refused as invalid', () => {
    const small = new HostWorld({ policy: { ioBytesMax: 8192 } });
    small.serve();
    const { ended, read } = reader(small);
    read(0, 8193);
    small.driver.write(at(0), [new Uint8Array(8193)], false, (status) =>
      ended.push({ status, bytes: Buffer.alloc(0), pieces: [] }),
    );
    small.clock.runFor(0);
    expect(ended.map(({ status }) => status)).to.deep.equal([Status.invalid, Status.invalid]);
  });

  it('one bad part is the whole I/O’s error, told once, after all parts have ended', () => {
    const { ended, read } = reader(world);
    read(0, 2 * stripBytes);
    const [first, second] = world.sent();
    if (first === undefined || second === undefined) throw new Error('two parts were expected');
    const outcome: Outcome = { status: Status.media, detail: { what: 'no copy is in sync' } };
    world.answer(first, { outcome, disk: '' });
    expect(ended).to.be.empty;
    world.answerAll([second]);
    expect(ended).to.have.length(1);
    expect(ended[0]).to.deep.include({ status: Status.media, pieces: [] });
  });

  it('allocation asks one mirror per part and joins what they say', () => {
    const told: unknown[] = [];
    world.driver.allocation(at(0), 2 * stripBytes, (status, stretches) =>
      told.push({ status, stretches }),
    );
    const frames = world.sent();
    expect(frames).to.have.length(2);
    const [first, second] = frames;
    if (first === undefined || second === undefined) throw new Error('two parts were expected');
    world.answer(second, {}, [stretchBytes([[stripBytes, 0]])]);
    world.answer(first, {}, [
      stretchBytes([
        [4096, 1],
        [stripBytes - 4096, 0],
      ]),
    ]);
    expect(told).to.deep.equal([
      {
        status: Status.ok,
        stretches: [
          { lengthBytes: 4096, allocated: true },
          { lengthBytes: 2 * stripBytes - 4096, allocated: false },
        ],
      },
    ]);
  });
});

function stretchBytes(stretches: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = Buffer.alloc(stretches.length * 4);
  for (const [index, [lengthBytes, allocated]] of stretches.entries())
    bytes.writeUInt32LE(lengthBytes * 2 + allocated, index * 4);
  return bytes;
}
