/** Hosts of which a new coordinator hears nothing: whose fault that is (DESIGN I6, H5). */
import { expect } from 'chai';
import { PresenceTable } from '../../../actors/virtualizer/presence.ts';
import { SilentHosts } from '../../../actors/virtualizer/silent-hosts.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import type { Description } from '../../../protocols/commands.ts';
import type { HostId, SwitchId } from '../../../protocols/ids.ts';
import { type Instant, unitOf } from '../../../protocols/units.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const [s1, s2, s3] = ['s1', 's2', 's3'] as SwitchId[] as [SwitchId, SwitchId, SwitchId];
const [h1, h2] = ['h1', 'h2'] as HostId[] as [HostId, HostId];

class World {
  readonly clock = new VirtualClock();
  readonly presence = new PresenceTable(this.clock.now());
  readonly hosts = new SilentHosts(this);

  constructor() {
    for (const id of [s1, s2, s3]) this.sees('switch', id);
    for (const id of [h1, h2]) this.sees('host', id);
  }

  sees(kind: 'switch' | 'host', id: string): void {
    const description = { kind, id, incarnation: 1, state: '', facts: {} } as unknown;
    this.presence.see(description as Description, this.clock.now());
  }

  judge(reporter: SwitchId, hosts: readonly HostId[] = [h1]): readonly HostId[] {
    return this.hosts.judge(hosts, reporter, [s1, s2, s3]);
  }

  isBarred(id: SwitchId): boolean {
    return this.presence.isBarred({ kind: 'switch', id });
  }
}

describe('a host that tells a new coordinator nothing', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('and is heard of all the same, is cut off from that switch: another one coordinates, and it keeps what it has', () => {
    expect(world.judge(s1)).to.deep.equal([]);
    expect([s1, s2].map((id) => world.isBarred(id))).to.deep.equal([true, false]);
  });

  it('and nobody else either, is gone on without', () => {
    world.clock.runFor(2000);
    world.sees('host', 'h2');
    expect(world.judge(s1, [h1, h2])).to.deep.equal([h1]);
    expect(world.isBarred(s1), 'h2 is heard of').to.equal(true);
  });

  it('nor the next switch that asks it, is gone on without, and nothing is held against that one', () => {
    world.judge(s1);
    world.clock.runFor(1000);
    expect(world.judge(s2)).to.deep.equal([h1]);
    expect(world.isBarred(s2)).to.equal(false);
  });

  it('is cut off from another switch, too, when that comes long after', () => {
    world.judge(s1);
    world.clock.runFor(120_000);
    world.sees('host', 'h1');
    expect(world.judge(s2)).to.deep.equal([]);
  });

  it('is gone on without where no other switch could coordinate now', () => {
    world.presence.exited({ kind: 'switch', id: s2 });
    world.presence.bar({ kind: 'switch', id: s3 }, unitOf<Instant>(world.clock.now() + 60_000));
    expect(world.judge(s1)).to.deep.equal([h1]);
    expect(world.isBarred(s1)).to.equal(false);
  });

  it('keeps its attachment, and another switch gets the partitions, as the virtualizer decides it', () => {
    const virtualizer = new VirtualizerWorld();
    virtualizer.startServing();
    const [{ attachEpoch: before } = { attachEpoch: 0 }] = virtualizer.record().attachments;
    virtualizer.switch('s1').unsettledAnswers = 3;
    virtualizer.start('d1');
    virtualizer.untilState('settling');
    virtualizer.switch('s1').silentHosts = ['h1'];
    const owners = () => virtualizer.record().partitions.map(({ coordinator }) => coordinator);
    virtualizer.until(() => !owners().includes(s1), 's2 has all partitions');
    virtualizer.until(() => virtualizer.status().state === 'serving', 'it serves');
    const [attachment] = virtualizer.record().attachments;
    expect(attachment).to.include({ host: 'h1', firstEpoch: before });
  });
});
