/** Requests that a host did not split: carried out part after part, ordered and answered as one. */
import { expect } from 'chai';
import { spansOpenMax } from '../../../actors/switch/spans.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { decodeStretches } from '../../../protocols/frames/allocation.ts';
import { isDataIntact } from '../../../protocols/frames/frame.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { kibibyte, mebibyte } from '../../../protocols/units.ts';
import { mediaError } from './fake-disk.ts';
import { loadOf, SwitchWorld, type ToDisk } from './switch-world.ts';

const strip = 64 * kibibyte;
/** The last block of the first strip and the first one of the second: on d1 and d2, then on d3 and d4. */
const overStrips = { offset: strip - 4096, lengthBytes: 8192 };
/** Over the end of the first partition. */
const overPartitions = { offset: mebibyte - 4096, lengthBytes: 8192 };

function serving(changes: Record<string, unknown> = {}): SwitchWorld {
  return new SwitchWorld().serve(changes);
}

const namesOf = (frames: readonly ToDisk[]) =>
  frames.map(({ request }) => `${request.ioNumber} ${request.disk}`);

function spansOf(world: SwitchWorld): number {
  const { counters } = world.switch.facts() as { counters: { serializedSpans: number } };
  return counters.serializedSpans;
}

/** Answers all of these; gives what the switch sends next. */
function next(world: SwitchWorld, frames: readonly ToDisk[]): ToDisk[] {
  for (const frame of frames) world.answer(frame);
  return world.takeToDisks();
}

function whatOf(world: SwitchWorld, changes: Record<string, unknown>): unknown {
  world.write(changes);
  expect(world.takeToDisks(), 'nothing reaches a disk').to.be.empty;
  return world.takeReplies()[0]?.reply.outcome;
}

const shared = () => loadOf().attachments.map((record) => ({ ...record, mode: 'shared' }));

describe('a write that spans several parts', () => {
  it('is carried out part after part, answered once, and counted', () => {
    const world = serving();
    const { ioNumber } = world.write({ ...overStrips, flags: 1, replySlot: 33 });
    const first = world.takeToDisks();
    expect(namesOf(first)).to.deep.equal(['1 d1', '1 d2']);
    const second = next(world, first);
    expect(namesOf(second)).to.deep.equal(['1 d3', '1 d4']);
    expect(second[0]?.request).to.include({
      offset: strip,
      lengthBytes: 4096,
      mirrorSet: 'm1',
      partitionEpoch: 20,
      writeNumber: 1,
      flags: 1,
    });
    expect(world.takeReplies(), 'one part is not the whole').to.be.empty;
    expect(next(world, second)).to.be.empty;
    const [acknowledged, ...more] = world.takeReplies();
    expect(more).to.be.empty;
    expect(acknowledged?.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.33');
    expect(acknowledged?.reply).to.deep.include({
      outcome: { status: Status.ok, detail: null },
      ioNumber,
      offset: strip - 4096,
      lengthBytes: 8192,
    });
    expect(spansOf(world)).to.equal(1);
    world.write({ offset: 0 });
    world.runDisks();
    expect(spansOf(world), 'an ordinary one is none').to.equal(1);
  });

  it('brings each mirror its own bytes with the checksums that came with them', () => {
    const world = serving();
    world.write({ offset: strip - 512, lengthBytes: 4096 + 1024 });
    const first = world.takeToDisks();
    const second = next(world, first);
    for (const { request, data } of [...first, ...second])
      expect(isDataIntact(data, request.offset), `${request.offset}`).to.equal(true);
    expect([first[0]?.data.bytes.length, second[0]?.data.bytes.length]).to.deep.equal([512, 4608]);
    next(world, second);
    expect(world.disk('d2').bytesOf(256 + 15)[4095]).to.equal(1);
    expect(world.disk('d3').bytesOf(256 + 1)[511]).to.equal(1);
    expect(world.disk('d3').bytesOf(256 + 1)[512]).to.equal(0);
  });

  it('holds the blocks of its whole range from its arrival on: nothing comes between its parts', () => {
    const world = serving();
    world.write(overStrips);
    const first = world.takeToDisks();
    world.write({ offset: strip });
    world.write({ offset: 2 * strip });
    expect(namesOf(world.takeToDisks()), 'only what it does not cover').to.deep.equal([
      '3 d1',
      '3 d2',
    ]);
    const second = next(world, first);
    expect(namesOf(second)).to.deep.equal(['1 d3', '1 d4']);
    expect(namesOf(next(world, second))).to.deep.equal(['2 d3', '2 d4']);
  });

  it('begins nothing before all of its range is free', () => {
    const world = serving();
    world.write({ offset: strip });
    const before = world.takeToDisks();
    world.write(overStrips);
    expect(world.takeToDisks()).to.be.empty;
    expect(namesOf(next(world, before))).to.deep.equal(['2 d1', '2 d2']);
  });

  it('over partitions of one switch is numbered in each, under each one’s epoch', () => {
    const world = serving();
    world.write({ offset: mebibyte + 8192 });
    world.runDisks();
    world.write(overPartitions);
    const first = world.takeToDisks();
    const second = next(world, first);
    const numbersOf = ({ request }: ToDisk) => [
      request.partition,
      request.partitionEpoch,
      request.writeNumber,
    ];
    expect(first.map(numbersOf)).to.deep.equal([
      [0, 20, 1],
      [0, 20, 1],
    ]);
    expect(second.map(numbersOf)).to.deep.equal([
      [1, 21, 2],
      [1, 21, 2],
    ]);
    next(world, second);
    expect(world.takeReplies()).to.have.length(1);
    world.write({ offset: mebibyte });
    expect(world.takeToDisks()[0]?.request).to.include({ writeNumber: 3, lowestUnsettled: 3 });
  });

  it('is carried out once however often it comes, and told again what became of it', () => {
    const world = serving();
    const write = world.write({ ...overStrips, replySlot: 1 });
    const first = world.takeToDisks();
    world.arrive({ ...write, attempt: 1, replySlot: 2 });
    const second = next(world, first);
    expect(second).to.have.length(2);
    next(world, second);
    world.arrive({ ...write, attempt: 2, replySlot: 3 });
    expect(world.takeToDisks()).to.be.empty;
    const told = world.takeReplies();
    expect(told.map(({ sent, reply }) => [sent.subject.slice(-1), reply.attempt])).to.deep.equal([
      ['2', 1],
      ['3', 2],
    ]);
    expect(spansOf(world)).to.equal(1);
  });

  it('of zeros and of trim may be longer than a frame; of data it may not', () => {
    const world = serving();
    world.write({ operation: Operation.writeZeroes, offset: 0, lengthBytes: mebibyte });
    expect(world.runDisks()).to.have.length(1);
    world.write({ operation: Operation.trim, offset: 0, lengthBytes: 2 * mebibyte });
    expect(world.runDisks()).to.have.length(1);
    expect(whatOf(world, { offset: 0, lengthBytes: 257 * kibibyte })).to.deep.equal({
      status: Status.invalid,
      detail: { what: '263168 bytes are more than the 262144 of one frame; split them' },
    });
  });

  it('that a mirror missed is not acknowledged, keeps its blocks, and is reported', () => {
    const world = serving();
    world.disk('d4').outcome = () => mediaError;
    world.write(overStrips);
    expect(world.runDisks()).to.be.empty;
    world.disk('d4').outcome = null;
    world.clock.runFor(10_000);
    expect(world.runDisks()).to.be.empty;
    const trouble = world.control.sent.filter(({ subject }) => subject.endsWith('.trouble'));
    expect(trouble).to.not.be.empty;
  });

  it('ends with the epoch of any of its partitions, and stands in nobody’s way afterwards', () => {
    const world = serving();
    const write = world.write(overPartitions);
    const first = world.takeToDisks();
    world.write({ offset: mebibyte - 4096 });
    world.write({ offset: mebibyte });
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, epoch: 31 } : record,
    );
    world.command('load', loadOf({ generation: 11, partitions }));
    const sent = world.takeToDisks().filter(({ request }) => request.host === 'h1');
    expect(namesOf(sent), 'partition 0 goes on with the next one').to.deep.equal(['2 d3', '2 d4']);
    expect(next(world, first).filter(({ request }) => request.host === 'h1')).to.be.empty;
    for (const frame of sent) world.answer(frame);
    world.clock.runFor(200);
    world.runDisks();
    expect(world.settled(11)).to.include({ settled: true });
    world.arrive({ ...write, generation: 11, attempt: 1 } as Request);
    expect(namesOf(world.takeToDisks()), 'its host may ask again').to.deep.equal(['1 d3', '1 d4']);
  });
});

describe('a read that spans several parts', () => {
  const read = { operation: Operation.read, ...overStrips };

  it('is gathered by the switch, part after part, and answered once with its checksums', () => {
    const world = serving();
    world.write({ offset: strip - 4096 });
    world.write({ offset: strip });
    world.runDisks();
    world.write({ ...read, offset: strip - 512, lengthBytes: 1024, disk: 'd2', replySlot: 8 });
    const first = world.takeToDisks();
    expect(namesOf(first)).to.deep.equal(['3 d1']);
    expect(first[0]?.request).to.include({ replyKind: 'switch', replyId: 's1' });
    const second = next(world, first);
    expect(namesOf(second)).to.deep.equal(['3 d3']);
    expect(next(world, second)).to.be.empty;
    const [answer, ...more] = world.takeReplies();
    expect(more).to.be.empty;
    expect(answer?.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.8');
    expect(answer?.reply).to.include({ offset: strip - 512, lengthBytes: 1024, disk: '' });
    expect(answer && isDataIntact(answer.data, strip - 512)).to.equal(true);
    expect(answer?.data.bytes).to.deep.equal(
      Buffer.concat([Buffer.alloc(512, 1), Buffer.alloc(512, 2)]),
    );
    expect(spansOf(world)).to.equal(1);
  });

  it('reads another mirror of a part that one cannot give, and ends with an error when none can', () => {
    const world = serving();
    world.write({ offset: strip });
    world.runDisks();
    world.disk('d3').outcome = () => mediaError;
    world.write(read);
    const [answer] = world.runDisks();
    expect(answer?.reply.outcome.status).to.equal(Status.ok);
    expect(answer?.data.bytes[4096], 'of the other mirror').to.equal(1);
    world.disk('d4').outcome = () => mediaError;
    world.write(read);
    expect(world.runDisks().map(({ reply }) => reply.outcome)).to.deep.equal([mediaError]);
  });

  it('is asked for again where an answer arrives damaged', () => {
    const world = serving();
    world.write(read);
    const [first] = world.takeToDisks();
    if (first === undefined) throw new Error('nothing was sent');
    const damaged = world.disk('d1').answer(first.request, first.data);
    damaged[damaged.length - 1] = 7;
    world.reply(first.request, damaged);
    expect(world.takeToDisks(), 'damaged bytes are no answer').to.be.empty;
    world.clock.runFor(45);
    expect(world.runDisks()).to.have.length(1);
  });

  it('of a shared volume is ordered among the writes: behind the earlier, before the later', () => {
    const world = serving({ attachments: shared() });
    world.write({ offset: strip });
    const before = world.takeToDisks();
    world.write(read);
    world.write({ offset: strip });
    expect(world.takeToDisks()).to.be.empty;
    const first = next(world, before);
    expect(namesOf(first)).to.deep.equal(['2 d1']);
    const second = next(world, first);
    expect(namesOf(second)).to.deep.equal(['2 d3']);
    expect(namesOf(next(world, second))).to.deep.equal(['3 d3', '3 d4']);
    expect(world.takeReplies().at(-1)?.data.bytes[4096]).to.equal(1);
  });

  it('waits for no disk for ever: its host learns that there is no way', () => {
    const world = serving();
    world.write(read);
    world.takeToDisks();
    world.clock.runFor(6000);
    const outcomes = world.takeReplies().map(({ reply }) => reply.outcome.status);
    expect(outcomes).to.deep.equal([Status.path]);
  });

  it('of a volume that is loaded anew is forgotten: others may be attached now', () => {
    const world = serving();
    world.write(read);
    const first = world.takeToDisks();
    world.command('load', loadOf({ generation: 11 }));
    expect(next(world, first)).to.be.empty;
    expect(world.takeReplies()).to.be.empty;
  });

  it('may ask for allocation: the stretches of all parts, in order', () => {
    const world = serving();
    world.write({ offset: strip });
    world.runDisks();
    world.write({ ...read, operation: Operation.allocation });
    const [answer] = world.runDisks();
    expect(decodeStretches(answer?.data.bytes ?? Buffer.alloc(0), 8192)).to.deep.equal([
      { lengthBytes: 4096, allocated: false },
      { lengthBytes: 4096, allocated: true },
    ]);
  });
});

describe('a request that spans several parts is refused', () => {
  it('by a switch whose limits say so', () => {
    const limits = {
      layoutMemoryBytes: mebibyte,
      mirrorsMax: 4,
      serializesSpans: false,
      namesAlternates: true,
      cacheBytes: 0,
    };
    const world = new SwitchWorld({ limits }).serve();
    const what =
      'switch s1 serializes no request that spans several disks or partitions ' +
      '(limits.serializesSpans); split it';
    for (const operation of [Operation.write, Operation.read, Operation.trim])
      expect(whatOf(world, { ...overStrips, operation })).to.deep.equal({
        status: Status.invalid,
        detail: { what },
      });
    expect(spansOf(world)).to.equal(0);
  });

  it('when no one switch can order it: its partitions have different coordinators', () => {
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, coordinator: 's2' } : record,
    );
    const world = serving({ partitions });
    const what =
      'switch s1 coordinates partition 0 but not 1, which s2 does: no one switch can order the ' +
      'range; split it where partitions end';
    expect(whatOf(world, overPartitions)).to.deep.equal({
      status: Status.invalid,
      detail: { what },
    });
    world.write({ ...overPartitions, operation: Operation.read });
    expect(world.runDisks()[0]?.reply.outcome.status, 'reads need no order').to.equal(Status.ok);
  });

  it('when it names another partition than it begins in', () => {
    const changes = { ...overPartitions, partition: 1, partitionEpoch: 21 };
    expect(whatOf(serving(), changes)).to.deep.equal({
      status: Status.invalid,
      detail: { what: 'the range begins in partition 0, not in 1' },
    });
  });

  it('with busy while one of its partitions is not settled', () => {
    const world = serving();
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, epoch: 31 } : record,
    );
    world.command('load', loadOf({ generation: 11, partitions }));
    world.takeToDisks();
    expect(whatOf(world, { ...overPartitions, generation: 11 })).to.include({
      status: Status.busy,
    });
  });

  it('with busy when too many are open, and taken again when one has ended', () => {
    const world = serving();
    for (let count = 0; count < spansOpenMax; count++) world.write(overStrips);
    const first = world.takeToDisks();
    expect(whatOf(world, overStrips)).to.include({ status: Status.busy });
    const second = next(world, first);
    for (const frame of second) world.answer(frame);
    world.write(overStrips);
    const replies = world.runDisks();
    expect(replies.map(({ reply }) => reply.outcome.status)).to.deep.equal(
      new Array(spansOpenMax + 1).fill(Status.ok),
    );
  });
});
