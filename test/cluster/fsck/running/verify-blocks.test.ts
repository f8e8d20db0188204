/** Disks are asked to verify what they have: at which pace, and for how long. */
import { expect } from 'chai';
import { FindingList } from '../../../../cluster/fsck/finding.ts';
import { runsOf, volumeOffsetOf } from '../../../../cluster/fsck/running/verified-runs.ts';
import { verifyVolume } from '../../../../cluster/fsck/running/verify-blocks.ts';
import { VirtualClock } from '../../../../cluster/simulation/clock.ts';
import {
  type Answer,
  type ChecksumQuery,
  checksumChunkBytes,
  refusal,
} from '../../../../protocols/commands.ts';
import type { VolumeRecord } from '../../../../protocols/control-data.ts';
import { idOf, type VolumeId } from '../../../../protocols/ids.ts';
import type { Layout } from '../../../../protocols/layout/layout.ts';
import { kibibyte, mebibyte, unitOf } from '../../../../protocols/units.ts';
import { mirrorSetOf } from '../../../protocols/mirror-set-sample.ts';

function extent(disk: string, lengthBytes: number): Layout {
  return {
    ...{ kind: 'extent', disk: idOf(disk), extent: idOf(`vol0-${disk}`) },
    ...{ start: unitOf(mebibyte), lengthBytes, generation: unitOf(1) },
  };
}

const sizeBytes = 32 * mebibyte;
/** A stripe of two mirrors. */
const layout: Layout = {
  kind: 'stripe',
  stripBytes: 64 * kibibyte,
  children: [0, 1].map((index) => ({
    kind: 'mirror',
    set: idOf(`vol0-m${index}`),
    children: [1, 2].map((disk) => extent(`d${index * 2 + disk}`, sizeBytes / 2)),
  })),
};

function recordWith(states: readonly ['in-sync', 'in-sync' | 'stale']): VolumeRecord {
  const mirrorSets = [0, 1].map((index) => mirrorSetOf(`vol0-m${index}`, 1, states));
  return { volume: idOf<VolumeId>('vol0'), layout, mirrorSets } as never;
}

/** Verifies in virtual time; every answer takes 10 ms. */
async function verified(
  record: VolumeRecord,
  {
    answer = sumsOf,
    isOver = () => false,
    bytesPerSecond = 32 * mebibyte,
    isDecidedStill = true,
  }: {
    readonly answer?: (disk: string, query: ChecksumQuery) => Answer;
    readonly isOver?: (tookMs: number) => boolean;
    readonly bytesPerSecond?: number;
    readonly isDecidedStill?: boolean;
  } = {},
) {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const findings = new FindingList();
  const asked: { readonly disk: string; readonly lengthBytes: number; readonly atMs: number }[] =
    [];
  let isDone = false;
  const work = verifyVolume(record, {
    ask: ({ id }, _verb, body) =>
      new Promise((done) => {
        const query = body as ChecksumQuery;
        asked.push({ disk: id, lengthBytes: query.lengthBytes, atMs: clock.now() });
        clock.setTimeout(() => done(answer(id, query)), 10);
      }),
    ...{ clock, findings, policy: { everyHours: 0, bytesPerSecond } },
    isOver: () => isOver(clock.now() - startMs),
    isDecidedStill: () => Promise.resolve(isDecidedStill),
    stepped: () => {},
  }).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    clock.runFor(5);
    await new Promise<void>((next) => setImmediate(next));
  }
  return { ...(await work), findings, asked, tookMs: clock.now() - startMs };
}

function sumsOf(_disk: string, { lengthBytes }: ChecksumQuery): Answer {
  return { ok: true, checksums: new Array(Math.ceil(lengthBytes / checksumChunkBytes)).fill(7) };
}

describe('blocks of a running cluster', () => {
  it('are verified strip by strip as they lie on disks, and each byte knows where in the volume it is', () => {
    const range = { start: unitOf<never>(4 * mebibyte), lengthBytes: mebibyte } as never;
    const [first, second, ...others] = runsOf(recordWith(['in-sync', 'in-sync']), range);
    expect(others).to.deep.equal([]);
    expect(first?.lengthBytes).to.equal(mebibyte / 2);
    expect(first?.legs[0]).to.deep.equal({
      ...{ disk: 'd1', extent: 'vol0-d1', atBytes: 2 * mebibyte, diskOffset: 3 * mebibyte },
    });
    if (second === undefined) throw new Error('no second run');
    for (const [at, offset] of [
      [0, 64],
      [4, 68],
      [64, 192],
      [100, 228],
    ] as const)
      expect(volumeOffsetOf(second, at * kibibyte)).to.equal(4 * mebibyte + offset * kibibyte);
  });

  it('are asked for as slowly as a scrub goes, a little at a time', async () => {
    const { asked, tookMs, bytes, doneBytes } = await verified(recordWith(['in-sync', 'in-sync']), {
      bytesPerSecond: 8 * mebibyte,
    });
    expect([bytes, doneBytes]).to.deep.equal([2 * sizeBytes, sizeBytes]);
    expect(Math.max(...asked.map(({ lengthBytes }) => lengthBytes))).to.be.at.most(4 * mebibyte);
    // The rest behind the last of 8 ranges is not waited for.
    expect(tookMs).to.be.within(3500, 5000);
  });

  it('are verified until there is no more time', async () => {
    const { doneBytes, tookMs } = await verified(recordWith(['in-sync', 'in-sync']), {
      ...{ isOver: (tookMs: number) => tookMs >= 1000, bytesPerSecond: 8 * mebibyte },
    });
    expect(doneBytes).to.equal(8 * mebibyte);
    expect(tookMs).to.be.below(2000);
  });

  it('are not looked at on mirrors that are not in sync', async () => {
    const { asked, bytes } = await verified(recordWith(['in-sync', 'stale']));
    expect(new Set(asked.map(({ disk }) => disk))).to.deep.equal(new Set(['d1', 'd3']));
    expect(bytes).to.equal(sizeBytes);
  });

  it('are given up on a disk that does not answer, which is told once', async () => {
    const { findings, asked } = await verified(recordWith(['in-sync', 'in-sync']), {
      answer: (disk, query) =>
        disk === 'd2' ? refusal('timeout', 'no answer') : sumsOf(disk, query),
    });
    expect(asked.filter(({ disk }) => disk === 'd2')).to.have.length(1);
    expect(findings.listed.map(({ kind, disk }) => `${kind} ${disk}`)).to.deep.equal([
      'not-verified d2',
    ]);
  });

  it('are not gone through when no disk is left that answers', async () => {
    let answers = 0;
    const { doneBytes, tookMs } = await verified(recordWith(['in-sync', 'in-sync']), {
      answer: (disk, query) =>
        answers++ < 4 ? sumsOf(disk, query) : refusal('no-responders', 'nobody answers'),
    });
    expect(doneBytes).to.equal(4 * mebibyte);
    expect(tookMs).to.be.below(500);
  });

  it('are given up on a disk that does not have them any more, which is told unless that was decided', async () => {
    for (const isDecidedStill of [false, true]) {
      const { findings, asked } = await verified(recordWith(['in-sync', 'in-sync']), {
        answer: (disk, query) =>
          disk === 'd2'
            ? refusal('unknown', 'volume vol0 has no extent vol0-d2 on this disk')
            : sumsOf(disk, query),
        isDecidedStill,
      });
      expect(asked.filter(({ disk }) => disk === 'd2')).to.have.length(1);
      expect(findings.listed.map(({ kind, disk }) => `${kind} ${disk}`)).to.deep.equal(
        isDecidedStill ? ['not-verified d2'] : [],
      );
    }
  });

  it('are not asked for one by one where all of a disk is bad', async () => {
    const { findings, asked } = await verified(recordWith(['in-sync', 'in-sync']), {
      answer: (disk, query) =>
        disk === 'd1' ? refusal('refused', 'at byte 0 of the range: bad') : sumsOf(disk, query),
    });
    expect(findings.count('error')).to.be.above(20);
    expect(asked.filter(({ disk }) => disk === 'd1').length).to.be.below(100);
  });
});
