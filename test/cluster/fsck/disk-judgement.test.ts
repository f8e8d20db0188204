/** What is said of a disk, by its superblocks. */
import { expect } from 'chai';
import { nothingRetired } from '../../../actors/disk/retired-generations.ts';
import type { Slot, SuperblockContent } from '../../../actors/disk/superblock.ts';
import { judgeFile, judgeIdentities, judgeSlots } from '../../../cluster/fsck/disk-judgement.ts';
import { type ClusterId, type DiskId, idOf } from '../../../protocols/ids.ts';
import { mebibyte, unitOf } from '../../../protocols/units.ts';

const cluster = idOf<ClusterId>('home');

function contentOf(disk: string, more: Partial<SuperblockContent> = {}): SuperblockContent {
  return {
    disk: idOf(disk),
    identity: disk.padEnd(32, '0'),
    salt: 1,
    sizeBytes: 8 * mebibyte,
    cluster,
    clusterIdentity: 'a'.repeat(32),
    instance: unitOf(3),
    starts: [unitOf(3)],
    nextReference: 1,
    retired: nothingRetired,
    volumes: [],
    ...more,
  };
}

function slot(sequence: number, content = contentOf('d1')): Slot {
  return { kind: 'valid', superblock: { sequence, content } };
}

const damaged: Slot = { kind: 'damaged' };
const d1 = idOf<DiskId>('d1');

function slotFindings(slots: readonly Slot[]): readonly string[] {
  return judgeSlots(d1, slots).map(({ severity, kind }) => `${severity} ${kind}`);
}

function named(name: string, disk = name, more: Partial<SuperblockContent> = {}) {
  return { name: idOf<DiskId>(name), content: contentOf(disk, more) };
}

function identityFindings(...disks: ReturnType<typeof named>[]): readonly string[] {
  return judgeIdentities(disks, cluster).findings.map(({ kind, disk }) => `${kind} ${disk}`);
}

describe('the superblocks of a disk', () => {
  it('are two whole pairs', () => {
    expect(slotFindings([slot(4), slot(5), slot(4), slot(5)])).to.deep.equal([]);
  });

  it('have one bad copy, of either pair', () => {
    for (const bad of [0, 1, 2, 3]) {
      const slots = [slot(4), slot(5), slot(4), slot(5)].with(bad, damaged);
      expect(slotFindings(slots)).to.deep.equal(['warning damaged-superblock']);
      const text = judgeSlots(d1, slots)[0]?.what ?? '';
      expect(text).to.contain(bad < 2 ? 'first copy' : 'second copy');
      expect(text).to.contain(bad % 2 === 0 ? 'even' : 'odd');
    }
  });

  it('were being written when the disk was stopped', () => {
    expect(slotFindings([slot(6), slot(5), slot(4), slot(5)])).to.deep.equal([
      'note superblock-interrupted',
    ]);
  });

  it('are whole, and contradict each other', () => {
    const other = slot(5, contentOf('d1', { instance: unitOf(9) }));
    expect(slotFindings([slot(4), slot(5), slot(4), other])).to.deep.equal(['error disagreement']);
  });
});

describe('whose disks these are', () => {
  it('is clear, also for one that is new', () => {
    const fresh = named('d3', 'd3', { cluster: '', clusterIdentity: '' });
    expect(identityFindings(named('d1'), named('d2'), fresh)).to.deep.equal([]);
  });

  it('is found out for files in wrong places, which are used as what they are', () => {
    const disks = [named('d1', 'd2'), named('d2', 'd1')];
    const { findings, usable } = judgeIdentities(disks, cluster);
    expect(findings.map(({ kind }) => kind)).to.deep.equal(['other-disk', 'other-disk']);
    expect(usable).to.deep.equal(disks);
  });

  it('is one disk twice: the file of its own name is used', () => {
    const disks = [named('d1'), named('d2', 'd1'), named('d3')];
    const { findings, usable } = judgeIdentities(disks, cluster);
    expect(findings.map(({ kind, disk }) => `${kind} ${disk}`)).to.deep.equal(['twin d2']);
    expect(usable.map(({ name }) => name)).to.deep.equal(['d1', 'd3']);
    const other = named('d2', 'd1', { identity: 'b'.repeat(32) });
    const [finding] = judgeIdentities([named('d1'), other], cluster).findings;
    expect(finding?.what).to.contain('of identities').and.to.not.contain('copied');
  });

  it('is another cluster, by name or by identity', () => {
    const foreign = named('d2', 'd2', { cluster: idOf<ClusterId>('away') });
    const namesake = named('d3', 'd3', { clusterIdentity: 'b'.repeat(32) });
    expect(identityFindings(named('d1'), named('d4'), foreign, namesake)).to.deep.equal([
      'other-cluster d2',
      'other-cluster d3',
    ]);
  });
});

describe('a file of a disk', () => {
  it('that is missing is an error only where a volume may lie on it; what cannot be opened always is', () => {
    const missing = { kind: 'missing', message: 'gone' } as const;
    const unusable = { kind: 'unusable', message: 'EACCES' } as const;
    const file = { disk: d1, path: '/d1.disk', sizeBytes: 8 * mebibyte };
    const severities = [
      judgeFile({ ...file, found: { problem: missing } }, true),
      judgeFile({ ...file, found: { problem: missing } }, false),
      judgeFile({ ...file, found: { problem: unusable } }, false),
      judgeFile({ ...file, found: 'memory' }, true),
    ].map(([finding]) => finding?.severity);
    expect(severities).to.deep.equal(['error', 'note', 'error', 'note']);
  });
});
