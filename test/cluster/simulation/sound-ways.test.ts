import { expect } from 'chai';
import { type DrawnPolicies, usualPolicies } from '../../../cluster/simulation/drawn-policies.ts';
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import { SoundWays } from '../../../cluster/simulation/sound-ways.ts';
import type { HostId, SwitchId, VolumeId } from '../../../protocols/ids.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';

const [host, volume] = ['h1' as HostId, 'vol0' as VolumeId];
const forMs = 1000;
const stepMs = 25;

/** A cluster, and what is asked of it: whether h1 had all its ways to vol0 for a second. */
class Watched {
  readonly san: SimulatedSan;
  readonly #ways: SoundWays;

  constructor(route: DrawnPolicies['route'] = 'whole') {
    const policies = { ...usualPolicies, route, noPathRetry: 1 };
    this.san = new SimulatedSan(simulatedTopology('default', policies));
    this.#ways = new SoundWays(this.san.world);
    this.#ways.look();
  }

  after(ms: number): boolean {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.san.runFor(stepMs);
      this.#ways.look();
    }
    return this.#ways.hadAll(host, volume, forMs);
  }

  down(...targets: readonly `${'link' | 'hba'}:${string}`[]): void {
    for (const target of targets) this.san.world.inject({ kind: 'down', target });
  }
}

describe('whether a host had ways for its I/O, by what really befell them', () => {
  it('it had while nothing was wrong, and while one of two HBAs was down', () => {
    const watched = new Watched();
    expect(watched.after(1500)).to.equal(true);
    watched.down('hba:h1-a');
    expect(watched.after(1500)).to.equal(true);
  });

  it('it had none while both HBAs were down, nor at once when they came back', () => {
    const watched = new Watched();
    watched.down('hba:h1-a', 'hba:h1-b');
    expect(watched.after(1500)).to.equal(false);
    watched.san.world.heal(null);
    expect(watched.after(500)).to.equal(false);
    expect(watched.after(1000)).to.equal(true);
  });

  it('it had none to a disk that lost all its links, or stood still', () => {
    const watched = new Watched();
    watched.down('link:s1-d1', 'link:s2-d1');
    expect(watched.after(1500)).to.equal(false);
    watched.san.world.heal(null);
    expect(watched.after(1500)).to.equal(true);
    watched.san.node('d1').process?.pause();
    expect(watched.after(100)).to.equal(false);
  });

  it('it may have known of none while it was cut off from its virtualizer (seed 301)', () => {
    const watched = new Watched();
    const control = watched.san.node('h1').buses.find(({ role }) => role === 'control');
    control?.cut(800);
    expect(watched.after(1500)).to.equal(false);
    expect(watched.after(1000)).to.equal(true);
  });

  it('it is not blamed for a way that switches choose', () => {
    const watched = new Watched('firstHop');
    watched.down('link:s1-d1');
    expect(watched.after(1500)).to.equal(false);
  });

  it('it is not blamed for ways to a coordinator that has only just become one (seed 622)', () => {
    const watched = new Watched();
    expect(watched.after(1500)).to.equal(true);
    watched.san.node('s1').kill();
    const { database } = watched.san.world;
    const owners = () => recordOf(database, volume)?.partitions.map((each) => each.coordinator);
    while (owners()?.includes('s1' as SwitchId)) watched.after(stepMs);
    expect(watched.after(500)).to.equal(false);
    expect(watched.after(1000)).to.equal(true);
  });
});
