import { expect } from 'chai';
import { PresenceTable } from '../../../actors/virtualizer/presence.ts';
import { reachOf } from '../../../actors/virtualizer/switch-reach.ts';
import { virtualizerInputOf } from '../../../actors/virtualizer/virtualizer-input.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { ActorKind, HostId, LinkId, SwitchId, VirtualizerId } from '../../../protocols/ids.ts';
import { type Instant, unitOf } from '../../../protocols/units.ts';

const input = virtualizerInputOf(simulatedTopology('two-tier'), 'v1' as VirtualizerId);
const hosts = ['h1', 'h2'] as HostId[];

/** Those of all that can coordinate vol0 which both hosts reach. `gone`: as `switch:s1`. */
function inReach(gone: string, failed: Readonly<Record<string, string>> = {}): string {
  const clock = new VirtualClock();
  const presence = new PresenceTable(clock.now());
  for (const name of gone.split(' ').filter((each) => each !== '')) {
    const [kind = '', id = ''] = name.split(':');
    const address = { kind: kind as ActorKind, id };
    const description = { ...address, incarnation: 1, state: '', facts: {} };
    presence.see(description as never, clock.now());
    presence.exited(address);
  }
  const failedLinksOf = (host: HostId) => (failed[host] ?? '').split(' ') as LinkId[];
  return (['s1', 's2', 's3'] as SwitchId[])
    .filter((id) => reachOf({ input, presence, clock, failedLinksOf }, hosts, id) === 'good')
    .join(' ');
}

describe('a switch is in reach of hosts', () => {
  it('over switches that are there', () => {
    expect(inReach('')).to.equal('s1 s2 s3');
    expect(inReach('switch:s1'), 's3 lies behind it').to.equal('s1 s2');
  });

  it('over links that have not failed for one of them', () => {
    expect(inReach('', { h2: 'h2-a-s1' })).to.equal('s2');
    expect(inReach('', { h2: 's1-s3' })).to.equal('s1 s2');
    expect(inReach('', { h1: 'h1-b-s2', h2: 'h2-a-s1' })).to.equal('');
  });

  it('and may be deaf, which is better than out of reach', () => {
    const clock = new VirtualClock();
    const presence = new PresenceTable(clock.now());
    presence.bar({ kind: 'switch', id: 's1' }, unitOf<Instant>(1000));
    const reached = (id: string, failed = '') => {
      const failedLinksOf = () => [failed] as LinkId[];
      return reachOf({ input, presence, clock, failedLinksOf }, hosts, id as SwitchId);
    };
    expect(reached('s1')).to.equal('deaf');
    expect(reached('s1', 'h1-a-s1')).to.equal('none');
    expect(reached('s3'), 'it lies behind s1').to.equal('deaf');
    expect(reached('s2')).to.equal('good');
  });

  it('that are there themselves', () => {
    expect(inReach('host:h2', { h2: 'h2-a-s1' })).to.equal('s1 s2 s3');
  });
});
