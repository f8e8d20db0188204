import { expect } from 'chai';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

const links = [
  ...['h1-a', 'h1-b'].flatMap((hba) => ['s1', 's2'].map((name) => `${hba}-${name}`)),
  ...['s1', 's2'].flatMap((name) => ['d1', 'd2', 'd3', 'd4'].map((disk) => `${name}-${disk}`)),
];

/** A host whose every frame is answered after a time that the test gives; probes as soon as I/O. */
class SlowWorld extends HostWorld {
  readonly ended: Status[] = [];
  readonly suspected = new Set<string>();
  /** Told of writes that are not answered by themselves. */
  onWrite: (frame: SentFrame) => void = () => {};
  /** Of so many I/Os one writes. */
  writesIn = 3;
  #open = 0;

  /** Keeps reads and writes under way, all over the volume. @param answerMs null: never */
  run(forMs: number, answerMs: (frame: SentFrame, atMs: number) => number | null, depth = 8): void {
    for (let ms = 0; ms < forMs; ms += 5) {
      while (this.#open < depth) this.#begin();
      for (const frame of this.sent()) this.#answerLater(frame, answerMs(frame, ms));
      for (const frame of this.probes()) this.#answerLater(frame, answerMs(frame, ms));
      this.clock.runFor(5);
      for (const link of links)
        if (this.rankOf(link) === LinkRank.suspect) this.suspected.add(link);
    }
  }

  rankOf(link: string): LinkRank | undefined {
    return this.host.paths.known(link as never)?.rank;
  }

  #begin(): void {
    const offset = unitOf<VolumeOffset>((this.ended.length % 200) * 65_536);
    const note = (status: Status) => {
      this.ended.push(status);
      this.#open--;
    };
    this.#open++;
    if (this.ended.length % this.writesIn === 0)
      this.driver.write(offset, [contentOf(offset, 4096)], false, note);
    else this.driver.read(offset, 4096, note);
  }

  #answerLater(frame: SentFrame, afterMs: number | null): void {
    if (afterMs === null) this.onWrite(frame);
    else this.clock.setTimeout(() => this.answerAll([frame]), afterMs);
  }
}

describe('a host on a machine that is overloaded', () => {
  let world: SlowWorld;
  let random: SeededRandom;
  const slow = () => random.between(400, 800);
  /** Load grows over five seconds, until answers take 400 to 800 ms. */
  const overload = () =>
    world.run(5000, (_, atMs) => 20 + (atMs / 5000) * random.between(380, 780));

  beforeEach(() => {
    world = new SlowWorld();
    world.serve({ cachingSwitches: ['s1', 's2'] });
    random = new SeededRandom(3);
  });

  it('everything is equally slow: no link is suspect, nothing is sent again, no cache is cleaned', () => {
    world.run(1000, () => 2);
    overload();
    world.run(15_000, slow);
    expect([...world.suspected]).to.deep.equal([]);
    expect(world.host.counters).to.include({ reissues: 0, timeouts: 0, invalidations: 0 });
    expect(world.host.counters).to.include({ failovers: 0, errors: 0 });
    expect(world.ended.length).to.be.above(200);
  });

  it('everything is slow from one moment to the next: that is learned from a few answers that come late', () => {
    world.run(1000, () => 2);
    world.run(4000, slow);
    const { timeouts } = world.host.counters;
    expect(timeouts).to.be.within(1, 40);
    world.run(15_000, slow);
    expect(world.host.counters.timeouts - timeouts).to.equal(0);
    expect(world.host.counters.errors).to.equal(0);
  });

  it('answers that take longer than any attempt waited are waited for by and by, and no I/O is lost', () => {
    world.run(1000, () => 2);
    world.run(15_000, () => 1500);
    expect(world.host.counters.errors).to.equal(0);
    const { timeouts } = world.host.counters;
    world.run(15_000, () => 1500);
    expect(world.host.counters.timeouts - timeouts).to.equal(0);
    expect(world.ended.every((status) => status === Status.ok)).to.equal(true);
  });

  it('answers took as long as that of late, and now I/O is lost on three ways: it is tried on others in good time', () => {
    world.run(1000, () => 2);
    world.run(15_000, () => 1900);
    world.run(15_000, ({ request }) => (request.attempt < 3 ? null : 5));
    expect(world.host.counters.errors).to.equal(0);
  });

  it('a write that its coordinator is asked for again is answered where it was asked last: what it took counts from the first', () => {
    const run = (forMs: number) =>
      world.run(forMs, ({ request }) => (request.operation === Operation.write ? null : 2));
    world.writesIn = 1;
    const last = new Map<number, SentFrame>();
    world.run(1000, () => 2);
    world.onWrite = (frame) => {
      const { ioNumber } = frame.request;
      const isFirst = !last.has(ioNumber);
      last.set(ioNumber, frame);
      if (!isFirst) return;
      world.clock.setTimeout(() => {
        const asked = last.get(ioNumber);
        if (asked !== undefined) world.answerAll([asked]);
      }, 600);
    };
    run(10_000);
    const { timeouts } = world.host.counters;
    run(10_000);
    expect(world.host.counters.timeouts - timeouts).to.equal(0);
  });

  it('one way is silent among quick ones: it is suspect after a quarter of a second, as ever', () => {
    world.run(2000, () => 2);
    const isDead = ({ subject }: SentFrame) => subject.endsWith('h1-a-s1');
    world.run(240, (frame) => (isDead(frame) ? null : 2));
    expect([...world.suspected]).to.deep.equal([]);
    world.run(60, (frame) => (isDead(frame) ? null : 2));
    expect([...world.suspected])
      .to.include('h1-a-s1')
      .and.not.include('h1-b-s1');
  });

  it('one way is silent among slow ones: it is suspect within two seconds and a half', () => {
    world.run(1000, () => 2);
    overload();
    const isDead = ({ subject }: SentFrame) => subject.endsWith('h1-a-s1');
    world.run(2500, (frame) => (isDead(frame) ? null : slow()));
    expect([...world.suspected]).to.include('h1-a-s1');
  });

  it('once everything is quick again a silent way is found as soon as before', () => {
    overload();
    world.run(1500, () => 2);
    const isDead = ({ subject }: SentFrame) => subject.endsWith('h1-a-s1');
    world.run(300, (frame) => (isDead(frame) ? null : 2));
    expect([...world.suspected])
      .to.include('h1-a-s1')
      .and.not.include('h1-b-s1');
  });
});
