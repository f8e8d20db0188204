/** What every Bus promises, run against a real NATS server and against the simulated network. */
import { expect } from 'chai';
import type { Bus, BusState } from '../../protocols/ports.ts';
import { type BusWorld, bytes, pass, Recorder, record, settle } from './bus-world.ts';

type Open = () => Promise<BusWorld>;

export function describeBusContract(name: string, open: Open): void {
  describe(`bus, ${name}`, () => {
    let world: BusWorld;
    let one: Bus;
    let two: Bus;
    beforeEach(async () => {
      world = await open();
      one = await world.connect('one');
      two = await world.connect('two');
    });
    afterEach(() => world.close());
    const all = (): Parties => ({ world, one, two });
    describeDelivery(all);
    describeRefusals(all);
    describeTrouble(all);
    describeConnections(all);
  });
}

interface Parties {
  readonly world: BusWorld;
  readonly one: Bus;
  readonly two: Bus;
}

function describeDelivery(all: () => Parties): void {
  it('brings bytes, subject and reply subject to every subscriber, after the publishing call has returned', async () => {
    const { world, one, two } = all();
    const here = record(one, 'a.b');
    const there = record(two, 'a.b');
    await settle(world, two);
    expect(one.publish('a.b', bytes('first'))).to.equal('sent');
    expect(one.publish('a.b', bytes('second'), 'r.1')).to.equal('sent');
    expect(here.log).to.deep.equal([]);
    await world.until(() => here.log.length === 2 && there.log.length === 2);
    expect(here.log).to.deep.equal(['a.b first', 'a.b second reply r.1']);
    expect(there.log).to.deep.equal(here.log);
  });

  it('keeps the order of each publisher', async () => {
    const { world, one, two } = all();
    const three = await world.connect('three');
    const recorder = record(three, 'order.*');
    await settle(world, three);
    for (let count = 0; count < 1000; count++) {
      one.publish('order.one', bytes(String(count)));
      two.publish('order.two', bytes(String(count)));
      if (count % 100 === 0) await world.nextMacrotask();
    }
    await world.until(() => recorder.log.length === 2000, '2000 messages');
    for (const from of ['one', 'two']) {
      const of = recorder.log.filter((line) => line.startsWith(`order.${from} `));
      expect(of).to.deep.equal(Array.from({ length: 1000 }, (_, at) => `order.${from} ${at}`));
    }
  });

  it('matches one token with * and all the rest with >', async () => {
    const { world, one, two } = all();
    const recorders = ['w.*.c', 'w.>', 'w.a.*', 'w.a.c', '*.a.c', 'w.a.>', 'w.a.c.>'];
    const heard = recorders.map((subject) => ({ subject, recorder: record(two, subject) }));
    const last = record(two, 'end');
    await settle(world, two);
    for (const subject of ['w.a.c', 'w.a', 'w.a.c.d', 'v.a.c']) one.publish(subject, bytes('x'));
    await pass(world, one, last, 'end');
    const texts = heard.map(({ subject, recorder }) => {
      return `${subject}: ${recorder.log.map((line) => line.split(' ')[0]).join(' ')}`;
    });
    expect(texts).to.deep.equal([
      'w.*.c: w.a.c',
      'w.>: w.a.c w.a w.a.c.d',
      'w.a.*: w.a.c',
      'w.a.c: w.a.c',
      '*.a.c: w.a.c v.a.c',
      'w.a.>: w.a.c w.a.c.d',
      'w.a.c.>: w.a.c.d',
    ]);
  });

  it('brings nothing more to a cancelled subscription, and the same as before to others', async () => {
    const { world, one, two } = all();
    const kept = record(two, 'c.1');
    const cancelled = new Recorder();
    const cancel = two.subscribe('c.1', cancelled);
    let ownCount = 0;
    const cancelOwn = two.subscribe('c.1', {
      message: () => {
        ownCount += 1;
        cancelOwn();
      },
    });
    await settle(world, two);
    one.publish('c.1', bytes('1'));
    one.publish('c.1', bytes('2'));
    await world.until(() => kept.log.length === 2 && cancelled.log.length === 2);
    expect(ownCount).to.equal(1);
    cancel();
    cancel();
    await settle(world, two);
    one.publish('c.1', bytes('3'));
    await world.until(() => kept.log.length === 3);
    expect(cancelled.log).to.have.length(2);
  });

  it('hands out plain bytes that may be views of memory shared by messages', async () => {
    const { world, one, two } = all();
    const recorder = record(two, 'v.1');
    await settle(world, two);
    for (let count = 0; count < 50; count++) one.publish('v.1', bytes(`message ${count}`));
    await world.until(() => recorder.data.length === 50);
    for (const data of recorder.data) expect(data).to.be.instanceOf(Uint8Array);
    const memories = new Set(recorder.data.map((data) => data.buffer));
    expect(memories.size, 'pieces of memory').to.be.below(50);
    expect(recorder.log[49]).to.equal('v.1 message 49');
  });

  it('lets the publisher use its memory again from the next macrotask on', async () => {
    const { world, one, two } = all();
    const recorder = record(two, 'm.1');
    await settle(world, two);
    const memory = bytes('before');
    one.publish('m.1', memory);
    await world.nextMacrotask();
    memory.set(bytes('behind'));
    one.publish('m.1', memory);
    await world.until(() => recorder.log.length === 2);
    expect(recorder.log).to.deep.equal(['m.1 before', 'm.1 behind']);
  });

  it('carries messages up to the largest payload whole, and says of larger ones that they are not sent', async () => {
    const { world, one, two } = all();
    const recorder = record(two, 'p.1');
    await settle(world, two);
    expect(one.payloadBytesMax).to.be.at.least(1024 * 1024);
    const largest = new Uint8Array(one.payloadBytesMax);
    for (let at = 0; at < largest.length; at += 4096) largest[at] = at / 4096;
    expect(one.publish('p.1', new Uint8Array(one.payloadBytesMax + 1))).to.equal('too-large');
    expect(one.publish('p.1', largest)).to.equal('sent');
    await world.until(() => recorder.data.length === 1);
    const arrived = recorder.data[0] ?? new Uint8Array();
    expect(Buffer.compare(arrived, largest)).to.equal(0);
    await pass(world, one, recorder, 'p.1');
    expect(recorder.data).to.have.length(1);
  });
}

function describeRefusals(all: () => Parties): void {
  it('tells the publishing connection, and only it, that nobody listens', async () => {
    const { world, one, two } = all();
    const own = record(one, 'r.one.*');
    const eavesdropper = record(two, 'r.one.*');
    await settle(world, one, two);
    one.publish('nobody.there', bytes('x'), 'r.one.7');
    await world.until(() => own.refusals.length > 0, 'no responders');
    await pass(world, one, own, 'r.one.8');
    await world.until(() => eavesdropper.log.length > 0);
    expect(own.refusals).to.deep.equal(['r.one.7']);
    expect(own.log).to.deep.equal([]);
    expect(eavesdropper.refusals).to.deep.equal([]);
    expect(eavesdropper.log).to.have.length(1);
  });

  it('tells nobody when the reply subject is somebody else’s: a forwarder must use its own', async () => {
    const { world, one, two } = all();
    const own = record(one, 'r.one.*');
    await settle(world, one);
    two.publish('nobody.there', bytes('x'), 'r.one.7');
    await settle(world, two);
    await pass(world, two, own, 'r.one.8');
    expect(own.refusals).to.deep.equal([]);
  });

  it('knows at once when a subscriber comes and goes', async () => {
    const { world, one, two } = all();
    const own = record(one, 'r.one.*');
    const cancel = two.subscribe('s.1', new Recorder());
    await settle(world, one, two);
    one.publish('s.1', bytes('x'), 'r.one.1');
    await pass(world, one, own, 'r.one.0');
    expect(own.refusals).to.deep.equal([]);
    cancel();
    await settle(world, two);
    one.publish('s.1', bytes('x'), 'r.one.2');
    await world.until(() => own.refusals.length > 0);
    expect(own.refusals).to.deep.equal(['r.one.2']);
  });

  it('takes an empty message for a message', async () => {
    const { world, one, two } = all();
    const recorder = record(two, 'e.1');
    await settle(world, two);
    one.publish('e.1', new Uint8Array());
    await world.until(() => recorder.log.length === 1);
    expect(recorder.refusals).to.deep.equal([]);
  });

  it('refuses subjects that would break the connection, and the connection lives', async () => {
    const { world, one } = all();
    const recorder = record(one, 'ok');
    const wrong = ['', 'a b', 'a..b', '.a', 'a.', 'a\r\nb', 'a\tb', 'ä', 'a'.repeat(300)];
    for (const subject of wrong) {
      expect(() => one.publish(subject, bytes('x')), subject).to.throw(RangeError);
      expect(() => one.subscribe(subject, recorder), subject).to.throw(RangeError);
      if (subject !== '')
        expect(() => one.publish('ok', bytes('x'), subject), subject).to.throw(RangeError);
    }
    for (const subject of ['a.*', '>', 'a.>'])
      expect(() => one.publish(subject, bytes('x')), subject).to.throw(RangeError);
    for (const subject of ['a.>.b', 'a*', '>a'])
      expect(() => one.subscribe(subject, recorder), subject).to.throw(RangeError);
    await pass(world, one, recorder, 'ok');
    expect(one.state).to.equal('connected');
    expect(recorder.log).to.deep.equal([]);
  });
}

function describeTrouble(all: () => Parties): void {
  it('survives a subscriber that throws: it is logged, and everybody goes on hearing', async () => {
    const { world, one, two } = all();
    let calls = 0;
    two.subscribe('t.1', {
      message: () => {
        calls += 1;
        throw new Error('a bug in a subscriber');
      },
      noResponders: () => {
        throw new Error('another bug');
      },
    });
    const bystander = record(two, 't.1');
    const other = record(two, 't.2');
    await settle(world, two);
    const errorsBefore = world.errorCount();
    two.publish('nobody.there', bytes('x'), 't.1');
    for (let count = 0; count < 3; count++) one.publish('t.1', bytes('x'));
    one.publish('t.2', bytes('x'));
    await world.until(() => calls === 3 && bystander.log.length === 3 && other.log.length === 1);
    await world.until(() => world.errorCount() - errorsBefore >= 3, 'errors in the log');
  });

  it('does not let one stopped reader stall others while its sender keeps within its credits', async () => {
    const { world, one, two } = all();
    await world.stoppedReader('slow');
    const answers = record(one, 'pong');
    two.subscribe('ping', { message: (data) => two.publish('pong', data.slice()) });
    await settle(world, one, two);
    const creditBytes = 8 * 1024 * 1024;
    const piece = new Uint8Array(64 * 1024);
    for (let sent = 0; sent < creditBytes; sent += piece.length) one.publish('slow', piece);
    let slowestMs = 0;
    for (let count = 1; count <= 20; count++) {
      const start = world.now();
      one.publish('ping', bytes(String(count)));
      await world.until(() => answers.log.length === count, 'an answer');
      slowestMs = Math.max(slowestMs, world.now() - start);
    }
    expect(slowestMs).to.be.below(1500);
    expect(one.state).to.equal('connected');
  });
}

function describeConnections(all: () => Parties): void {
  it('says when it is disconnected, and loses what is published meanwhile in either direction', async () => {
    const { world, one, two } = all();
    const there = record(two, 'l.two');
    const here = record(one, 'l.one');
    await settle(world, one, two);
    world.cut(one);
    await world.until(() => one.state === 'disconnected', 'the disconnect');
    expect(one.publish('l.two', bytes('lost'))).to.equal('disconnected');
    expect(two.publish('l.one', bytes('lost'))).to.equal('sent');
    await settle(world, two);
    world.mend(one);
    await world.until(() => one.state === 'connected', 'the reconnect');
    await pass(world, one, there, 'l.two');
    await settle(world, one);
    await pass(world, two, here, 'l.one');
    expect(there.log).to.deep.equal([]);
    expect(here.log).to.deep.equal([]);
  });

  it('tells each change of state, and a reconnect is the time to announce again', async () => {
    const { world, one, two } = all();
    const heard = record(two, 'announce');
    await settle(world, two);
    const states: BusState[] = [];
    one.onState(() => {
      throw new Error('a bug in a listener');
    });
    const cancel = one.onState((state) => {
      states.push(state);
      if (state === 'connected') expect(one.publish('announce', bytes('here'))).to.equal('sent');
    });
    world.cut(one);
    await world.until(() => states.length === 1);
    world.mend(one);
    await world.until(() => heard.log.length === 1, 'the announcement');
    expect(states).to.deep.equal(['disconnected', 'connected']);
    cancel();
    world.cut(one);
    await world.until(() => one.state === 'disconnected');
    expect(states).to.have.length(2);
  });

  it('keeps subscriptions over a reconnect, also those made or cancelled meanwhile', async () => {
    const { world, one, two } = all();
    const kept = record(one, 'k.kept');
    const dropped = new Recorder();
    const drop = one.subscribe('k.dropped', dropped);
    await settle(world, one);
    world.cut(one);
    await world.until(() => one.state === 'disconnected');
    const added = record(one, 'k.added');
    drop();
    world.mend(one);
    await world.until(() => one.state === 'connected');
    await settle(world, one);
    for (const subject of ['k.dropped', 'k.kept', 'k.added']) two.publish(subject, bytes('x'));
    await world.until(() => kept.log.length === 1 && added.log.length === 1);
    expect(dropped.log).to.deep.equal([]);
  });

  it('sends what was published before it closes, and is silent afterwards', async () => {
    const { world, one, two } = all();
    const there = record(two, 'z.two');
    const here = record(one, 'z.one');
    await settle(world, one, two);
    const states: BusState[] = [];
    one.onState((state) => states.push(state));
    const piece = new Uint8Array(64 * 1024);
    for (let count = 0; count < 100; count++) one.publish('z.two', piece);
    let closedCount = 0;
    const closed = () => {
      closedCount += 1;
    };
    one.close(closed);
    one.close(closed);
    expect(closedCount).to.equal(0);
    await world.until(() => closedCount === 2, 'both to be closed');
    await world.until(() => there.log.length === 100, 'the last messages');
    expect(one.state).to.equal('closed');
    expect(states).to.deep.equal(['closed']);
    expect(one.publish('z.two', bytes('late'))).to.equal('disconnected');
    one.subscribe('z.one', here)();
    two.publish('z.one', bytes('x'));
    await settle(world, two);
    expect(here.log).to.deep.equal([]);
  });

  it('closes while it is disconnected', async () => {
    const { world, one } = all();
    world.cut(one);
    await world.until(() => one.state === 'disconnected');
    let closed = false;
    one.close(() => {
      closed = true;
    });
    await world.until(() => closed, 'the end');
    expect(one.state).to.equal('closed');
  });
}
