/** What a host tells the caches on the way of its reads, and how it cleans those that reads have left. */
import { expect } from 'chai';
import { RegionWrites } from '../../../actors/host/region-writes.ts';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import type { Answer, Invalidation } from '../../../protocols/commands.ts';
import { RequestFlag } from '../../../protocols/frames/request.ts';
import { idOf, type LinkId, type SwitchId } from '../../../protocols/ids.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import type { ControlDataOptions } from './control-data-sample.ts';
import { contentOf, HostWorld, type SentFrame, type WorldOptions } from './host-world.ts';

const linkOf = ({ subject }: SentFrame) => subject.slice(subject.lastIndexOf('.') + 1);
const bypasses = ({ request }: SentFrame) => (request.flags & RequestFlag.bypassCache) !== 0;
const s1 = idOf<SwitchId>('s1');

/** Commands that a switch got, and how to answer each. */
interface Asked {
  readonly body: Invalidation;
  answer(answer: Answer): void;
}

class CachingWorld extends HostWorld {
  /** Those of s1, which the test answers. s2 answers at once. */
  readonly invalidations: Asked[] = [];
  toS2 = 0;

  constructor(options: WorldOptions = {}, served: ControlDataOptions = {}) {
    super(options);
    const answered = this.control.onPublish;
    this.control.onPublish = (subject, data, reply) => {
      const answer = (said: Answer) => this.control.deliver(reply, encodeJson(said));
      if (!subject.endsWith('.invalidate')) answered(subject, data, reply);
      else if (subject.includes('.s1.'))
        this.invalidations.push({ body: decodeJson(data) as Invalidation, answer });
      else {
        this.toS2++;
        this.clock.soon(() => answer({ ok: true, blocks: 0 }));
      }
    };
    this.serve({ cachingSwitches: ['s1', 's2'], ...served });
  }

  /** Begins a read, and gives the frame that it is. */
  read(offset = 0): SentFrame {
    this.driver.read(unitOf<VolumeOffset>(offset), 4096, () => {});
    const [frame] = this.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    return frame;
  }

  /** Reads, and lets it end. */
  readOne(offset = 0): SentFrame {
    const frame = this.read(offset);
    this.answerAll([frame]);
    return frame;
  }

  write(offset: number, lengthBytes = 4096): readonly SentFrame[] {
    const pieces = [contentOf(offset, lengthBytes)];
    this.driver.write(unitOf<VolumeOffset>(offset), pieces, false, () => {});
    return this.sent();
  }

  /** Makes the host's links to s1 fail: its reads go another way. */
  leaveS1(): void {
    for (const link of ['h1-a-s1', 'h1-b-s1']) this.fail(link);
  }

  fail(link: string): void {
    const known = this.host.paths.known(idOf<LinkId>(link));
    if (known !== undefined) this.host.paths.failed(known, true);
  }

  /** Lets s1's links be found to work again. */
  returnToS1(): void {
    this.clock.runFor(600);
    for (const probe of this.probes()) this.answer(probe);
    for (let frames = this.sent(); frames.length > 0; frames = this.sent()) {
      this.answerAll(frames);
      this.clock.runFor(20);
    }
    // Links that are back stay in reserve for a while.
    this.clock.runFor(1100);
  }

  cleanups(): readonly Record<string, unknown>[] {
    return this.host.facts().cacheCleanups as readonly Record<string, unknown>[];
  }
}

describe('a read that caches may answer', () => {
  it('carries how many writes of its region were begun, and its attach epoch', () => {
    const world = new CachingWorld();
    expect(world.readOne().request).to.include({ regionWrites: 0, attachEpoch: 5 });
    for (const offset of [0, 8192, mebibyte]) world.answerAll(world.write(offset));
    expect(world.readOne(65_536).request.regionWrites).to.equal(2);
    expect(world.readOne(mebibyte).request.regionWrites).to.equal(1);
    expect(world.readOne(2 * mebibyte).request.regionWrites).to.equal(0);
  });

  it('counts a write for every region that it touches, and zeroes and trims too', () => {
    const world = new CachingWorld();
    world.answerAll(world.write(mebibyte - 4096, 8192));
    world.driver.writeZeroes(unitOf<VolumeOffset>(mebibyte), 4096, false, () => {});
    world.answerAll();
    world.driver.trim(unitOf<VolumeOffset>(mebibyte), 4096, false, () => {});
    world.answerAll();
    expect(world.readOne(0).request.regionWrites).to.equal(1);
    expect(world.readOne(mebibyte).request.regionWrites).to.equal(3);
  });

  it('passes by while a write to its region is open: what it finds is not the result of that write', () => {
    const world = new CachingWorld();
    const open = world.write(0);
    expect(bypasses(world.readOne(8192))).to.equal(true);
    expect(bypasses(world.readOne(mebibyte))).to.equal(false);
    world.answerAll(open);
    const after = world.readOne(8192);
    expect([bypasses(after), after.request.regionWrites]).to.deep.equal([false, 1]);
  });

  it('passes by where it crosses from one region into another: it has no one number there', () => {
    const writes = new RegionWrites(mebibyte);
    expect(writes.settledCount(mebibyte - 8192, 8192)).to.equal(0);
    expect(writes.settledCount(mebibyte - 4096, 8192)).to.equal(-1);
  });

  it('passes by when it is issued again: what went wrong may be the cache', () => {
    const world = new CachingWorld();
    const first = world.read();
    world.answer(first, {}, [contentOf(0, 512)]);
    world.clock.runFor(45);
    const [again] = world.sent();
    expect(again?.request.attempt).to.equal(1);
    expect(again && bypasses(again)).to.equal(true);
    if (again !== undefined) world.answerAll([again]);
    expect(bypasses(world.readOne())).to.equal(false);
  });

  it('says nothing where no switch has a cache, nor in shared attach', () => {
    for (const world of [
      new CachingWorld({}, { cachingSwitches: [] }),
      new CachingWorld({ mode: 'shared' }, { mode: 'shared' }),
    ]) {
      world.answerAll(world.write(0));
      const { request } = world.readOne();
      expect([request.regionWrites, request.flags & RequestFlag.bypassCache]).to.deep.equal([0, 0]);
      world.leaveS1();
      expect(world.invalidations).to.be.empty;
    }
  });

  it('answered by a switch shows that the way up to it works, and nothing of what lies behind', () => {
    const world = new CachingWorld();
    const frame = world.read();
    const toDisk = `${linkOf(frame).slice(-2)}-${frame.request.disk}`;
    world.fail(toDisk);
    world.clock.runFor(1);
    world.answer(frame, { disk: '' }, [contentOf(0, 4096)]);
    expect(world.host.paths.known(idOf<LinkId>(toDisk))?.rank).to.equal(LinkRank.failed);
  });
});

describe('a cache that reads have left', () => {
  it('is told at once to forget the volume, up to the I/O that is begun next', () => {
    const world = new CachingWorld();
    const last = world.readOne();
    expect(world.invalidations).to.be.empty;
    world.leaveS1();
    const [told, ...more] = world.invalidations;
    expect(more).to.be.empty;
    const firstIo = last.request.ioNumber + 1;
    expect(told?.body).to.deep.equal({ host: 'h1', volume: 'vol0', attachEpoch: 5, firstIo });
  });

  it('is told when a way to one disk comes or goes, wherever reads of the others go', () => {
    const world = new CachingWorld();
    world.readOne();
    world.fail('s1-d1');
    expect([world.invalidations.length, world.toS2]).to.deep.equal([1, 1]);
    world.clock.runFor(1);
    world.invalidations[0]?.answer({ ok: true, blocks: 0 });
    world.returnToS1();
    expect(world.toS2, 'the ways of d1 had led by s2 alone').to.equal(2);
    expect(world.invalidations).to.have.length(1);
  });

  it('is passed by until it has said that it is clean, and then used again', () => {
    const world = new CachingWorld();
    world.readOne();
    world.leaveS1();
    world.clock.runFor(1);
    const elsewhere = world.readOne();
    expect([linkOf(elsewhere), bypasses(elsewhere)]).to.deep.equal(['h1-a-s2', false]);
    world.returnToS1();
    const back = world.readOne();
    expect([linkOf(back), bypasses(back)]).to.deep.equal(['h1-a-s1', true]);
    expect(world.cleanups()).to.deep.equal([
      {
        volume: 'vol0',
        switch: 's1',
        state: 'fenced',
        reason: 'no answer to invalidate in 500 ms',
      },
    ]);
    world.clock.runFor(1000);
    world.invalidations.at(-1)?.answer({ ok: true, blocks: 3 });
    expect(bypasses(world.readOne())).to.equal(false);
    expect(world.cleanups()).to.deep.equal([]);
  });

  it('is asked again and again while it does not answer, and whatever refusal it gives', () => {
    const world = new CachingWorld();
    world.readOne();
    world.leaveS1();
    world.invalidations[0]?.answer({ ok: false, reason: 'unknown', message: 'no such command' });
    expect(world.cleanups()[0]).to.include({ state: 'fenced', reason: 'no such command' });
    world.clock.runFor(5000);
    expect(world.invalidations.length).to.be.within(5, 6);
    world.invalidations.at(-1)?.answer({ ok: true, blocks: 0 });
    world.clock.runFor(5000);
    expect(world.invalidations.length).to.be.within(5, 6);
    expect(world.host.counters.invalidations).to.equal(world.invalidations.length + world.toS2);
  });

  it('believes no answer to a question that has been given up', () => {
    const world = new CachingWorld();
    world.readOne();
    world.leaveS1();
    const [first] = world.invalidations;
    world.clock.runFor(600);
    first?.answer({ ok: true, blocks: 0 });
    expect(world.cleanups()[0]).to.include({ switch: 's1', state: 'fenced' });
  });

  it('is not cleaned any more once the volume has been let go', () => {
    const world = new CachingWorld();
    world.readOne();
    world.leaveS1();
    world.host.detach(world.attachment.volumeId, () => {});
    for (let ms = 0; ms < 12_000; ms += 100) {
      world.clock.runFor(100);
      world.answerAll();
    }
    const before = world.invalidations.length;
    world.clock.runFor(5000);
    expect(world.invalidations).to.have.length(before);
    expect(world.errors).to.deep.equal([]);
  });

  for (const isFrozen of [false, true])
    it(`${isFrozen ? 'frozen: ' : ''}${isFrozen ? 'is never used again' : 'is used again when clean'} (cache cleanup machine)`, () => {
      const world = new CachingWorld();
      world.readOne();
      world.leaveS1();
      const machine = world.driver.caches?.machine(s1);
      if (machine === undefined) throw new Error('nobody cleans s1');
      if (isFrozen) machine.send = () => {};
      world.invalidations[0]?.answer({ ok: true, blocks: 0 });
      world.returnToS1();
      // The first of its links that came back was a path that the second one changed.
      world.invalidations.at(-1)?.answer({ ok: true, blocks: 0 });
      expect(bypasses(world.readOne())).to.equal(isFrozen);
    });
});
