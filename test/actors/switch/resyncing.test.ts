/** A mirror that is being made equal: it gets every write, nobody reads it, and it says nothing of what is right. */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { MirrorState } from '../../../protocols/control-data.ts';
import type { Outcome } from '../../../protocols/frames/reply.ts';
import { blockBytes, kibibyte, mebibyte } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { mediaError } from './fake-disk.ts';
import { block, firstBlock, mirrorSetsWith, old, ResyncingWorld } from './resyncing-world.ts';
import { loadOf } from './switch-world.ts';

const part = { offset: 512, lengthBytes: 1024 };
const full: Outcome = { status: Status.noSpace, detail: { what: 'full' } };

function serving(changes: Record<string, unknown> = {}): ResyncingWorld {
  return new ResyncingWorld().settle(changes).run();
}

function statusesOf(replies: ReturnType<ResyncingWorld['runDisks']>): readonly Status[] {
  return replies.map(({ reply }) => reply.outcome.status);
}

describe('a mirror that is resyncing', () => {
  for (const operation of ['write', 'writeZeroes', 'trim'] as const)
    it(`gets every ${operation}, which is acknowledged only when it has that, too`, () => {
      const world = serving();
      world.write({ offset: 0, operation: Operation[operation] });
      const legs = world.takeToDisks();
      expect(legs.map(({ request }) => request.disk)).to.deep.equal(['d1', 'd2']);
      const [toFirst, toSecond] = legs;
      if (toFirst !== undefined) world.answer(toFirst);
      expect(world.takeReplies()).to.be.empty;
      if (toSecond !== undefined) world.answer(toSecond);
      expect(statusesOf(world.takeReplies())).to.deep.equal([Status.ok]);
    });

  it('gets its share of a write that spans several parts', () => {
    const world = serving();
    world.write({ offset: 60 * kibibyte, lengthBytes: 8 * kibibyte });
    expect(statusesOf(world.runDisks())).to.deep.equal([Status.ok]);
    expect(world.asked('d2', Operation.write)).to.have.length(1);
  });

  it('is read by nobody, not even by who names it', () => {
    const world = serving();
    for (let count = 0; count < 8; count++) world.write({ operation: Operation.read });
    expect(statusesOf(world.runDisks()), 'answered by disks').to.be.empty;
    expect(world.asked('d1', Operation.read)).to.have.length(8);
    world.write({ operation: Operation.read, disk: 'd2' });
    expect(statusesOf(world.runDisks())).to.deep.equal([Status.invalid]);
    expect(world.asked('d2', Operation.read)).to.be.empty;
  });

  it('is not named to who could not read the one in sync', () => {
    const world = serving();
    world.write({ operation: Operation.read });
    const [toFirst] = world.takeToDisks();
    if (toFirst !== undefined) world.refuse(toFirst, mediaError);
    expect(statusesOf(world.takeReplies()), 'and no mirror-read').to.deep.equal([Status.media]);
  });

  it('is neither source nor delay when mirrors settle', () => {
    const world = new ResyncingWorld();
    world.disk('d1').put(firstBlock, block(1), { epoch: 4, writeNumber: 1 });
    world.disk('d2').put(firstBlock, block(2), { epoch: 9, writeNumber: 9 });
    world.settle();
    const asked = world.takeToDisks();
    expect(asked.map(({ request }) => request.disk)).to.deep.equal(['d3', 'd4']);
    for (const frame of asked) world.answer(frame);
    expect(world.settled()).to.include({ settled: true });
    expect(world.disk('d1').bytesOf(firstBlock)[0]).to.equal(1);
  });

  it('alone is no mirror to write to: that is trouble', () => {
    const disks = loadOf().disks.filter(({ disk }) => disk !== 'd1');
    const world = serving({ disks, mirrorSets: mirrorSetsWith('stale', 'resyncing') });
    const before = world.asked('d2', Operation.write).length;
    world.write({ offset: 0 });
    expect(world.runDisks()).to.be.empty;
    expect(world.asked('d2', Operation.write)).to.have.length(before);
    expect(world.troubles()[0]?.what).to.match(/no mirror of a range is in sync/);
  });

  it('that does not answer is trouble, and called silent', () => {
    const world = serving();
    world.write({ offset: 0 });
    const [toFirst] = world.takeToDisks();
    if (toFirst !== undefined) world.answer(toFirst);
    world.clock.runFor(5100);
    expect(world.takeReplies()).to.be.empty;
    expect(world.troubles()[0]).to.deep.include({ silentDisks: ['d2'], failedDisks: [] });
  });

  it('that cannot store what is written is trouble, and named', () => {
    const world = serving();
    world.disk('d2').outcome = () => full;
    world.write({ offset: 0 });
    expect(world.runDisks()).to.be.empty;
    expect(world.troubles()[0]).to.deep.include({ silentDisks: [], failedDisks: ['d2'] });
  });
});

describe('a mirror that is stale', () => {
  const withoutSecond = loadOf().disks.filter(({ disk }) => disk !== 'd2');

  it('is not written to, and its disk need be no member', () => {
    const mirrorSets = mirrorSetsWith('in-sync', 'stale');
    const world = serving({ disks: withoutSecond, mirrorSets });
    world.write({ offset: 0 });
    expect(statusesOf(world.runDisks())).to.deep.equal([Status.ok]);
    expect(world.disk('d2').requests).to.be.empty;
    expect(world.resync()).to.include({ isDone: true, totalBytes: 0 });
  });

  it('becomes resyncing only with its disk as a member', () => {
    const mirrorSets = mirrorSetsWith('in-sync', 'resyncing');
    const answer = new ResyncingWorld().command(
      'load',
      loadOf({ disks: withoutSecond, mirrorSets }),
    );
    expect(answer).to.include({ ok: false, reason: 'invalid' });
  });

  it('takes with it what is mirrored within it, whatever that is called', () => {
    const [mirror] = (loadOf().layout as { children: readonly object[] }).children;
    const extent = { start: 4 * mebibyte, lengthBytes: 2 * mebibyte, generation: 5 };
    const other = { kind: 'extent', extent: 'd3-n', disk: 'd3', ...extent };
    const layout = { kind: 'mirror', set: 'top', children: [mirror, other] };
    const sets = (outer: readonly MirrorState[], inner: readonly MirrorState[]) => [
      mirrorSetOf('top', 2, outer),
      mirrorSetOf('m0', 2, inner),
    ];
    const writtenTo = (mirrorSets: object) => {
      const world = serving({ layout, sizeBytes: 2 * mebibyte, mirrorSets });
      world.write({ offset: 0 });
      return world.takeToDisks().map(({ request }) => request.disk);
    };
    const bothIn: readonly MirrorState[] = ['in-sync', 'in-sync'];
    expect(writtenTo(sets(bothIn, ['in-sync', 'resyncing']))).to.deep.equal(['d1', 'd2', 'd3']);
    expect(writtenTo(sets(bothIn, ['in-sync', 'stale']))).to.deep.equal(['d1', 'd3']);
    expect(writtenTo(sets(['stale', 'in-sync'], ['resyncing', 'in-sync']))).to.deep.equal(['d3']);
    expect(writtenTo(sets(['resyncing', 'in-sync'], bothIn))).to.deep.equal(['d1', 'd2', 'd3']);
  });
});

describe('when partitions are taken over while a mirror is resyncing', () => {
  it('no disk is asked what was done that has no mirror in sync', () => {
    const attachments = loadOf().attachments.map((each) => ({ ...each, attachEpoch: 40 }));
    const world = new ResyncingWorld().settle({ attachments, compared: 'unfinished' });
    const write = { ioNumber: 6, offset: 0, lengthBytes: blockBytes, fua: false };
    const [question] = world.control.sent.filter(({ subject }) => subject.endsWith('.unfinished'));
    const answer = encodeJson({ ok: true, watermark: 5, writes: [write] });
    world.control.deliver(question?.replySubject ?? '', answer);
    const asked = world.control.sent.filter(({ subject }) => subject.endsWith('.remembered'));
    const disks = asked.map(({ subject }) => subject.split('.').at(-2));
    expect(disks).to.deep.equal(['d1', 'd3', 'd4']);
  });

  // d2 had done it while it was resyncing, and was copied over with what d1 had instead (seed 161 on two-tier).
  it('a disk is not asked for what it did before its mirror was in sync', () => {
    const attachments = loadOf().attachments.map((each) => ({ ...each, attachEpoch: 40 }));
    const mirrorSets = loadOf().mirrorSets.map((each) => ({ ...each, epochsSince: [0, 30] }));
    const world = new ResyncingWorld();
    world.settle({ attachments, mirrorSets, compared: 'unfinished' });
    const write = { ioNumber: 6, offset: 0, lengthBytes: blockBytes, fua: false };
    const [question] = world.control.sent.filter(({ subject }) => subject.endsWith('.unfinished'));
    const answer = encodeJson({ ok: true, watermark: 5, writes: [write] });
    world.control.deliver(question?.replySubject ?? '', answer);
    const asked = world.control.sent.filter(({ subject }) => subject.endsWith('.remembered'));
    const epochs = asked.map(({ subject, data }) => {
      const { hosts } = decodeJson(data) as { hosts: { epochsMin: number[] }[] };
      return `${subject.split('.').at(-2)} ${hosts[0]?.epochsMin}`;
    });
    expect(epochs.slice(0, 2)).to.deep.equal(['d1 0', 'd2 30']);
  });

  it('a disk says what was done only of what lies on a mirror in sync', () => {
    const world = new ResyncingWorld();
    // d2 has a mirror of either set: of m0 it is resyncing, of m1 it is in sync.
    const extent = { kind: 'extent', start: mebibyte, lengthBytes: 2 * mebibyte, generation: 5 };
    const at = (disk: string, name: string, changes = {}) => ({
      ...{ ...extent, disk, extent: name },
      ...changes,
    });
    const second = at('d2', 'd2-f', { start: 8 * mebibyte });
    const children = [
      { kind: 'mirror', set: 'm0', children: [at('d1', 'd1-e'), at('d2', 'd2-e')] },
      { kind: 'mirror', set: 'm1', children: [at('d3', 'd3-e'), second] },
    ];
    const attachments = loadOf().attachments.map((each) => ({ ...each, attachEpoch: 40 }));
    const layout = { kind: 'stripe', stripBytes: 64 * kibibyte, children };
    const disks = loadOf().disks.filter(({ disk }) => disk !== 'd4');
    world.settle({ attachments, layout, disks, compared: 'unfinished' });
    const answer = (verb: string, bodyOf: (actor: string | undefined) => object) => {
      const asked = world.control.sent.filter(({ subject }) => subject.endsWith(`.${verb}`));
      world.control.sent = [];
      const actors = asked.map(({ subject }) => subject.split('.').at(-2));
      for (const [index, { replySubject }] of asked.entries())
        world.control.deliver(replySubject, encodeJson(bodyOf(actors[index])));
      return actors;
    };
    const write = (ioNumber: number, offset: number) => {
      return { ioNumber, offset, lengthBytes: blockBytes, fua: false };
    };
    const writes = [write(6, 0), write(7, 64 * kibibyte)];
    answer('unfinished', () => ({ ok: true, watermark: 5, writes }));
    const asked = answer('remembered', (disk) => {
      return { ok: true, instance: 1, done: [disk === 'd2' ? [6, 7] : []] };
    });
    expect(asked).to.deep.equal(['d1', 'd2', 'd3']);
    world.run();
    const again = (ioNumber: number, offset: number) => {
      world.write({ ioNumber, offset, attachEpoch: 40, attempt: 1 });
      return world.takeToDisks().map(({ request }) => request.disk);
    };
    expect(again(6, 0), 'done where it does not count').to.deep.equal(['d1', 'd2']);
    expect(again(7, 64 * kibibyte), 'done').to.be.empty;
  });
});

describe('a repair while a mirror is resyncing', () => {
  it('mends the old block that a write meets there, from a mirror in sync, however new its own was', () => {
    const world = serving();
    world.disk('d1').put(firstBlock, block(1), { epoch: 4, writeNumber: 1 });
    world.disk('d2').put(firstBlock, block(2), { epoch: 9, writeNumber: 9 });
    world.disk('d2').bad.add(firstBlock);
    const { ioNumber } = world.write(part);
    const answered = [...world.runDisks()];
    world.clock.runFor(25);
    answered.push(...world.runDisks());
    expect(statusesOf(answered)).to.deep.equal([Status.ok]);
    const expected = block(1).fill(ioNumber, 512, 1536);
    for (const disk of ['d1', 'd2'])
      expect(world.disk(disk).bytesOf(firstBlock), disk).to.deep.equal(expected);
    expect(world.disk('d2').bad).to.be.empty;
    expect(world.troubles()).to.be.empty;
  });

  it('of the one in sync is not made from what is resyncing: a write that meets it fails, and nothing else', () => {
    const world = new ResyncingWorld();
    world.disk('d1').put(firstBlock + 300, block(1), old);
    world.disk('d1').bad.add(firstBlock + 300);
    world.settle().run();
    expect(world.resync(), 'for what cannot be read').to.include({ isDone: false });
    world.disk('d1').put(firstBlock, block(1), { epoch: 4, writeNumber: 1 });
    world.disk('d2').put(firstBlock, block(2), { epoch: 9, writeNumber: 9 });
    world.disk('d1').bad.add(firstBlock);
    world.write(part);
    expect(statusesOf(world.runDisks())).to.deep.equal([Status.media]);
    expect(world.troubles()).to.be.empty;
    expect(world.disk('d1').bytesOf(firstBlock)).to.deep.equal(block(1));
  });

  it('is compared once more where a write failed that it could carry out', () => {
    const world = new ResyncingWorld({ resyncBytesPerSecond: 2 * blockBytes });
    for (let at = 0; at < 8; at++) world.disk('d1').put(firstBlock + at * 16, block(7), old);
    expect(world.settle().run(100).resync().remainingBytes).to.be.above(0);
    world.disk('d2').put(firstBlock + 1, block(9), { epoch: 20, writeNumber: 1 });
    world.disk('d1').put(firstBlock + 1, block(9), { epoch: 20, writeNumber: 1 });
    world.disk('d1').bad.add(firstBlock + 1);
    world.write({ offset: blockBytes + 512, lengthBytes: 512 });
    expect(statusesOf(world.runDisks())).to.include(Status.media);
    expect(world.troubles()).to.be.empty;
    const dead = world.disk('d2').tagOf(firstBlock + 1);
    expect(dead, 'it has the write').to.not.deep.equal(world.disk('d1').tagOf(firstBlock + 1));
    world.run(20_000);
    expect(world.resync()).to.include({ isDone: false });
    expect(world.resync().problem).to.match(/offset 4096 can be read on no mirror/);
    world.disk('d1').bad.clear();
    world.run(20_000);
    expect(world.resync()).to.include({ isDone: true, problem: '' });
    for (const disk of ['d1', 'd2'])
      expect(world.disk(disk).bytesOf(firstBlock + 1), disk).to.deep.equal(block(9));
  });

  it('is not done by a flush that was under way when it had to be compared once more', () => {
    const world = new ResyncingWorld();
    for (const disk of ['d1', 'd2']) world.disk(disk).put(firstBlock, block(7), old);
    world.settle();
    const held: ReturnType<ResyncingWorld['takeToDisks']>[number][] = [];
    const runHeld = () => {
      for (let round = 0; round < 30; round++) {
        for (const frame of world.takeToDisks())
          if (frame.request.operation === Operation.flush) held.push(frame);
          else world.answer(frame);
        world.clock.runFor(1);
      }
    };
    runHeld();
    const [flush] = held;
    if (flush === undefined) throw new Error('no flush');
    world.disk('d1').bad.add(firstBlock);
    world.write(part);
    runHeld();
    expect(statusesOf(world.takeReplies())).to.deep.equal([Status.media]);
    world.answer(flush);
    expect(world.resync()).to.include({ isDone: false });
    world.write({ offset: 0 });
    world.run(10_000);
    expect(world.resync()).to.include({ isDone: true, problem: '' });
    expect(world.asked('d2', Operation.flush)).to.have.length(2);
  });

  it('makes a write that it could carry out alone trouble, once it was called equal: its host hears nothing', () => {
    const world = serving();
    const tag = { epoch: 4, writeNumber: 3 };
    for (const disk of ['d1', 'd2']) world.disk(disk).put(firstBlock, block(7), tag);
    expect(world.resync()).to.include({ isDone: true });
    world.disk('d1').bad.add(firstBlock);
    world.write(part);
    expect(world.runDisks()).to.be.empty;
    expect(world.troubles()[0]).to.deep.include({ failedDisks: [], silentDisks: [] });
    expect(world.troubles()[0]?.what).to.match(/is on one that was called equal/);
  });

  it('that a host asks for writes to all, and takes what is in sync for right', () => {
    const world = serving();
    world.disk('d1').put(firstBlock, block(1), { epoch: 4, writeNumber: 1 });
    world.disk('d2').put(firstBlock, block(2), { epoch: 9, writeNumber: 9 });
    world.write({ operation: Operation.repair });
    expect(statusesOf(world.runDisks())).to.deep.equal([Status.ok]);
    for (const disk of ['d1', 'd2'])
      expect(world.disk(disk).bytesOf(firstBlock), disk).to.deep.equal(block(1));
    expect(world.disk('d2').tagOf(firstBlock)).to.deep.equal(world.disk('d1').tagOf(firstBlock));
  });
});
