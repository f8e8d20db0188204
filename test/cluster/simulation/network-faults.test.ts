import { expect } from 'chai';
import type { SimulatedBus } from '../../../cluster/simulation/bus.ts';
import { calmWeather } from '../../../cluster/simulation/weather.ts';
import type { BusState } from '../../../protocols/ports.ts';
import { ignore, NetworkWorld } from './network-world.ts';

function say(bus: SimulatedBus, subject: string, number: number): void {
  bus.publish(subject, Uint8Array.of(number >> 8, number & 255));
}

function numbersOf(heard: readonly { number: number }[]): number[] {
  return heard.map(({ number }) => number);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

describe('simulated network, faults', () => {
  it('loses the messages that chance picks, at the rate asked for, and keeps the others in order', () => {
    const world = new NetworkWorld();
    world.server.weather = { ...calmWeather, lossPerMillion: 100_000 };
    const heard = world.listen(world.connect('b'), 's');
    const sender = world.connect('a');
    for (const number of upTo(2000)) say(sender, 's', number);
    world.clock.runFor(100);
    expect(heard.length).to.be.within(1740, 1860);
    expect(numbersOf(heard)).to.deep.equal(numbersOf(heard).toSorted((x, y) => x - y));
    expect(world.network.counters.lost).to.equal(2000 - heard.length);
  });

  it('delays each message by chance, some much longer, and lets none overtake its elder', () => {
    const world = new NetworkWorld();
    world.server.weather = { ...calmWeather, latePerMillion: 5_000, lateMsMax: 50 };
    const heard = world.listen(world.connect('b'), 's');
    const sender = world.connect('a');
    const sentAtMs: number[] = [];
    for (const number of upTo(1000)) {
      world.clock.setTimeout(() => {
        sentAtMs[number] = world.clock.now();
        say(sender, 's', number);
      }, number);
    }
    world.clock.runFor(2000);
    expect(numbersOf(heard)).to.deep.equal(upTo(1000));
    const delaysMs = heard.map(({ number, atMs }) => atMs - (sentAtMs[number] ?? 0));
    expect(Math.min(...delaysMs)).to.be.at.least(calmWeather.delayMsMin);
    expect(Math.max(...delaysMs)).to.be.within(10, 110);
    expect(delaysMs.toSorted((x, y) => x - y)[300]).to.be.below(0.5);
  });

  it('brings some messages twice, the second time among younger ones', () => {
    const world = new NetworkWorld();
    const repeats = { repeatPerMillion: 50_000, repeatLateMsMax: 100 };
    world.server.weather = { ...calmWeather, ...repeats };
    const heard = world.listen(world.connect('b'), 's');
    const sender = world.connect('a');
    for (const number of upTo(1000)) world.clock.setTimeout(() => say(sender, 's', number), number);
    world.clock.runFor(2000);
    const firsts = numbersOf(heard).filter((number, at, all) => all.indexOf(number) === at);
    expect(firsts).to.deep.equal(upTo(1000));
    expect(heard.length - firsts.length).to.be.within(25, 80);
    expect(world.network.counters.repeated).to.equal(heard.length - firsts.length);
    expect(world.network.counters.delivered).to.equal(1000);
  });

  it('parts two processes in one direction, or both, and heals', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    const b = world.connect('b');
    const atA = world.listen(a, 'to.a');
    const atB = world.listen(b, 'to.b');
    const exchange = (number: number) => {
      say(a, 'to.b', number);
      say(b, 'to.a', number);
      world.clock.runFor(10);
    };
    world.network.partition('a', 'b');
    exchange(1);
    world.network.partition('b', 'a');
    exchange(2);
    world.network.heal('a', 'b');
    exchange(3);
    world.network.healAll();
    exchange(4);
    expect(numbersOf(atA)).to.deep.equal([1, 4]);
    expect(numbersOf(atB)).to.deep.equal([3, 4]);
    expect(world.network.counters.partitioned).to.equal(4);
  });

  it('loses what is published to one subject, and tells no publisher', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    const b = world.connect('b');
    const heard = ['silent', 'loud'].map((subject) => world.listen(b, subject));
    world.network.silence('silent');
    for (const subject of ['silent', 'loud']) say(a, subject, 1);
    world.clock.runFor(10);
    world.network.endSilence('silent');
    for (const subject of ['silent', 'loud']) say(a, subject, 2);
    world.clock.runFor(10);
    expect(heard.map(numbersOf)).to.deep.equal([[2], [1, 2]]);
  });

  it('loses what is on its way to or from a connection that is cut, and comes back by itself', () => {
    const world = new NetworkWorld();
    world.server.weather = { ...calmWeather, delayMsMin: 10, delayMsMean: 0 };
    const a = world.connect('a');
    const b = world.connect('b');
    const atA = world.listen(a, 'to.a');
    const atB = world.listen(b, 'to.b');
    say(b, 'to.a', 1);
    say(a, 'to.b', 1);
    world.clock.runFor(7);
    say(a, 'to.b', 2);
    world.clock.runFor(1);
    a.cut(50);
    world.clock.runFor(30);
    expect(a.state).to.equal('disconnected');
    expect(numbersOf(atB), 'the first had reached the server').to.deep.equal([1]);
    expect(numbersOf(atA)).to.deep.equal([]);
    world.clock.runFor(500);
    expect(a.state).to.equal('connected');
    say(b, 'to.a', 3);
    world.clock.runFor(20);
    expect(numbersOf(atA)).to.deep.equal([3]);
  });

  it('lets a client publish into nothing until it notices that its connection is gone', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    const atB = world.listen(world.connect('b'), 's');
    a.cut();
    expect(a.publish('s', new Uint8Array(2))).to.equal('sent');
    world.clock.runFor(25);
    expect(a.publish('s', new Uint8Array(2))).to.equal('disconnected');
    world.clock.runFor(1000);
    expect(atB).to.deep.equal([]);
  });

  it('ends all connections of a server that stops; they come back when it is up again', () => {
    const world = new NetworkWorld();
    const states: BusState[] = [];
    const a = world.connect('a');
    a.onState((state) => states.push(state));
    const elsewhere = world.network.server('f2');
    world.server.stop();
    world.clock.runFor(5000);
    expect(states).to.deep.equal(['disconnected']);
    expect(elsewhere.up).to.equal(true);
    world.server.start();
    world.clock.runFor(500);
    expect(states).to.deep.equal(['disconnected', 'connected']);
  });

  it('kills a process: what had left it still arrives, what had not does not, and it hears nothing more', () => {
    const world = new NetworkWorld();
    world.server.weather = { ...calmWeather, delayMsMin: 10, delayMsMean: 0 };
    const dead = world.connect('dead');
    const atDead = world.listen(dead, 'to.dead');
    const b = world.connect('b');
    const atB = world.listen(b, 'to.b');
    say(b, 'to.dead', 1);
    say(dead, 'to.b', 1);
    world.clock.runFor(8);
    say(dead, 'to.b', 2);
    dead.process.stop();
    expect(dead.publish('to.b', new Uint8Array(2))).to.equal('disconnected');
    world.clock.runFor(100);
    expect(numbersOf(atB), 'a ghost of the dead').to.deep.equal([1]);
    expect(atDead).to.deep.equal([]);
    expect(world.network.counters.dead).to.equal(1);
    let refused = 0;
    b.subscribe('r', {
      message: ignore,
      noResponders: () => {
        refused += 1;
      },
    });
    b.publish('to.dead', new Uint8Array(2), 'r');
    world.clock.runFor(100);
    expect(refused).to.equal(1);
  });

  it('pauses a process: it gives no 503, and hears old messages, in order, when it wakes', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    let refused = 0;
    a.subscribe('r', {
      message: ignore,
      noResponders: () => {
        refused += 1;
      },
    });
    const sleeper = world.connect('sleeper');
    const heard = world.listen(sleeper, 's');
    sleeper.process.pause();
    for (const number of upTo(10)) a.publish('s', Uint8Array.of(0, number), 'r');
    world.clock.runFor(1000);
    expect(heard).to.deep.equal([]);
    expect(refused).to.equal(0);
    sleeper.process.resume();
    say(a, 's', 10);
    world.clock.runFor(10);
    expect(numbersOf(heard)).to.deep.equal(upTo(11));
  });

  it('hangs up on a receiver for which too much waits; what its kernel holds it hears all the same', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    const sleeper = world.connect('sleeper');
    const states: BusState[] = [];
    sleeper.onState((state) => states.push(state));
    let heardBytes = 0;
    sleeper.subscribe('s', {
      message: (data) => {
        heardBytes += data.length;
      },
    });
    sleeper.process.pause();
    const piece = new Uint8Array(1024 * 1024 - 1000);
    for (let count = 0; count < 80; count++)
      a.publish('s', count === 0 ? new Uint8Array(1000) : piece);
    world.clock.runFor(100);
    expect(world.network.counters.slowReceivers).to.equal(1);
    sleeper.process.resume();
    world.clock.runFor(1000);
    expect(heardBytes).to.equal(1000);
    expect(states).to.deep.equal(['disconnected', 'connected']);
  });

  it('stalls a connection: nothing gets through, nobody is told, and everything arrives late', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    const b = world.connect('b');
    const atA = world.listen(a, 'to.a');
    const atB = world.listen(b, 'to.b');
    a.stall();
    for (const number of upTo(5)) {
      say(a, 'to.b', number);
      say(b, 'to.a', number);
    }
    world.clock.runFor(3000);
    expect([atA, atB]).to.deep.equal([[], []]);
    expect(a.state).to.equal('connected');
    a.release();
    say(a, 'to.b', 5);
    say(b, 'to.a', 5);
    world.clock.runFor(10);
    expect(numbersOf(atA)).to.deep.equal(upTo(6));
    expect(numbersOf(atB)).to.deep.equal(upTo(6));
  });

  it('gives up a stalled connection after some seconds; what waited is lost', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    const atB = world.listen(world.connect('b'), 'to.b');
    a.stall();
    say(a, 'to.b', 1);
    world.clock.runFor(7000);
    expect(a.state).to.equal('disconnected');
    a.release();
    world.clock.runFor(500);
    expect(a.state).to.equal('connected');
    expect(atB).to.deep.equal([]);
  });

  it('comes about later when the server is not up at first', () => {
    const world = new NetworkWorld();
    world.server.stop();
    const a = world.connect('a');
    const heard = world.listen(a, 's');
    expect(a.publish('s', new Uint8Array(2))).to.equal('disconnected');
    world.server.start();
    world.clock.runFor(500);
    say(a, 's', 1);
    world.clock.runFor(10);
    expect(numbersOf(heard)).to.deep.equal([1]);
  });

  it('tells the world about a subscriber that throws, for in a simulation that is a find', () => {
    const world = new NetworkWorld();
    const a = world.connect('a');
    a.subscribe('s', {
      message: () => {
        throw new Error('a bug');
      },
    });
    say(a, 's', 1);
    world.clock.runFor(10);
    expect(world.bugs).to.have.length(1);
    expect(world.network.counters.handlerErrors).to.equal(1);
  });
});
