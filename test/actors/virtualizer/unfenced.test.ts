import { expect } from 'chai';
import { replacedBy, unfencedAfter } from '../../../actors/virtualizer/replaced.ts';
import { unfencedProblem } from '../../../actors/virtualizer/unfenced.ts';
import type { AttachMode, DiskMember, VolumeRecord } from '../../../protocols/control-data.ts';
import type { ActorAddress, DiskId, HostId, SwitchId } from '../../../protocols/ids.ts';
import {
  type AttachEpoch,
  type DiskInstance,
  type Incarnation,
  unitOf,
} from '../../../protocols/units.ts';
import { blankVolume, identityOf } from './samples.ts';

function member(disk: string, instance = 1): DiskMember {
  const identity = identityOf(disk);
  return { disk: disk as DiskId, identity, instance: instance as DiskInstance };
}

/** Held by h1, coordinated by s1 and s2, on d1 and d2. */
function recordOf(mode: AttachMode): VolumeRecord {
  const blank = blankVolume();
  const held = { host: 'h1' as HostId, hostIncarnation: 1 as Incarnation, mode, readOnly: false };
  const epoch = 5 as AttachEpoch;
  return {
    ...blank,
    disks: [member('d1'), member('d2')],
    partitions: blank.partitions.map((each) => ({ ...each, ownerIncarnation: unitOf(11) })),
    attachments: [{ ...held, attachEpoch: epoch, firstEpoch: epoch }],
  };
}

/** Everybody has ended but these. */
const allBut =
  (...living: readonly string[]) =>
  ({ kind, id }: ActorAddress) =>
    !living.includes(`${kind}:${id}`);

describe('a disk that is gone on without, and may still answer reads (I14)', () => {
  it('is remembered until its end is seen, or it is a member again', () => {
    const last = recordOf('exclusive');
    const silent = allBut('disk:d2');
    const after = unfencedAfter(last, [member('d1')], silent);
    expect(after).to.deep.equal([member('d2')]);
    const next = { disks: [member('d1')], unfenced: [...after] };
    expect(unfencedAfter(next, [member('d1')], silent)).to.deep.equal([member('d2')]);
    expect(unfencedAfter(next, [member('d1'), member('d2')], silent)).to.be.empty;
    expect(unfencedAfter(next, [member('d1')], allBut())).to.be.empty;
    expect(unfencedAfter(last, [member('d1')], allBut()), 'seen to end').to.be.empty;
  });

  const inForce = { drained: [] as HostId[], isInForce: true };
  const h1 = { kind: 'host', id: 'h1', incarnation: 1 };

  it('may be asked by a host whose volume is another’s, until it has drained, or its end is seen', () => {
    const last = recordOf('exclusive');
    const hasEnded = allBut('host:h1');
    const given = { ...last, attachments: [] };
    expect(replacedBy(last, given, { ...inForce, hasEnded })).to.deep.equal([h1]);
    expect(replacedBy(last, last, { ...inForce, hasEnded }), 'it goes on').to.be.empty;
    expect(replacedBy(last, given, { ...inForce, hasEnded: allBut() })).to.be.empty;
    const drained = ['h1' as HostId];
    expect(replacedBy(last, given, { ...inForce, drained, hasEnded })).to.be.empty;
  });

  it('may be asked by a switch that coordinated what several hosts share', () => {
    const last = recordOf('shared');
    const hasEnded = allBut('switch:s1');
    const partitions = last.partitions.map((each) => ({ ...each, coordinator: 's2' as SwitchId }));
    const moved = { ...last, partitions };
    expect(replacedBy(last, moved, { ...inForce, hasEnded })).to.deep.equal([
      { kind: 'switch', id: 's1', incarnation: 11 },
    ]);
    expect(replacedBy(last, last, { ...inForce, hasEnded }), 'it goes on').to.be.empty;
  });

  it('may be asked by whoever was replaced by decisions that not everybody has heard of', () => {
    const last = { ...recordOf('exclusive'), replaced: [h1 as VolumeRecord['replaced'][number]] };
    const hasEnded = allBut('host:h1');
    const heard = { ...inForce, hasEnded };
    expect(replacedBy(last, last, heard)).to.be.empty;
    expect(replacedBy(last, last, { ...heard, isInForce: false })).to.deep.equal([h1]);
  });

  it('keeps such a decision from being made, but where the one who is replaced can be told', () => {
    const s1 = { kind: 'switch', id: 's1' as SwitchId, incarnation: 11 as Incarnation } as const;
    const host = {
      ...h1,
      kind: 'host',
      id: 'h1' as HostId,
      incarnation: 1 as Incarnation,
    } as const;
    const problem = (
      replaced: VolumeRecord['replaced'],
      unfenced = [member('d2')],
      isThere = false,
    ) => unfencedProblem({ replaced, unfenced }, () => isThere);
    expect(problem([host])).to.match(/^disk d2 .* host h1/);
    expect(problem([host], [])).to.equal('');
    expect(problem([])).to.equal('');
    expect(problem([s1])).to.match(/^disk d2 .* switch s1/);
    expect(problem([s1], [member('d2')], true)).to.equal('');
    expect(problem([host], [member('d2')], true), 'hosts are not waited for').to.not.equal('');
  });
});
