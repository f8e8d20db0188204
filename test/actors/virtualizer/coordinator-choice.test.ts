import { expect } from 'chai';
import {
  candidatesOf,
  chooseCoordinators,
} from '../../../actors/virtualizer/coordinator-choice.ts';
import { virtualizerInputOf } from '../../../actors/virtualizer/virtualizer-input.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { PartitionRecord } from '../../../protocols/control-data.ts';
import type { DiskId, HostId, SwitchId, VirtualizerId } from '../../../protocols/ids.ts';
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

/** @param through by switch, how many of the ways that hosts prefer lead through it */
function choose(
  now: string,
  present: string,
  returning = '',
  through: Readonly<Record<string, number>> = {},
): string {
  return chooseCoordinators({
    partitions: coordinatedBy(now),
    preferred: ids('s1 s2 s1 s2'),
    present: ids(present),
    returning: ids(returning),
    preferredThrough: new Map(Object.entries(through) as [SwitchId, number][]),
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

  it('gives it to those that lie on most of the ways that hosts prefer, however many partitions they have', () => {
    expect(choose('s1 s2 s1 s2', 's1 s3 s4', '', { s4: 2, s3: 1 })).to.equal('s1 s4 s1 s4');
    expect(choose('s1 s2 s1 s2', 's1 s3 s4', '', { s1: 2 })).to.equal('s1 s1 s1 s1');
    expect(choose('s1 s2 s1 s2', 's1 s3 s4', '', { s1: 2, s4: 2 })).to.equal('s1 s4 s1 s4');
  });

  it('moves nothing that somebody has because hosts prefer other ways now', () => {
    expect(choose('s1 s3 s1 s3', 's1 s3 s4', '', { s4: 2 })).to.equal('s1 s3 s1 s3');
    expect(choose('s1 s3 s1 s3', 's1 s2 s3 s4', 's2', { s4: 2 })).to.equal('s1 s2 s1 s2');
  });

  it('leaves partitions where they are when the one that is meant to have them is back, until it is time', () => {
    expect(choose('s1 s3 s1 s3', 's1 s2 s3')).to.equal('s1 s3 s1 s3');
    expect(choose('s1 s3 s1 s3', 's1 s2 s3', 's2')).to.equal('s1 s2 s1 s2');
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
});
