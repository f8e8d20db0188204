/** Whom a host asks of several virtualizers, of which one decides. */
import { expect } from 'chai';
import { volume } from './control-data-sample.ts';
import { HostWorld } from './host-world.ts';

describe('a host that knows several virtualizers', () => {
  it('asks the next one when the first answers that it does not decide, and stays with one that does', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2', 'v3'], inactive: ['v1', 'v2'] });
    world.clock.runFor(600);
    expect(world.asked.some(({ verb }) => verb === 'attach')).to.equal(true);
    expect(world.attachment.facts().reason).to.equal('not yet');
    world.controlData = world.data();
    world.clock.runFor(300);
    expect(world.attachment.state).to.equal('serving');
    const before = [...world.inactive.values()];
    world.publish({ state: 'assembling' });
    world.clock.runFor(1000);
    expect([...world.inactive.values()]).to.deep.equal(before);
  });

  it('finds the one that decides when that is another than before', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'], inactive: ['v2'] });
    world.serve();
    world.inactive.clear();
    world.inactive.set('v1', 0);
    world.publish({ state: 'assembling' });
    world.controlData = world.data({ generation: 2, attachEpoch: 6, firstEpoch: 5 });
    world.clock.runFor(300);
    expect(world.attachment.state).to.equal('serving');
  });

  it('lets go at the one that decides', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'], inactive: ['v2'] });
    world.serve();
    world.inactive.clear();
    world.inactive.set('v1', 0);
    world.asked.splice(0);
    let left = false;
    world.host.detach(volume, () => {
      left = true;
    });
    for (let step = 0; step < 10; step++) {
      world.answerAll();
      world.clock.runFor(1);
    }
    expect(left).to.equal(true);
    expect(world.asked.map(({ verb }) => verb)).to.deep.equal(['detach']);
  });

  /** Lets the volume go, while these virtualizers hear nothing of it. @returns whether it has, so far */
  function letGo(
    world: HostWorld,
    { deaf = [], inactive = [] }: { deaf?: readonly string[]; inactive?: readonly string[] },
  ): () => boolean {
    world.serve();
    for (const id of inactive) world.inactive.set(id, 0);
    world.asked.splice(0);
    world.control.onPublish = ((answered) => (subject, data, reply) => {
      if (!deaf.some((id) => subject.endsWith(`.${id}.detach`))) answered(subject, data, reply);
    })(world.control.onPublish);
    let left = false;
    world.host.detach(volume, () => {
      left = true;
    });
    return () => left;
  }

  function runFor(world: HostWorld, ms: number): void {
    for (let step = 0; step < ms / 20; step++) {
      world.answerAll();
      world.clock.runFor(20);
    }
  }

  it('asks the next one to be let go when one does not answer, and has not left before it is told', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'] });
    const hasLeft = letGo(world, { deaf: ['v1'] });
    runFor(world, 260);
    expect(hasLeft()).to.equal(false);
    runFor(world, 200);
    expect(hasLeft()).to.equal(true);
    expect(world.asked.filter(({ verb }) => verb === 'detach')).to.have.length(1);
  });

  it('asks to be let go again while none decides yet', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'] });
    const hasLeft = letGo(world, { inactive: ['v1', 'v2'] });
    runFor(world, 400);
    expect(hasLeft()).to.equal(false);
    world.inactive.delete('v2');
    runFor(world, 100);
    expect(hasLeft()).to.equal(true);
  });

  it('tells nobody late that it lets go: by then it may have attached the volume again', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'] });
    const hasLeft = letGo(world, { deaf: ['v1', 'v2'] });
    runFor(world, 900);
    expect(hasLeft()).to.equal(false);
    runFor(world, 200);
    expect(hasLeft()).to.equal(true);
    let told = 0;
    world.control.onPublish = (subject) => {
      if (subject.endsWith('.detach')) told++;
    };
    runFor(world, 2000);
    expect(told).to.equal(0);
  });

  it('says why nobody decides when none does', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'], inactive: ['v1', 'v2'] });
    world.clock.runFor(1000);
    expect(world.attachment.facts().reason).to.match(/^virtualizer v. does not decide$/);
  });
});
