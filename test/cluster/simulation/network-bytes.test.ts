import { expect } from 'chai';
import type { SimulatedBus } from '../../../cluster/simulation/bus.ts';
import { BytesChanged } from '../../../cluster/simulation/message-bytes.ts';
import { million, SeededRandom } from '../../../cluster/simulation/random.ts';
import { calmWeather } from '../../../cluster/simulation/weather.ts';
import { ignore, NetworkWorld } from './network-world.ts';

describe('simulated network, ownership of bytes', () => {
  function published(world: NetworkWorld): {
    data: Uint8Array;
    kept: Uint8Array[];
    sender: SimulatedBus;
  } {
    const kept: Uint8Array[] = [];
    world.connect('keeper').subscribe('s', {
      message: (data) => {
        kept.push(data);
      },
    });
    return { data: new Uint8Array(4096).fill(7), kept, sender: world.connect('sender') };
  }

  it('catches a publisher that changes bytes before they have left', () => {
    const world = new NetworkWorld();
    const { data, sender } = published(world);
    world.clock.setTimeout(() => {
      sender.publish('s', data);
      world.clock.soon(() => {
        data[4000] = 8;
      });
    }, 1);
    expect(() => world.clock.runFor(10)).to.throw(BytesChanged, 'sender/io');
  });

  it('lets a publisher change them afterwards, and the receiver gets what was published', () => {
    const world = new NetworkWorld();
    const { data, sender, kept } = published(world);
    world.clock.setTimeout(() => sender.publish('s', data), 1);
    world.clock.setTimeout(() => data.fill(9), 1);
    world.clock.runFor(10);
    expect(kept[0]?.[4000]).to.equal(7);
  });

  it('catches a receiver that changes what it got while it gets it', () => {
    const world = new NetworkWorld();
    const { data, sender } = published(world);
    world.connect('vandal').subscribe('s', {
      message: (received) => {
        received[0] = 1;
      },
    });
    sender.publish('s', data);
    expect(() => world.clock.runFor(10)).to.throw(BytesChanged, 'vandal/io');
  });

  it('catches a receiver that keeps what it got and changes it later', () => {
    const world = new NetworkWorld();
    const { data, sender, kept } = published(world);
    sender.publish('s', data);
    world.clock.runFor(10);
    kept[0]?.fill(0);
    const goOn = () => {
      for (let count = 0; count < 100; count++) sender.publish('s', data);
      world.clock.runFor(10);
    };
    expect(goOn).to.throw(BytesChanged, 'after it had returned');
  });
});

describe('simulated network, determinism', () => {
  /** Some talk among processes, in bad weather, with everything that can befall them. */
  function run(seed: number): string {
    const world = new NetworkWorld(seed);
    world.server.weather = {
      ...calmWeather,
      latePerMillion: 10_000,
      lateMsMax: 20,
      lossPerMillion: 20_000,
      repeatPerMillion: 20_000,
      repeatLateMsMax: 20,
    };
    const chance = new SeededRandom(seed).fork('world');
    const buses = ['a', 'b', 'c', 'd'].map((name) => world.connect(name));
    for (const bus of buses) {
      bus.subscribe(`to.${bus.process.name}.*`, {
        message: (_data, _subject, reply) => {
          if (reply !== '') bus.publish(reply, new Uint8Array(chance.integer(100)));
        },
        noResponders: ignore,
      });
    }
    const talk = () => {
      const bus = chance.pick(buses);
      const to = chance.pick(['a', 'b', 'c', 'd', 'nobody']);
      bus.publish(`to.${to}.x`, new Uint8Array(10), `to.${bus.process.name}.r`);
      if (chance.chance(million / 50)) chance.pick(buses).cut(chance.integer(100));
      if (chance.chance(million / 50)) chance.pick(buses).stall();
      if (chance.chance(million / 20)) for (const each of buses) each.release();
      world.clock.setTimeout(talk, chance.fraction() * 2);
    };
    talk();
    world.clock.runFor(2000);
    return world.trace.join('\n');
  }

  it('gives the same trace for the same seed, byte for byte, and another for another', () => {
    const trace = run(11);
    expect(trace.split('\n').length).to.be.above(1000);
    for (const fate of ['delivered', 'repeated', 'no-responders', 'lost', 'cut'])
      expect(trace, fate).to.include(` ${fate} `);
    expect(run(11)).to.equal(trace);
    expect(run(12)).to.not.equal(trace);
  });
});
