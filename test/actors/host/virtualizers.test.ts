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

  it('tells nobody late that it lets go: by then it may have attached the volume again', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'] });
    world.serve();
    world.asked.splice(0);
    world.control.onPublish = ((answered) => (subject, data, reply) => {
      if (!subject.endsWith('.v1.detach')) answered(subject, data, reply);
    })(world.control.onPublish);
    let left = false;
    world.host.detach(volume, () => {
      left = true;
    });
    for (let step = 0; step < 110; step++) {
      world.answerAll();
      world.clock.runFor(20);
    }
    expect(left).to.equal(true);
    expect(world.asked.filter(({ verb }) => verb === 'detach')).to.be.empty;
  });

  it('says why nobody decides when none does', () => {
    const world = new HostWorld({ virtualizers: ['v1', 'v2'], inactive: ['v1', 'v2'] });
    world.clock.runFor(1000);
    expect(world.attachment.facts().reason).to.match(/^virtualizer v. does not decide$/);
  });
});
