/** What is said of a volume that runs, by what its virtualizer tells and why its mirrors are as they are. */
import { expect } from 'chai';
import type { ToldCluster, ToldDisk } from '../../../../cluster/fsck/running/told-cluster.ts';
import { judgeServing } from '../../../../cluster/fsck/running/volume-judgement.ts';
import { volumeFactsSchema } from '../../../../cluster/status-facts.ts';
import type { MirrorState, VolumeRecord } from '../../../../protocols/control-data.ts';
import { type DiskId, idOf } from '../../../../protocols/ids.ts';
import { unitOf } from '../../../../protocols/units.ts';
import { blankVolume, diskFacts, identityOf } from '../../../actors/virtualizer/samples.ts';
import { smallTopology } from '../../../actors/virtualizer/virtualizer-world.ts';

const disks = ['d1', 'd2', 'd3', 'd4'].map((disk) => idOf<DiskId>(disk));

/** vol0 of the small topology, served from all its disks, but for what is said of it. */
function judged({
  mirror = 'in-sync' as MirrorState,
  d2 = null as ToldDisk | null,
  facts = {} as object,
}) {
  const blank = blankVolume();
  const record: VolumeRecord = {
    ...blank,
    disks: disks.map((disk) => ({ disk, identity: identityOf(disk), instance: unitOf(1) })),
    mirrorSets: blank.mirrorSets.map((set, index) =>
      index === 0 ? { ...set, mirrors: ['in-sync', mirror] } : set,
    ),
    partitions: [],
    attachments: [],
  };
  const volume = volumeFactsSchema.parse({
    ...{ volume: 'vol0', state: 'serving', reason: '', sizeBytes: record.sizeBytes },
    ...{ generation: record.generation, layout: '', partitions: [], mirrorSets: [] },
    ...facts,
  });
  const open = (disk: string): ToldDisk => {
    return { kind: 'open', facts: diskFacts(disk) as never, instance: 1 };
  };
  const told: ToldCluster = {
    ...{ topology: smallTopology(), unreadable: [], clusterIdentity: '', controlEpoch: 1 },
    records: new Map([[record.volume, record]]),
    ended: new Map(),
    disks: new Map(disks.map((disk) => [disk, disk === 'd2' && d2 !== null ? d2 : open(disk)])),
    others: new Map(),
    virtualizer: {
      id: idOf('v1'),
      facts: { controlEpoch: 1, volumes: [volume], createdExports: [] },
    },
  };
  return judgeServing(told, record).map(
    ({ severity, kind, what }) => `${severity} ${kind} ${what}`,
  );
}

describe('a volume that runs', () => {
  it('is well when it serves from all its mirrors, and when it is being deleted', () => {
    expect(judged({})).to.deep.equal([]);
    expect(judged({ facts: { state: 'ending.forgetting' } })).to.deep.equal([]);
  });

  it('does not serve, and why', () => {
    const facts = { state: 'gathering', reason: 'disk d1 was not heard of yet' };
    expect(judged({ facts })).to.deep.equal([
      'error not-serving volume vol0 does not serve, it is gathering: disk d1 was not heard of yet',
    ]);
  });

  it('has a mirror that is not in sync, and why', () => {
    const why = (mirror: MirrorState, d2: ToldDisk | null = null, facts: object = {}) =>
      judged({ mirror, d2, facts })
        .map((text) => text.replace(/^warning fewer-mirrors .* by event count \d+: /, ''))
        .join();
    expect(why('stale', { kind: 'silent' })).to.equal('disk d2 does not answer');
    expect(why('stale', { kind: 'unusable', reason: 'its state is failed' })).to.equal(
      'disk d2 cannot be used, its state is failed',
    );
    expect(why('stale')).to.equal('its disks are there, and were not taken back yet');
    expect(why('detached')).to.equal('it was taken out');
    const resync = { totalBytes: 8192, remainingBytes: 4096, etaSeconds: 1, problem: '' };
    expect(why('resyncing', null, { resync })).to.equal(
      'it is being made equal, 4KiB of 8KiB are left',
    );
    expect(why('resyncing', null, { resync: { ...resync, problem: 'd1 is busy' } })).to.equal(
      'it is being made equal, 4KiB of 8KiB are left, and it does not go on: d1 is busy',
    );
  });

  it('has had blocks that a scrub could not repair, and mirrors that had better be removed', () => {
    const scrub = { keptBlocks: 2, keptAt: 8192, keptReason: 'no copy of it can be read' };
    const removalsProposed = [{ disk: 'd2', mirrorSet: 'vol0-m0', reason: 'too many errors' }];
    const found = judged({ facts: { scrub, removalsProposed } });
    expect(found).to.deep.equal([
      'warning removal-proposed the mirror on d2 of vol0-m0 had better be removed: too many errors',
      'error kept-blocks the last scrub of volume vol0 left 2 bad blocks as they are, the first at 8KiB: no copy of it can be read',
    ]);
  });
});
