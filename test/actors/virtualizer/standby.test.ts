/** Of several virtualizers one decides, and another one is there when it is gone (DESIGN V7). */
import { expect } from 'chai';
import { encodeJson } from '../../../actors/json.ts';
import type { Virtualizer } from '../../../actors/virtualizer/virtualizer.ts';
import { verbs } from '../../../protocols/commands.ts';
import type { FakeBus } from './fake-network.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

describe('virtualizers: one decides, and others stand by', () => {
  let world: VirtualizerWorld;
  let v1: Virtualizer;
  let v1Bus: FakeBus;
  let v2: Virtualizer;
  const states = () => [v1.state, v2.state];
  /** How long it takes from now until v2 decides. */
  const takeoverMs = (): number => {
    const startMs = world.clock.now();
    world.until(() => v2.state === 'active', 'v2 decides');
    return world.clock.now() - startMs;
  };
  beforeEach(() => {
    world = new VirtualizerWorld();
    world.startServing();
    v1 = world.virtualizer;
    v1Bus = world.virtualizerBus;
    world.leaveVirtualizerRunning();
    v2 = world.startVirtualizer('v2');
    world.run(5000);
  });

  it('who comes second stands by as long as the first one decides, says so, and decides nothing', () => {
    expect(states()).to.deep.equal(['active', 'standby']);
    const { generation } = world.record();
    world.run(60_000);
    expect(states()).to.deep.equal(['active', 'standby']);
    const { reason, volumes } = v2.description().facts;
    expect(reason).to.equal('it stands by: virtualizer v1 decides with control epoch 1');
    expect(volumes).to.deep.equal([]);
    expect(world.record()).to.include({ generation, controlEpoch: 1 });
  });

  it('takes over from one that is gone without a word once its lease has run out, and not before', () => {
    v1Bus.close(() => {});
    expect(takeoverMs()).to.be.within(2000, 3500);
    world.untilState('serving');
    world.kill('s1');
    world.until(
      () => world.record().partitions.every(({ coordinator }) => coordinator === 's2'),
      'it decides',
    );
    expect(world.record().controlEpoch).to.equal(2);
  });

  it('takes over at once from one that says goodbye', () => {
    v1.stop();
    expect(takeoverMs()).to.be.below(100);
  });

  it('takes over at once from one whose process was seen to end', () => {
    v1Bus.close(() => {});
    const actors = [{ kind: 'virtualizer', id: 'v1' }];
    const bus = world.network.open();
    bus.publish('san.v1.test.evt.node.sup.exited', encodeJson({ node: 'v1', actors }));
    expect(takeoverMs()).to.be.below(100);
  });

  it('is not hurried by the end of others', () => {
    const actors = [
      { kind: 'virtualizer', id: 'v3' },
      { kind: 'disk', id: 'd9' },
    ];
    const bus = world.network.open();
    bus.publish('san.v1.test.evt.node.sup.exited', encodeJson({ node: 'v3', actors }));
    world.run(10_000);
    expect(states()).to.deep.equal(['active', 'standby']);
  });

  it('goes on with the volumes where the other one was: hosts notice nothing', () => {
    const { attachments, partitions } = world.record();
    v1.stop();
    takeoverMs();
    world.untilState('serving');
    expect(world.record().attachments).to.deep.equal(attachments);
    expect(world.record().partitions).to.deep.equal(partitions);
  });

  it('gives control to nobody while the config database cannot be reached, however long', () => {
    world.database.isAvailable = false;
    world.run(60_000);
    world.database.isAvailable = true;
    world.run(10_000);
    expect(states()).to.deep.equal(['active', 'standby']);
    expect(world.record().controlEpoch).to.equal(1);
  });

  it('keeps control while it looks at the volumes, however long that takes', () => {
    v1.stop();
    world.database.delayMs = 400;
    for (let number = 0; number < 40; number++)
      world.database.put(`volume.former${number}`, JSON.stringify(world.record()), 0);
    world.leaveVirtualizerRunning();
    const third = world.startVirtualizer('v3');
    world.run(20_000);
    expect([v2.state, third.state].filter((state) => state === 'active')).to.have.length(1);
    expect(JSON.parse(world.database.values.get('control')?.value ?? '')).to.include({
      controlEpoch: 2,
    });
  });

  it('promises nothing that must be decided when it cannot renew its lease; another one may', () => {
    const attach = () =>
      world.commandTo('v1', verbs.attach, {
        ...{ host: 'h2', hostIncarnation: 1, volume: 'vol0', mode: 'exclusive', readOnly: false },
      });
    expect(attach()).to.include({ reason: 'refused' });
    world.database.isAvailable = false;
    world.run(4000);
    expect(attach()).to.include({ ok: false, reason: 'inactive' });
    world.database.isAvailable = true;
    world.run(4000);
    expect(attach()).to.include({ reason: 'refused' });
    expect(states()).to.deep.equal(['active', 'standby']);
  });

  it('who was away and is back stands by', () => {
    v1.stop();
    takeoverMs();
    world.leaveVirtualizerRunning();
    v1 = world.startVirtualizer('v1');
    world.run(20_000);
    expect(states()).to.deep.equal(['standby', 'active']);
  });
});
