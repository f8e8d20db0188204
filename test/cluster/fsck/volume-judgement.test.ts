/** What is said of a volume, by what its disks were told of it. */
import { expect } from 'chai';
import type { ExtentEntry, VolumeEntry } from '../../../actors/disk/superblock.ts';
import type { ToldVolume } from '../../../cluster/fsck/known-volume.ts';
import { judgeVolume } from '../../../cluster/fsck/volume-judgement.ts';
import type { MirrorState } from '../../../protocols/control-data.ts';
import { type DiskId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import type { LayoutForm } from '../../../protocols/topology/layout-form.ts';
import { mebibyte, unitOf } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';

const disks = ['d1', 'd2'].map((disk) => idOf<DiskId>(disk));
const form: LayoutForm = {
  kind: 'mirror',
  children: disks.map((disk) => ({ kind: 'disk', disk })),
};
const volume = { id: idOf<VolumeId>('vol0'), sizeBytes: mebibyte, layout: form };

interface Told {
  readonly generation?: number;
  readonly eventCount?: number;
  readonly states?: readonly MirrorState[];
  readonly epoch?: number;
  readonly hosts?: readonly string[];
  readonly life?: number;
}

/** What a disk was told; in generation 7, with both mirrors in sync, if nothing else is said. */
function told(disk: string, what: Told = {}): ToldVolume {
  const { generation = 7, eventCount = 3, states = ['in-sync', 'in-sync'], epoch = 4 } = what;
  const extent = {
    extent: idOf(`vol0-e${disk === 'd1' ? 0 : 1}`),
    start: unitOf(0),
    lengthBytes: mebibyte,
    generation: unitOf(what.life ?? 1),
    mirrorSet: idOf('vol0-m0'),
    reference: 1,
  } as ExtentEntry;
  const entry: VolumeEntry = {
    volume: volume.id,
    generation: unitOf(generation),
    controlEpoch: unitOf(1),
    highestEpoch: epoch + 1,
    extents: [extent],
    partitions: [
      {
        partition: 0,
        coordinator: idOf('s1'),
        epoch: unitOf(epoch),
        ownerIncarnation: unitOf(11),
      },
    ],
    attachments: (what.hosts ?? []).map((host) => ({
      host: idOf(host),
      hostIncarnation: unitOf(12),
      attachEpoch: unitOf(epoch + 1),
      firstEpoch: unitOf(epoch + 1),
      mode: 'exclusive',
      readOnly: false,
    })),
    mirrorSets: [mirrorSetOf('vol0-m0', eventCount, states)],
  };
  return { disk: idOf(disk), entry };
}

function judge(those: readonly ToldVolume[], usable: readonly DiskId[] = disks) {
  return judgeVolume({ volume, told: those, usable });
}

function shortly(those: readonly ToldVolume[], usable?: readonly DiskId[]): readonly string[] {
  return judge(those, usable).findings.map(({ severity, kind, disk = '' }) =>
    `${severity} ${kind} ${disk}`.trim(),
  );
}

describe('what disks were told of a volume', () => {
  it('is the same, and all is well', () => {
    const { findings, known } = judge([told('d1'), told('d2')]);
    expect(findings).to.deep.equal([]);
    expect(known?.hosts).to.deep.equal([]);
    expect(known?.olderCopies).to.deep.equal([]);
  });

  it('is nothing: the volume is still to be made, or its disks are not all here', () => {
    expect(shortly([])).to.deep.equal(['note not-created']);
    expect(shortly([], disks.slice(0, 1))).to.deep.equal([]);
  });

  it('is one decision behind: the cluster ended in between', () => {
    expect(shortly([told('d1'), told('d2', { generation: 6 })])).to.deep.equal([
      'warning behind d2',
    ]);
  });

  it('is further behind at a disk that is a member: an older copy, which is not compared', () => {
    const { findings, known } = judge([told('d1', { generation: 4 }), told('d2')]);
    expect(findings.map(({ kind }) => kind)).to.deep.equal(['older-copy']);
    expect(known?.olderCopies).to.deep.equal(['d1']);
  });

  it('is behind at a disk that is stale by what others were told later: that is as it should be', () => {
    const later = told('d1', { generation: 9, eventCount: 4, states: ['in-sync', 'stale'] });
    const { findings } = judge([later, told('d2')]);
    expect(findings.map(({ severity, kind }) => `${severity} ${kind}`)).to.deep.equal([
      'warning fewer-mirrors',
    ]);
    expect(findings[0]?.what).to.equal(
      'the mirror on d2 of vol0-m0 is stale by event count 4; ' +
        'disk d2 was told last that it is in sync, with event count 3',
    );
  });

  it('differs under one generation, which must not happen', () => {
    const { findings } = judge([told('d1'), told('d2', { epoch: 5 })]);
    expect(findings.map(({ severity, kind }) => `${severity} ${kind}`)).to.deep.equal([
      'error disagreement',
    ]);
    expect(findings[0]?.what).to.contain('different coordinators and their epochs');
    const hosts = judge([told('d1', { hosts: ['h1'] }), told('d2', { hosts: ['h2'] })]).findings;
    expect(hosts[0]?.what).to.contain('different attached hosts and their epochs');
  });

  it('differs about who is in sync under one event count: nobody can say what is right', () => {
    const one = told('d1', { states: ['in-sync', 'stale'] });
    const other = told('d2', { states: ['stale', 'in-sync'] });
    const { findings, known } = judge([one, other]);
    expect(findings.map(({ severity, kind }) => `${severity} ${kind}`)).to.deep.equal([
      'error disagreement',
    ]);
    expect(known).to.equal(null);
  });

  it('says that a lone mirror is stale: the other one must come back', () => {
    const alone = told('d2', { states: ['in-sync', 'stale'] });
    const { findings } = judge([alone], disks.slice(1));
    expect(findings.map(({ severity, kind }) => `${severity} ${kind}`)).to.deep.equal([
      'warning fewer-mirrors',
      'error cannot-be-assembled',
    ]);
    expect(findings[1]?.what).to.contain('all that was written to d1');
  });

  it('says that a lone mirror was in sync: the volume can go on with it', () => {
    expect(shortly([told('d2')], disks.slice(1))).to.deep.equal([]);
  });

  it('is not known to a disk that is here, and was a member', () => {
    expect(shortly([told('d1')])).to.deep.equal(['error not-known d2']);
    const stale = told('d1', { states: ['in-sync', 'stale'] });
    expect(shortly([stale])).to.deep.equal(['warning not-known d2', 'warning fewer-mirrors']);
  });

  it('is of a former volume of this name: that counts as nothing', () => {
    expect(shortly([told('d1', { life: 2 }), told('d2', { life: 1 })])).to.deep.equal([
      'error not-known d2',
    ]);
  });

  it('names the hosts that had it when the cluster ended', () => {
    const { findings, known } = judge([
      told('d1', { hosts: ['h1'] }),
      told('d2', { hosts: ['h1'] }),
    ]);
    expect(findings.map(({ severity, kind }) => `${severity} ${kind}`)).to.deep.equal([
      'note not-closed',
    ]);
    expect(known?.hosts).to.deep.equal(['h1']);
  });
});
