/** The virtualizer has volumes scrubbed (DESIGN D5): on command and by schedule, range after range, at a pace. */
import { expect } from 'chai';
import { refusal, verbs } from '../../../protocols/commands.ts';
import { type ScrubProgress, scrubProgressSchema } from '../../../protocols/scrub.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { create, untilGone } from './created-volume-world.ts';
import { smallTopology, VirtualizerWorld } from './virtualizer-world.ts';

const volumeBytes = 64 * mebibyte;
const minuteMs = 60_000;

describe('scrubs', () => {
  let world: VirtualizerWorld;
  const order = (action: string): ScrubProgress =>
    scrubProgressSchema.parse(world.command(verbs.scrubVolume, { volume: 'vol0', action }));
  const finished = (): ScrubProgress => {
    world.until(() => order('look').state === 'idle', 'it is over');
    return order('look');
  };
  /** Of both switches, in the order of the volume. */
  const ranges = () =>
    ['s1', 's2']
      .flatMap((id) => world.switch(id).scrubbed)
      .toSorted((one, other) => one.offset - other.offset);
  beforeEach(() => {
    world = new VirtualizerWorld();
    world.startServing();
  });

  it('go over the whole volume once, each range at its coordinator, and add up what was found', () => {
    expect(order('look')).to.include({ state: 'idle', number: 0, completed: 0 });
    const begun = order('start');
    expect(begun).to.include({ number: 1, completed: 0 });
    const { repairedBlocks, keptAt, ...progress } = finished();
    expect(progress).to.include({ completed: 1, doneBytes: volumeBytes, reason: '' });
    expect(progress.verifiedBytes).to.equal(2 * volumeBytes);
    expect({ repairedBlocks, keptAt }).to.deep.equal({ repairedBlocks: 0, keptAt: -1 });
    let at = 0;
    for (const { offset, lengthBytes } of ranges()) {
      expect(offset).to.equal(at);
      at = offset + lengthBytes;
    }
    expect(at).to.equal(volumeBytes);
    const { partitions, coordinatorMap } = world.record();
    if (coordinatorMap.kind !== 'modulo') throw new Error('the sample is modulo');
    for (const id of ['s1', 's2'])
      for (const { offset } of world.switch(id).scrubbed) {
        const number = Math.floor(offset / coordinatorMap.unitBytes) % partitions.length;
        expect(partitions[number]?.coordinator).to.equal(id);
      }
  });

  it('tell of what was repaired, and where something could not be', () => {
    for (const id of ['s1', 's2'])
      world.switch(id).scrub = ({ offset, lengthBytes }) => ({
        ...{ ok: true, verifiedBytes: lengthBytes, skippedBytes: 0, repairedBlocks: 1 },
        keptBlocks: offset >= 8 * mebibyte ? 1 : 0,
        keptAt: offset >= 8 * mebibyte ? offset : -1,
        keptReason: offset >= 8 * mebibyte ? 'no copy of it can be read' : '',
      });
    order('start');
    const { repairedBlocks, keptBlocks, keptAt, keptReason } = finished();
    expect(repairedBlocks).to.equal(ranges().length);
    expect(keptBlocks).to.equal(ranges().filter(({ offset }) => offset >= 8 * mebibyte).length);
    expect({ keptAt, keptReason }).to.deep.equal({
      keptAt: 8 * mebibyte,
      keptReason: 'no copy of it can be read',
    });
  });

  it('are no faster than the policy says', () => {
    const startMs = world.clock.now();
    order('start');
    finished();
    // 64 MiB at 32 MiB a second; nothing follows the last range.
    expect(world.clock.now() - startMs).to.be.within(1800, 3000);
  });

  it('ask again for a range that cannot be scrubbed just then, and say what is in the way', () => {
    const usual = world.switch('s1').scrub;
    const refuse = () => refusal('not-ready', 'another range is being scrubbed');
    for (const id of ['s1', 's2']) world.switch(id).scrub = refuse;
    order('start');
    world.until(() => order('look').state === 'scrubbing.waiting', 'it waits');
    expect(order('look').reason).to.match(/switch s[12]: another range is being scrubbed/);
    for (const id of ['s1', 's2']) world.switch(id).scrub = usual;
    expect(finished()).to.include({ completed: 1, reason: '' });
  });

  it('wait for a volume that does not serve, and go on where they were under other coordinators', () => {
    order('start');
    world.until(() => ranges().length > 3, 'it has begun');
    world.kill('s1');
    world.until(
      () => world.record().partitions.every(({ coordinator }) => coordinator === 's2'),
      's2 has taken over',
    );
    world.until(() => order('look').state === 'idle', 'it is over');
    expect(order('look')).to.include({ completed: 1, doneBytes: volumeBytes });
    expect(world.switch('s2').scrubbed.filter(({ offset }) => offset === 0).length).to.be.at.most(
      1,
    );
  });

  it('end when an operator says so, and begin anew from the start', () => {
    order('start');
    world.until(() => ranges().length > 3, 'it has begun');
    const stopped = order('stop');
    expect(stopped).to.include({ state: 'idle', completed: 0, reason: 'stopped by an operator' });
    expect(stopped.doneBytes).to.be.within(mebibyte, volumeBytes - mebibyte);
    const { length } = ranges();
    world.run(5000);
    expect(ranges()).to.have.length(length);
    expect(order('start')).to.include({ number: 2, doneBytes: 0, reason: '' });
    expect(finished()).to.include({ number: 2, completed: 2, doneBytes: volumeBytes });
  });

  it('are begun once, however often they are asked for', () => {
    order('start');
    world.until(() => ranges().length > 3, 'it has begun');
    expect(order('start')).to.include({ number: 1 });
    finished();
    expect(new Set(ranges().map(({ offset }) => offset)).size).to.equal(ranges().length);
  });

  it('begin by themselves when the policy says so, counted from the end of the last one', () => {
    world = new VirtualizerWorld(smallTopology([], { scrub: { everyHours: 0.05 } }));
    world.startServing();
    world.run(2 * minuteMs);
    order('start');
    finished();
    world.run(2.9 * minuteMs);
    expect(order('look')).to.include({ number: 1, state: 'idle' });
    world.run(0.2 * minuteMs);
    expect(finished()).to.include({ number: 2, completed: 2 });
  });

  describe('go on with their schedule', () => {
    const everyMs = 3 * minuteMs;
    const scrubKey = () =>
      JSON.parse(world.database.values.get('scrub.vol0')?.value ?? 'null') as {
        completedAtMs: number;
      } | null;
    const startAnew = () => {
      world.startVirtualizer();
      world.untilState('serving');
    };
    const startAnewWithout = () => {
      world.startVirtualizer();
      world.untilState('serving', 'vol1');
    };
    const put = (value: string) => world.database.values.set('scrub.vol0', { value, revision: 1 });
    beforeEach(() => {
      world = new VirtualizerWorld(smallTopology([], { scrub: { everyHours: 0.05 } }));
      world.startServing();
    });

    it('under another virtualizer, which knows when the last one ended', () => {
      expect(order('look').completedAtMs).to.equal(null);
      order('start');
      const { completedAtMs } = finished();
      expect(completedAtMs).to.be.closeTo(world.clock.wallTimeMs(), 100);
      world.run(1000);
      expect(scrubKey()).to.deep.equal({ completedAtMs });
      world.run(2 * minuteMs);
      startAnew();
      expect(order('look')).to.include({ completedAtMs, number: 0, state: 'idle' });
      const { wallTimeMs } = world.clock;
      const leftMs = (completedAtMs ?? 0) + everyMs - wallTimeMs.call(world.clock);
      world.run(leftMs - 1000);
      expect(order('look').number).to.equal(0);
      world.run(2000);
      expect(order('look').number).to.equal(1);
    });

    it('as soon as the volume serves, where one has been due for long', () => {
      put(JSON.stringify({ completedAtMs: world.clock.wallTimeMs() - 10 * everyMs }));
      startAnew();
      world.run(10_000);
      expect(order('look').number).to.equal(1);
      expect(finished().completed).to.equal(1);
      world.run(1000);
      expect(scrubKey()?.completedAtMs).to.be.within(
        world.clock.wallTimeMs() - 5000,
        world.clock.wallTimeMs(),
      );
    });

    it('as if nobody knew, where a clock that was wrong has told a time that is still to come', () => {
      world = new VirtualizerWorld(smallTopology([], { scrub: { everyHours: 168 } }));
      world.startServing();
      const told = (aheadMinutes: number) => {
        const completedAtMs = world.clock.wallTimeMs() + aheadMinutes * minuteMs;
        put(JSON.stringify({ completedAtMs }));
        startAnew();
        world.run(61 * minuteMs);
        return order('look').number;
      };
      expect(told(1)).to.equal(0);
      expect(told(365 * 24 * 60)).to.equal(1);
      finished();
      world.run(1000);
      expect(scrubKey()?.completedAtMs).to.be.at.most(world.clock.wallTimeMs());
    });

    it('beside a volume that does not serve any more', () => {
      const vol1 = { id: 'vol1', size: '64MiB', layout: { mirror: ['d1', 'd2'] } };
      world = new VirtualizerWorld(smallTopology([vol1], { scrub: { everyHours: 0.05 } }));
      world.startServing();
      for (const disk of ['d3', 'd4']) world.kill(disk);
      startAnewWithout();
      world.run(2 * everyMs);
      const body = { volume: 'vol1', action: 'look' };
      const other = scrubProgressSchema.parse(world.command(verbs.scrubVolume, body));
      expect(order('look').completed).to.equal(0);
      expect(other.completed).to.be.above(0);
    });

    it('an interval after an operator ended one that was due', () => {
      put(JSON.stringify({ completedAtMs: 0 }));
      startAnew();
      world.until(() => ranges().length > 1, 'it has begun');
      expect(order('stop')).to.include({ state: 'idle', completed: 0, completedAtMs: 0 });
      world.run(everyMs - 1000);
      expect(order('look').number).to.equal(1);
      world.run(2000);
      expect(order('look').number).to.equal(2);
    });

    it('sooner where the key is lost or nobody can read it, and decide all the same', () => {
      for (const spoil of [
        () => world.database.values.delete('scrub.vol0'),
        () => put('nonsense'),
        () => put(JSON.stringify({ completedAtMs: 'yesterday' })),
      ]) {
        world = new VirtualizerWorld(smallTopology([], { scrub: { everyHours: 168 } }));
        world.startServing();
        order('start');
        finished();
        world.run(1000);
        spoil();
        startAnew();
        world.run(59 * minuteMs);
        expect(order('look')).to.include({ number: 0, completedAtMs: null });
        world.run(2 * minuteMs);
        expect(order('look').number).to.equal(1);
      }
    });

    it('and never by the volume itself: its record is not touched', () => {
      const before = world.database.values.get('volume.vol0')?.revision;
      order('start');
      finished();
      world.run(1000);
      expect(world.database.values.get('volume.vol0')?.revision).to.equal(before);
    });
  });

  it('do not count for a volume of the same name that is made after the first was deleted', () => {
    const key = () => JSON.parse(world.database.values.get('scrub.vol9')?.value ?? 'null');
    const look = (action: string) =>
      scrubProgressSchema.parse(world.command(verbs.scrubVolume, { volume: 'vol9', action }));
    create(world);
    look('start');
    world.until(() => look('look').state === 'idle', 'it is over');
    world.run(1000);
    expect(key().completedAtMs).to.be.a('number');
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    untilGone(world);
    create(world);
    world.run(1000);
    expect(look('look').completedAtMs).to.equal(null);
    world.startVirtualizer();
    world.untilState('serving', 'vol9');
    expect(look('look').completedAtMs).to.equal(null);
    look('start');
    world.until(() => look('look').state === 'idle', 'it is over');
    world.run(1000);
    expect(key().completedAtMs).to.equal(look('look').completedAtMs);
  });

  it('of a volume that does not exist are refused', () => {
    const body = { volume: 'vol9', action: 'start' };
    expect(world.command(verbs.scrubVolume, body)).to.include({ ok: false, reason: 'unknown' });
  });
});
