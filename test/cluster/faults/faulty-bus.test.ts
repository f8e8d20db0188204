import { expect } from 'chai';
import { FaultyBus } from '../../../cluster/faults/faulty-bus.ts';
import { idOf, type LinkId } from '../../../protocols/ids.ts';
import type { BusState } from '../../../protocols/ports.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { describeBusContract } from '../../ports/bus-contract.ts';
import { bytes, record, settle } from '../../ports/bus-world.ts';
import { simulatedBusWorld } from '../../ports/simulated-bus-world.ts';

type FaultyWorld = ReturnType<typeof openWorld>;

/** The simulated network, with faults put around every connection. */
function openWorld() {
  return simulatedBusWorld((bus, clock, log) => new FaultyBus(bus, clock, log));
}

describeBusContract('with faults around it, none of them injected', async () => openWorld());

describeBusContract('with a fault of some link around it', async () => {
  const world = openWorld();
  return {
    ...world,
    connect: async (name) => {
      const bus = await world.connect(name);
      bus.inject({ kind: 'link-down', link: idOf('elsewhere') });
      return bus;
    },
  };
});

describeBusContract('that is cut off from somebody else', async () => {
  const world = openWorld();
  const elsewhere = [{ kind: 'switch', id: 'elsewhere' } as const];
  return {
    ...world,
    connect: async (name) => {
      const bus = await world.connect(name);
      bus.inject({ kind: 'unheard', by: elsewhere });
      bus.inject({ kind: 'deaf', to: elsewhere });
      return bus;
    },
  };
});

describe('a bus with faults', () => {
  const { io, reply, replies } = subjectsOf(idOf('test'));
  const link = idOf<LinkId>('s1-d1');
  const toDisk = io({ kind: 'disk', id: 'd1' }, link);
  const otherToDisk = io({ kind: 'disk', id: 'd1' }, idOf('s2-d1'));
  const own = { kind: 'switch', id: 's1' } as const;
  let world: FaultyWorld;
  let sender: FaultyBus;
  let receiver: FaultyBus;
  beforeEach(async () => {
    world = openWorld();
    sender = await world.connect('s1');
    receiver = await world.connect('d1');
  });

  for (const end of ['the sender’s end', 'the receiver’s end', 'both ends'])
    it(`over a link that is down at ${end} nothing arrives, and the sender is told that nobody listens`, async () => {
      const heard = record(receiver, toDisk);
      const answers = record(sender, replies(own));
      await settle(world, sender, receiver);
      const fault = { kind: 'link-down', link } as const;
      const heals = [
        ...(end === 'the receiver’s end' ? [] : [sender.inject(fault)]),
        ...(end === 'the sender’s end' ? [] : [receiver.inject(fault)]),
      ];
      await settle(world, sender, receiver);
      expect(sender.publish(toDisk, bytes('lost'), reply(own, 7))).to.equal('sent');
      await world.until(() => answers.refusals.length === 1, 'nobody listens');
      expect(answers.refusals).to.deep.equal([reply(own, 7)]);
      for (const heal of heals) heal();
      await settle(world, sender, receiver);
      expect(sender.publish(toDisk, bytes('found'), reply(own, 8))).to.equal('sent');
      await world.until(() => heard.log.length === 1, 'the message');
      expect(heard.log[0]).to.contain('found');
    });

  it('a link that is down takes nothing else with it', async () => {
    const heard = record(receiver, otherToDisk);
    const answers = record(sender, replies(own));
    sender.inject({ kind: 'link-down', link });
    receiver.inject({ kind: 'link-down', link });
    await settle(world, sender, receiver);
    sender.publish(otherToDisk, bytes('x'), reply(own, 1));
    receiver.publish(reply(own, 2), bytes('y'));
    await world.until(() => heard.log.length === 1 && answers.log.length === 1);
    expect(answers.refusals).to.deep.equal([]);
  });

  it('a subscription that is made or ended while its link is down is so when the link is back', async () => {
    const heal = receiver.inject({ kind: 'link-down', link });
    const made = record(receiver, toDisk);
    const ended = record(receiver, otherToDisk);
    const cancel = receiver.subscribe(toDisk, ended);
    cancel();
    heal();
    await settle(world, receiver, sender);
    sender.publish(toDisk, bytes('x'));
    await world.until(() => made.log.length === 1);
    expect(ended.log).to.deep.equal([]);
  });

  it('disconnected, it says so, sends and hears nothing, and says so again when it is back', async () => {
    const heard = record(receiver, 'a.b');
    const states: BusState[] = [];
    receiver.onState((state) => states.push(state));
    await settle(world, receiver, sender);
    const heal = receiver.inject({ kind: 'disconnected' });
    expect(receiver.state).to.equal('disconnected');
    expect(receiver.publish('x.y', bytes('lost'))).to.equal('disconnected');
    const answers = record(sender, replies(own));
    await settle(world, sender);
    sender.publish('a.b', bytes('lost'), reply(own, 1));
    await world.until(() => answers.refusals.length === 1, 'nobody listens');
    heal();
    expect(receiver.state).to.equal('connected');
    await settle(world, receiver, sender);
    sender.publish('a.b', bytes('found'));
    await world.until(() => heard.log.length === 1);
    expect(states).to.deep.equal(['disconnected', 'connected']);
  });

  it('disconnected by a fault, it tells no reconnect of the connection below, but its end', async () => {
    const states: BusState[] = [];
    receiver.inject({ kind: 'disconnected' });
    receiver.onState((state) => states.push(state));
    world.cut(receiver);
    world.mend(receiver);
    await settle(world, sender);
    for (let rounds = 0; rounds < 100; rounds++) await world.nextMacrotask();
    expect(states).to.deep.equal([]);
    let closed = false;
    receiver.close(() => {
      closed = true;
    });
    await world.until(() => closed);
    expect(states).to.deep.equal(['closed']);
  });

  it('over a slow link messages wait, in order, and others pass them', async () => {
    const heard = record(receiver, toDisk);
    const other = record(receiver, otherToDisk);
    await settle(world, receiver, sender);
    sender.inject({ kind: 'slow', link, delayMs: 100 });
    const startMs = world.now();
    const memory = bytes('1');
    sender.publish(toDisk, memory);
    await world.nextMacrotask();
    memory.set(bytes('0'));
    for (const text of ['2', '3']) sender.publish(toDisk, bytes(text));
    sender.publish(otherToDisk, bytes('4'));
    await world.until(() => other.log.length === 1);
    expect(heard.log).to.deep.equal([]);
    await world.until(() => heard.log.length === 3);
    expect(world.now() - startMs).to.be.within(100, 110);
    expect(heard.log).to.deep.equal([1, 2, 3].map((text) => `${toDisk} ${text}`));
  });

  it('a message never overtakes one that waits, although it need not wait so long', async () => {
    const heard = record(receiver, toDisk);
    await settle(world, receiver, sender);
    const heal = sender.inject({ kind: 'slow', link, delayMs: 1000 });
    sender.publish(toDisk, bytes('1'));
    sender.inject({ kind: 'slow', link, delayMs: 1 });
    heal();
    sender.publish(toDisk, bytes('2'));
    await world.until(() => heard.log.length === 2);
    expect(heard.log).to.deep.equal([`${toDisk} 1`, `${toDisk} 2`]);
  });

  it('what waits is sent when the link is healed, before what comes then', async () => {
    const heard = record(receiver, toDisk);
    await settle(world, receiver, sender);
    const heal = sender.inject({ kind: 'slow', link, delayMs: 10_000 });
    const startMs = world.now();
    sender.publish(toDisk, bytes('1'));
    heal();
    sender.publish(toDisk, bytes('2'));
    await world.until(() => heard.log.length === 2);
    expect(world.now() - startMs).to.be.below(100);
    expect(heard.log).to.deep.equal([`${toDisk} 1`, `${toDisk} 2`]);
  });

  it('what waits for a link that is down meanwhile is answered with nobody listens', async () => {
    const answers = record(sender, replies(own));
    record(receiver, toDisk);
    await settle(world, receiver, sender);
    sender.inject({ kind: 'slow', link, delayMs: 10 });
    sender.publish(toDisk, bytes('1'), reply(own, 3));
    sender.inject({ kind: 'link-down', link });
    await world.until(() => answers.refusals.length === 1);
    expect(answers.refusals).to.deep.equal([reply(own, 3)]);
  });

  it('a slow switch sends everything late, replies too', async () => {
    const heard = record(receiver, 'r.1');
    await settle(world, receiver, sender);
    sender.inject({ kind: 'slow', link: null, delayMs: 50 });
    const startMs = world.now();
    sender.publish('r.1', bytes('x'));
    await world.until(() => heard.log.length === 1);
    expect(world.now() - startMs).to.be.at.least(50);
  });

  it('closing it sends what waits', async () => {
    const heard = record(receiver, toDisk);
    await settle(world, receiver, sender);
    sender.inject({ kind: 'slow', link, delayMs: 10_000 });
    sender.publish(toDisk, bytes('1'));
    sender.close(() => {});
    await world.until(() => heard.log.length === 1);
  });

  it('keeps a bound on what waits: the rest is lost', async () => {
    const heard = record(receiver, toDisk);
    await settle(world, receiver, sender);
    sender.inject({ kind: 'slow', link, delayMs: 10 });
    const piece = new Uint8Array(1024 * 1024);
    for (let count = 0; count < 40; count++) sender.publish(toDisk, piece);
    await world.until(() => heard.log.length === 32);
    await settle(world, receiver, sender);
    expect(heard.log).to.have.length(32);
  });

  it('two faults end each by itself', async () => {
    const answers = record(sender, replies(own));
    record(receiver, toDisk);
    const healFirst = sender.inject({ kind: 'link-down', link });
    const healSecond = sender.inject({ kind: 'link-down', link });
    await settle(world, receiver, sender);
    healFirst();
    healFirst();
    sender.publish(toDisk, bytes('x'), reply(own, 1));
    await world.until(() => answers.refusals.length === 1);
    healSecond();
    sender.publish(toDisk, bytes('x'), reply(own, 2));
    await settle(world, sender, receiver);
    expect(answers.refusals).to.have.length(1);
  });
});
