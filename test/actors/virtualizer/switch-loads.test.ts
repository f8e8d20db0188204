/** What becomes of the partitions of a switch that is slow, as hosts say (H7). */
import { expect } from 'chai';
import type { PresenceTable } from '../../../actors/virtualizer/presence.ts';
import { isSlow, SwitchLoads } from '../../../actors/virtualizer/switch-loads.ts';
import type { HostId, SwitchId } from '../../../protocols/ids.ts';
import { at } from './samples.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const s1 = 's1' as SwitchId;
const dwellMs = 3000;

describe('a switch that is slow', () => {
  let loads: SwitchLoads;
  beforeEach(() => {
    loads = new SwitchLoads({ dwellSeconds: dwellMs / 1000 });
  });

  it('is too slow to coordinate once it has been so for the dwell time, and may return as long after', () => {
    expect([loads.isOverloaded(s1, at(0)), loads.mayReturn(s1, at(0))]).to.deep.equal([
      false,
      true,
    ]);
    loads.note(s1, true, at(1000));
    expect(loads.nextChangeAt(at(1000))).to.equal(4000);
    expect([3999, 4000].map((ms) => loads.isOverloaded(s1, at(ms)))).to.deep.equal([false, true]);
    expect(loads.mayReturn(s1, at(2000)), 'nothing is given to it').to.equal(false);
    loads.note(s1, false, at(60_000));
    expect(loads.isOverloaded(s1, at(60_000))).to.equal(false);
    expect(loads.nextChangeAt(at(60_000))).to.equal(63_000);
    expect([62_999, 63_000].map((ms) => loads.mayReturn(s1, at(ms)))).to.deep.equal([false, true]);
    expect(loads.nextChangeAt(at(63_000))).to.equal(null);
  });

  it('for a short time only loses nothing', () => {
    for (let ms = 0; ms < 60_000; ms += 3000) {
      loads.note(s1, true, at(ms));
      expect(loads.isOverloaded(s1, at(ms + 2000))).to.equal(false);
      loads.note(s1, false, at(ms + 2000));
      expect(loads.mayReturn(s1, at(ms + 2000))).to.equal(true);
    }
  });

  it('whenever it has its partitions back waits longer for them each time: it does not ping-pong', () => {
    const waits: number[] = [];
    let ms = 0;
    for (let round = 0; round < 6; round++) {
      loads.note(s1, true, at(ms));
      ms += dwellMs;
      expect(loads.isOverloaded(s1, at(ms))).to.equal(true);
      const left = ms;
      loads.note(s1, false, at(ms));
      while (!loads.mayReturn(s1, at(ms))) ms += 1000;
      waits.push((ms - left) / 1000);
    }
    expect(waits).to.deep.equal([3, 33, 63, 123, 243, 483]);
    ms += 100_000;
    loads.note(s1, true, at(ms));
    loads.note(s1, false, at(ms + dwellMs));
    expect(loads.mayReturn(s1, at(ms + 2 * dwellMs)), 'that is long ago').to.equal(true);
  });
});

describe('a coordinator that hosts avoid', () => {
  let told: number;
  const tell = (world: VirtualizerWorld, host: string, avoided: readonly string[]) => {
    told++;
    const body = { host, hostIncarnation: 7, number: told, paths: [], avoided };
    expect(world.command('prefer-paths', body)).to.deep.equal({ ok: true });
  };
  const coordinators = (world: VirtualizerWorld) =>
    world
      .record()
      .partitions.map(({ coordinator }) => coordinator)
      .join(' ');
  let world: VirtualizerWorld;
  beforeEach(() => {
    told = 0;
    world = new VirtualizerWorld();
    world.startServing();
    expect(coordinators(world)).to.equal('s1 s2');
  });

  it('loses its partitions after the dwell time, by a planned move, and has them back once it is well', () => {
    const before = world.diary.length;
    tell(world, 'h1', ['s1']);
    const since = world.clock.now();
    world.run(dwellMs - 500);
    expect(coordinators(world), 'not at once').to.equal('s1 s2');
    world.until(() => coordinators(world) === 's2 s2', 's2 coordinates');
    expect(world.clock.now() - since).to.be.below(dwellMs + 1000);
    world.untilState('serving');
    const story = world.since(before).filter((entry) => !entry.startsWith('control'));
    const { generation } = world.record();
    const yielded = story.indexOf(`yield s1 vol0 g${generation - 1}`);
    expect(yielded, 'what was open has ended first').to.be.above(-1);
    expect(story.indexOf(`write volume.vol0 g${generation}`)).to.be.above(yielded);
    world.run(60_000);
    expect(coordinators(world)).to.equal('s2 s2');
    tell(world, 'h1', []);
    world.run(dwellMs - 500);
    expect(coordinators(world)).to.equal('s2 s2');
    world.until(() => coordinators(world) === 's1 s2', 's1 has its own back');
  });

  it('keeps them where no other one is faster', () => {
    const { generation } = world.record();
    tell(world, 'h1', ['s1', 's2']);
    world.run(30_000);
    tell(world, 'h1', []);
    world.run(30_000);
    expect(coordinators(world)).to.equal('s1 s2');
    expect(world.record().generation, 'nothing was decided').to.equal(generation);
  });

  it('keeps them while most of the hosts that could use it do not say so', () => {
    const facts = (avoiding: string) => ({
      presence: { liveness: () => 'live' as const } as unknown as PresenceTable,
      clock: world.clock,
      isAvoidedBy: (host: HostId) => avoiding.split(' ').includes(host),
      input: {
        hosts: ['h1', 'h2', 'h3'] as HostId[],
        coordinatorRoutes: () => [{ hba: 'h1-a' as never, links: [], switches: [] }],
      },
    });
    const judged = ['', 'h1', 'h1 h3'].map((avoiding) => isSlow(facts(avoiding), s1));
    expect(judged).to.deep.equal([false, false, true]);
  });

  it('has them where an operator puts them, until it is slow again', () => {
    tell(world, 'h1', ['s1']);
    world.until(() => coordinators(world) === 's2 s2', 's2 coordinates');
    world.untilState('serving');
    const moved = world.command('move-coordinator', { volume: 'vol0', partition: 0, to: 's1' });
    expect(moved).to.deep.include({ ok: true, moves: 'partition 0 from s2 to s1' });
    world.until(() => coordinators(world) === 's1 s2', 'an operator’s word waits for nothing');
    world.untilState('serving');
    tell(world, 'h2', ['s9']);
    world.run(30_000);
    expect(coordinators(world), 'whatever else is looked at again').to.equal('s1 s2');
    tell(world, 'h1', []);
    world.run(1000);
    tell(world, 'h1', ['s1']);
    world.until(() => coordinators(world) === 's2 s2', 'it was well, and is slow again');
  });
});
