import { expect } from 'chai';
import { SwitchHealth } from '../../../actors/virtualizer/switch-health.ts';
import { verbs } from '../../../protocols/commands.ts';
import type { SwitchId } from '../../../protocols/ids.ts';
import { failoverPolicySchema } from '../../../protocols/topology/policies.ts';
import type { Incarnation, Instant } from '../../../protocols/units.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const coordinators = (world: VirtualizerWorld) =>
  world
    .record()
    .partitions.map(({ coordinator }) => coordinator)
    .join(' ');

/** s1 was lost and has just come back, with s2 in its place. */
function worldWithStandIn(): VirtualizerWorld {
  const world = new VirtualizerWorld();
  world.startServing();
  expect(coordinators(world)).to.equal('s1 s2');
  world.kill('s1');
  world.until(() => coordinators(world) === 's2 s2', 's2 has taken over');
  world.untilState('serving');
  world.start('s1');
  return world;
}

describe('planned moves of partitions', () => {
  it('go home once their switch has been there for the dwell time, after the stand-in has ended what was open', () => {
    const world = worldWithStandIn();
    const back = world.clock.now();
    const before = world.diary.length;
    world.until(() => coordinators(world) === 's1 s2', 'it has its partition back');
    expect(world.clock.now() - back).to.be.within(1000, 1500);
    world.untilState('serving');
    const story = world.since(before).filter((entry) => !entry.startsWith('control'));
    const { generation } = world.record();
    const yielded = story.indexOf(`yield s2 vol0 g${generation - 1}`);
    expect(yielded).to.be.above(-1);
    expect(story.indexOf(`write volume.vol0 g${generation}`)).to.be.above(yielded);
    expect(world.record().compared).to.equal('unfinished');
  });

  it('a stand-in that does not come to the end of what is open is not waited for', () => {
    const world = worldWithStandIn();
    world.switch('s2').yields = false;
    world.until(() => coordinators(world) === 's1 s2', 'it has its partition back');
    world.untilState('serving');
  });

  it('a switch that comes and goes does not get its partitions back each time', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    let moves = 0;
    let last = coordinators(world);
    world.database.written = () => {
      const now = coordinators(world);
      if (now !== last && now === 's1 s2') moves++;
      last = now;
    };
    for (let round = 0; round < 6; round++) {
      world.kill('s1');
      world.run(4000);
      world.start('s1');
      world.run(2500);
    }
    expect(moves, 'back before it was found to be unsteady').to.be.within(1, 2);
    world.run(60_000);
    world.until(() => coordinators(world) === 's1 s2', 'it has proven itself');
  });

  it('an operator moves a partition, which then stays, and gives it back', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const move = (body: object) =>
      world.command(verbs.moveCoordinator, { volume: 'vol0', ...body });
    expect(move({ partition: 1, to: 's1' })).to.deep.include({
      ok: true,
      moves: 'partition 1 from s2 to s1',
    });
    world.until(() => coordinators(world) === 's1 s1', 'it was moved');
    world.untilState('serving');
    world.run(10_000);
    world.startVirtualizer();
    world.untilState('serving');
    world.run(10_000);
    expect(coordinators(world)).to.equal('s1 s1');
    expect(world.status().partitions[1]?.preferred).to.equal('s1');
    expect(move({}).ok).to.equal(true);
    world.until(() => coordinators(world) === 's1 s2', 'it was given back');
    expect(world.record().preferred).to.deep.equal([]);
  });

  it('an operator who asks for what cannot be is told why', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const refusalOf = (body: object) => {
      const answer = world.command(verbs.moveCoordinator, { volume: 'vol0', ...body });
      return answer.ok ? 'done' : answer.message;
    };
    expect(refusalOf({ volume: 'vol7' })).to.match(/no volume vol7/);
    expect(refusalOf({ partition: 7 })).to.match(/no partition 7; it has 0 to 1/);
    expect(refusalOf({ to: 's9' })).to.match(/s9 cannot coordinate volume vol0.* s1, s2/);
    expect(refusalOf({ partition: 0, to: 's1' })).to.match(/nothing is to be moved/);
    world.kill('s2');
    world.until(() => coordinators(world) === 's1 s1', 's1 has taken over');
    world.untilState('serving');
    expect(refusalOf({ to: 's2' })).to.match(/s2 is not there/);
  });
});

describe('what is known of the health of switches', () => {
  const s1 = 's1' as SwitchId;
  const at = (ms: number) => ms as Instant;
  const health = (policy: object = {}) => new SwitchHealth(failoverPolicySchema.parse(policy));
  const process = (number: number) => number as Incarnation;

  it('a switch is steady once it has been there for the dwell time, and not when another process took its place', () => {
    const known = health({ dwellSeconds: 2 });
    expect(known.isSteady(s1, at(0))).to.equal(false);
    known.note(s1, process(1), at(0));
    expect([1999, 2000].map((ms) => known.isSteady(s1, at(ms)))).to.deep.equal([false, true]);
    expect(known.nextSteadyAt(at(0))).to.equal(2000);
    known.note(s1, process(2), at(5000));
    expect(known.isSteady(s1, at(6999))).to.equal(false);
    expect(known.nextSteadyAt(at(7000))).to.equal(null);
    known.note(s1, null, at(8000));
    expect(known.isSteady(s1, at(99_000))).to.equal(false);
  });

  it('one that failed too often within a time has to prove itself for longer', () => {
    const quarantine = { failures: 2, withinSeconds: 10, forSeconds: 60 };
    const known = health({ dwellSeconds: 1, quarantine });
    known.note(s1, process(1), at(0));
    known.note(s1, null, at(1000));
    known.note(s1, process(2), at(2000));
    expect(known.isSteady(s1, at(3000))).to.equal(true);
    known.note(s1, null, at(4000));
    known.note(s1, process(3), at(5000));
    expect([63_999, 64_000].map((ms) => known.isSteady(s1, at(ms)))).to.deep.equal([false, true]);
    known.note(s1, process(4), at(80_000));
    expect(known.isSteady(s1, at(81_000)), 'the others are long ago').to.equal(true);
  });

  it('with failback by hand none is steady by itself', () => {
    const known = health({ failback: 'manual' });
    known.note(s1, process(1), at(0));
    expect(known.isSteady(s1, at(100_000))).to.equal(false);
    expect(known.nextSteadyAt(at(0))).to.equal(null);
  });
});
