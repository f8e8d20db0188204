import { expect } from 'chai';
import {
  candidatesOf,
  chooseCoordinators,
  isInReach,
} from '../../../actors/virtualizer/coordinator-choice.ts';
import { virtualizerInputOf } from '../../../actors/virtualizer/virtualizer-input.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { PartitionRecord } from '../../../protocols/control-data.ts';
import type { DiskId, HostId, LinkId, SwitchId, VirtualizerId } from '../../../protocols/ids.ts';
import type { Incarnation, PartitionEpoch } from '../../../protocols/units.ts';

const ids = (names: string) => names.split(' ').filter((name) => name !== '') as SwitchId[];

/** Partitions that these switches coordinate, under epochs that have begun. */
function coordinatedBy(names: string): readonly PartitionRecord[] {
  return ids(names).map((coordinator, partition) => ({
    partition,
    coordinator,
    epoch: 7 as PartitionEpoch,
    ownerIncarnation: 1 as Incarnation,
  }));
}

function choose(now: string, present: string, goesBack = false): string {
  return chooseCoordinators({
    partitions: coordinatedBy(now),
    preferred: ids('s1 s2 s1 s2'),
    present: ids(present),
    goesBack,
  }).join(' ');
}

describe('the choice of coordinators', () => {
  it('changes nothing while everybody is there', () => {
    expect(choose('s1 s2 s1 s2', 's1 s2 s3')).to.equal('s1 s2 s1 s2');
  });

  it('gives what a lost switch had to those with the fewest partitions', () => {
    expect(choose('s1 s2 s1 s2', 's1 s3')).to.equal('s1 s3 s1 s3');
    expect(choose('s1 s2 s1 s2', 's1')).to.equal('s1 s1 s1 s1');
  });

  it('leaves partitions where they are when the one that is meant to have them is back, until it is time', () => {
    expect(choose('s1 s3 s1 s3', 's1 s2 s3')).to.equal('s1 s3 s1 s3');
    expect(choose('s1 s3 s1 s3', 's1 s2 s3', true)).to.equal('s1 s2 s1 s2');
  });

  it('gives what nobody has any more to the one that is meant to have it', () => {
    expect(choose('s3 s3 s3 s3', 's1 s2')).to.equal('s1 s2 s1 s2');
  });

  it('considers switches that every host reaches, that reach every disk, and that write so many copies', () => {
    const input = virtualizerInputOf(simulatedTopology('two-tier'), 'v1' as VirtualizerId);
    const candidates = (hosts: string, disks: string, copies: number) =>
      candidatesOf(input, {
        hosts: hosts.split(' ') as HostId[],
        disks: disks.split(' ') as DiskId[],
        copies,
        preferred: ids('s1'),
      }).join(' ');
    expect(candidates('h1 h2', 'd1 d2 d3', 3)).to.equal('s1 s2 s3');
    expect(candidates('h1 h2', 'd4', 1), 'd4 lies behind s3 alone').to.equal('s1 s3');
    expect(
      candidates('h1 h2', 'd1', 99),
      'those that are meant to are taken at their word',
    ).to.equal('s1');
  });

  describe('considers whether a switch is in reach of hosts', () => {
    const input = virtualizerInputOf(simulatedTopology('two-tier'), 'v1' as VirtualizerId);
    /** Those of all that can coordinate vol0 which both hosts reach. */
    const inReach = (gone: string, failed: Record<string, string> = {}, hosts = 'h1 h2') =>
      ids('s1 s2 s3')
        .filter((id) =>
          isInReach(input, hosts.split(' ') as HostId[], id, {
            isGone: (address) => gone.split(' ').includes(address.id),
            failedLinksOf: (host) => (failed[host] ?? '').split(' ') as LinkId[],
          }),
        )
        .join(' ');

    it('over switches that are there', () => {
      expect(inReach('')).to.equal('s1 s2 s3');
      expect(inReach('s1'), 's3 lies behind it').to.equal('s1 s2');
    });

    it('over links that have not failed for one of them', () => {
      expect(inReach('', { h2: 'h2-a-s1' })).to.equal('s2');
      expect(inReach('', { h2: 's1-s3' })).to.equal('s1 s2');
      expect(inReach('', { h1: 'h1-b-s2', h2: 'h2-a-s1' })).to.equal('');
    });

    it('that are there themselves', () => {
      expect(inReach('h2', { h2: 'h2-a-s1' })).to.equal('s1 s2 s3');
    });
  });
});
