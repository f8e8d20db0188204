/** Which mirrors the virtualizer would rather be without: those with too many read errors, never the last good one. */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { ReadErrors } from '../../../actors/virtualizer/read-errors.ts';
import { RemovalProposals } from '../../../actors/virtualizer/removal-proposals.ts';
import type { DescribedVolume } from '../../../actors/virtualizer/volume-status.ts';
import type { MirrorState, VolumeRecord } from '../../../protocols/control-data.ts';
import { type DiskId, idOf, type MirrorSetId } from '../../../protocols/ids.ts';
import type { Extent } from '../../../protocols/layout/layout.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { at, blankVolume } from './samples.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const policy = { readErrorsMax: 3, readErrorsWithinMs: 1000 };

/** A volume that is one mirror set, on disks d1, d2, … in these states. */
function mirrored(...states: readonly MirrorState[]): VolumeRecord {
  const blank = blankVolume();
  const set = idOf<MirrorSetId>('m0');
  const children = states.map((_, index): Extent => {
    const disk = idOf<DiskId>(`d${index + 1}`);
    return { ...sampleExtent, extent: idOf(`e${index}`), disk };
  });
  const mirrorSets = [mirrorSetOf(set, 1, states)];
  return { ...blank, layout: { kind: 'mirror', set, children }, mirrorSets };
}

const sampleExtent: Extent = {
  kind: 'extent',
  extent: idOf('e0'),
  disk: idOf('d1'),
  start: 0 as never,
  lengthBytes: 64 * 1024,
  generation: 1 as never,
};

describe('read errors', () => {
  const [volume, disk] = [idOf<never>('vol0'), idOf<DiskId>('d1')];

  it('are too many when there are more than the policy allows within its time', () => {
    const errors = new ReadErrors(policy);
    const judged = (times: readonly number[]) =>
      times.map((ms) => {
        errors.note(volume, disk, at(ms));
        return errors.areTooMany(volume, disk, at(ms));
      });
    expect(judged([0, 10, 20, 30, 40])).to.deep.equal([false, false, false, true, true]);
    expect(judged([5000, 5500, 6001, 6502, 7003])).to.not.include(true);
    expect(errors.areSome(volume, disk, at(8003))).to.equal(true);
    expect(errors.areSome(volume, disk, at(8004))).to.equal(false);
  });
});

describe('a mirror with too many read errors', () => {
  let proposals: RemovalProposals;
  /** Lets a disk give more errors than are allowed. @returns what was proposed, and what is no more */
  const fail = (record: VolumeRecord, disk: string, ms: number): string =>
    [0, 1, 2, 3]
      .flatMap(() => proposals.note(record, idOf<DiskId>(disk), at(ms)))
      .map((change) => `${change.isOpen ? '+' : '-'}${change.disk}`)
      .join(' ');
  const open = (record: VolumeRecord) => proposals.of(record).map(({ disk }) => String(disk));
  const both = mirrored('in-sync', 'in-sync');

  beforeEach(() => {
    proposals = new RemovalProposals(policy);
  });

  it('is proposed for removal once, and stays so', () => {
    expect(fail(both, 'd1', 0)).to.equal('+d1');
    expect(fail(both, 'd1', 100)).to.equal('');
    expect(proposals.of(both)).to.deep.equal([
      { disk: 'd1', mirrorSet: 'm0', reason: 'more than 3 read errors in 1000 ms' },
    ]);
  });

  it('is not when the only other one is proposed: of two bad ones one is kept', () => {
    expect(fail(both, 'd1', 0)).to.equal('+d1');
    expect(fail(both, 'd2', 100)).to.equal('');
    expect(fail(both, 'd1', 200)).to.equal('');
    expect(open(both)).to.deep.equal(['d1']);
  });

  it('of three, two are proposed, and never the last one', () => {
    const three = mirrored('in-sync', 'in-sync', 'in-sync');
    expect(['d2', 'd1', 'd3'].map((disk) => fail(three, disk, 0))).to.deep.equal([
      '+d2',
      '+d1',
      '',
    ]);
    expect(open(three)).to.have.members(['d1', 'd2']);
  });

  it('is not when the others are not in sync, or give too many errors as well', () => {
    expect(fail(mirrored('in-sync', 'stale'), 'd1', 0)).to.equal('');
    expect(fail(mirrored('stale', 'in-sync'), 'd1', 0)).to.equal('');
    expect(fail(both, 'd2', 0), 'there were too many of d1 just now').to.equal('');
    expect(open(both)).to.be.empty;
  });

  it('is not proposed any more while it is the last one in sync', () => {
    fail(both, 'd1', 0);
    expect(open(mirrored('in-sync', 'stale'))).to.be.empty;
    expect(open(both)).to.deep.equal(['d1']);
  });

  it('takes the place of one that was proposed and has been good since', () => {
    expect(fail(both, 'd1', 0)).to.equal('+d1');
    expect(fail(both, 'd2', 1000), 'd1 may still be bad').to.equal('');
    expect(fail(both, 'd2', 1001)).to.equal('-d1 +d2');
    expect(open(both)).to.deep.equal(['d2']);
  });
});

describe('a mirror that hosts cannot read', () => {
  const common = { sequence: 1, incarnation: 1, timeMs: 1 };

  /** Lets a host tell of reads that failed, each at all of these disks. @returns what was decided */
  function tell(world: VirtualizerWorld, failed: readonly string[], times: number) {
    const bus = world.network.open();
    const decided: Record<string, unknown>[] = [];
    bus.subscribe('san.v1.test.evt.>', {
      message: (data, subject) => {
        if (subject.endsWith('.decision'))
          decided.push(decodeJson(data) as Record<string, unknown>);
      },
    });
    const retry = { volume: 'vol0', offset: 0, lengthBytes: 4096, failed, readFrom: '' };
    for (let errors = 0; errors < times; errors++) {
      bus.publish('san.v1.test.evt.host.h1.mirror-retry', encodeJson({ ...retry, ...common }));
      world.run(10);
    }
    bus.close(() => {});
    return decided;
  }

  const proposed = (world: VirtualizerWorld) =>
    (world.status() as DescribedVolume).removalsProposed;

  it('is proposed for removal, and nothing is removed', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const { generation } = world.record();
    expect(tell(world, ['d1'], 32)).to.be.empty;
    expect(proposed(world)).to.be.empty;
    const [proposal, ...more] = tell(world, ['d1'], 10);
    expect(more).to.be.empty;
    const [set] = world.record().mirrorSets;
    const about = {
      disk: 'd1',
      mirrorSet: set?.set,
      reason: 'more than 32 read errors in 600000 ms',
    };
    expect(proposal).to.deep.include({
      volume: 'vol0',
      what: 'removal of a mirror proposed',
      ...about,
    });
    expect(proposed(world), 'for status').to.deep.equal([about]);
    expect(world.record().generation).to.equal(generation);
    expect(world.status().state).to.equal('serving');
  });

  it('where both fail, over and over, exactly one of them is proposed', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const decided = tell(world, ['d1', 'd2'], 100);
    expect(decided.map(({ disk }) => disk)).to.deep.equal(['d1']);
    expect(proposed(world).map(({ disk }) => disk)).to.deep.equal(['d1']);
  });
});
