import { expect } from 'chai';
import { unfencedAfter, unfencedProblem } from '../../../actors/virtualizer/unfenced.ts';
import type { AttachMode, DiskMember, VolumeRecord } from '../../../protocols/control-data.ts';
import type { ActorAddress, DiskId, HostId, SwitchId } from '../../../protocols/ids.ts';
import type { AttachEpoch, DiskInstance, Incarnation } from '../../../protocols/units.ts';
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

  const silentDisk = { unfenced: [member('d2')] };

  it('keeps the volume from being given to another host, as long as its holder may still read', () => {
    const last = recordOf('exclusive');
    const others = { ...last, ...silentDisk, attachments: [] };
    expect(unfencedProblem(last, others, [], allBut('host:h1'))).to.match(/disk d2 .* host h1/);
    expect(unfencedProblem(last, others, [], allBut()), 'its end was seen').to.equal('');
    expect(unfencedProblem(last, others, ['h1'], allBut('host:h1')), 'it drained').to.equal('');
    const goesOn = { ...last, ...silentDisk };
    expect(unfencedProblem(last, goesOn, [], allBut('host:h1')), 'it goes on').to.equal('');
    const fenced = { ...others, unfenced: [] };
    expect(unfencedProblem(last, fenced, [], allBut('host:h1'))).to.equal('');
  });

  it('keeps nothing from a holder that lost its attachment, and attaches again: it has ended what it had open', () => {
    const last = recordOf('exclusive');
    const again = (incarnation: number): VolumeRecord => {
      const hostIncarnation = incarnation as Incarnation;
      const epoch = 9 as AttachEpoch;
      const attachments = last.attachments.map((each) => ({
        ...each,
        hostIncarnation,
        attachEpoch: epoch,
        firstEpoch: epoch,
      }));
      return { ...last, ...silentDisk, attachments };
    };
    expect(unfencedProblem(last, again(1), [], allBut('host:h1'))).to.equal('');
    const successor = unfencedProblem(last, again(2), [], allBut('host:h1'));
    expect(successor, 'another process of it').to.match(/disk d2 .* host h1/);
  });

  it('keeps another switch from coordinating what several hosts share, as long as the former one may still read', () => {
    const last = recordOf('shared');
    const partitions = last.partitions.map((each) => ({ ...each, coordinator: 's2' as SwitchId }));
    const moved = { ...last, ...silentDisk, partitions };
    expect(unfencedProblem(last, moved, [], allBut('switch:s1'))).to.match(/disk d2 .* switch s1/);
    expect(unfencedProblem(last, moved, [], allBut()), 'its end was seen').to.equal('');
    const same = { ...last, ...silentDisk };
    expect(unfencedProblem(last, same, [], allBut('switch:s1')), 'it goes on').to.equal('');
  });
});
