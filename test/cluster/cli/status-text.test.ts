import { expect } from 'chai';
import { statusText } from '../../../cluster/cli/status-text.ts';
import { volumeFactsSchema } from '../../../cluster/status-facts.ts';
import type { StatusReport } from '../../../cluster/status-report.ts';
import { type VolumeStatus, volumeStatusOf } from '../../../cluster/volume-status-report.ts';

/** A cluster in which nothing runs but a volume. */
function reportOf(volume: Partial<VolumeStatus>): StatusReport {
  const vol0 = {
    name: 'vol0',
    size: 64 * 1024 * 1024,
    state: 'serving',
    reason: '',
    layout: 'mirror(d1, d2)',
    generation: 3,
    mirrors: [],
    resync: null,
    removalsProposed: [],
    scrub: null,
    ...volume,
  };
  return {
    cluster: 'test',
    ready: true,
    waitingFor: [],
    nats: { url: 'nats://127.0.0.1:4222', servers: [] },
    nodes: [],
    actors: [],
    volumes: [vol0],
    paths: [],
    coordinators: [],
    caches: [],
    cacheCleanups: [],
    exports: [],
    faults: [],
    counters: {},
  };
}

describe('the state of a cluster as text', () => {
  const textOf = (volume: Partial<VolumeStatus>) =>
    statusText(reportOf(volume), { allPaths: false });

  it('names the mirrors that are proposed for removal, and says nothing where there are none', () => {
    const reason = 'more than 32 read errors in 600000 ms';
    const proposal = { disk: 'd2', mirrorSet: 'vol0-m0', reason };
    const text = textOf({ removalsProposed: [proposal] });
    expect(text).to.match(
      /mirrors that are proposed for removal\n.*\n.*vol0 +d2 +vol0-m0 +more than 32/,
    );
    expect(textOf({})).to.not.contain('proposed');
  });

  it('tells when a volume was scrubbed last, as far as that is known', () => {
    const completedAtMs = Date.UTC(2026, 6, 1, 9, 30);
    const scrub = { completedAtMs, keptBlocks: 0, keptAt: -1, keptReason: '' };
    expect(textOf({ scrub })).to.match(/ scrubbed\nvol0 .* 2026-07-01 09:30$/m);
    expect(textOf({ scrub: { ...scrub, completedAtMs: null } })).to.not.contain('scrubbed');
  });

  describe('with a volume that lacks a mirror', () => {
    const total = 64 * 1024 * 1024;
    /** As a virtualizer tells it, of a mirror on d1 and d2. */
    const told = (state: string, more: object = {}) =>
      volumeStatusOf(
        volumeFactsSchema.parse({
          volume: 'vol0',
          ...{ state: 'serving', reason: '', sizeBytes: total, generation: 3 },
          ...{ layout: 'mirror(d1, d2)', partitions: [] },
          mirrorSets: [
            {
              ...{ set: 'vol0-m0', eventCount: 4, mirrors: [state, 'in-sync'] },
              disks: [['d1'], ['d2']],
            },
          ],
          ...more,
        }),
      );

    it('names the disks whose mirror is not in sync', () => {
      expect(textOf(told('stale'))).to.match(
        /vol0 .* 1 stale, 1 in-sync .*degraded: mirror on d1 of vol0-m0 stale$/m,
      );
      expect(textOf(told('in-sync'))).to.not.contain('degraded');
    });

    it('names the mirror where nobody tells its disks', () => {
      const mirrorSets = [{ set: 'vol0-m0', eventCount: 4, mirrors: ['in-sync', 'stale'] }];
      expect(textOf(told('', { mirrorSets }))).to.contain('degraded: mirror 1 of vol0-m0 stale');
    });

    it('says beside why it does not serve that it is degraded', () => {
      const reason = 'disk d2 is missing';
      expect(textOf(told('stale', { reason }))).to.contain(`${reason}; degraded: mirror on d1`);
    });

    it('says how much of it has been made equal, and how long the rest takes', () => {
      const text = (etaSeconds: number | null) =>
        textOf(
          told('resyncing', {
            resync: { totalBytes: total, remainingBytes: 40_000_000, etaSeconds },
          }),
        );
      expect(text(11.2)).to.contain(
        'degraded: mirror on d1 of vol0-m0 resyncing; 40 % of 64MiB equal, about 12 s left',
      );
      expect(text(600)).to.match(/equal, about 10 min left$/m);
      expect(text(36_000)).to.match(/equal, about 10 h left$/m);
      expect(text(null)).to.match(/; 40 % of 64MiB equal$/m);
    });

    it('says what keeps it from going on, and nothing of how far it is before anybody knows', () => {
      const text = (totalBytes: number, problem: string) =>
        textOf(
          told('resyncing', {
            resync: { totalBytes, remainingBytes: totalBytes, etaSeconds: null, problem },
          }),
        );
      expect(text(total, 'disk d1 answers nothing')).to.match(
        /vol0-m0 resyncing; does not go on: disk d1 answers nothing$/m,
      );
      expect(text(0, '')).to.match(/vol0-m0 resyncing; just begun$/m);
    });

    it('never says that all is equal before it is', () => {
      const resync = { totalBytes: total, remainingBytes: 1, etaSeconds: 0 };
      expect(textOf(told('resyncing', { resync }))).to.contain('99 % of 64MiB equal');
    });

    it('is told to programs with each mirror’s disks, and bytes that are done', () => {
      const resync = { totalBytes: total, remainingBytes: 1000, etaSeconds: 2 };
      const { mirrors, resync: shown } = told('resyncing', { resync });
      expect(mirrors[0]).to.deep.equal({
        ...{ set: 'vol0-m0', mirror: 0, state: 'resyncing', eventCount: 4 },
        disks: ['d1'],
      });
      expect(shown).to.deep.equal({ done: total - 1000, total, etaSeconds: 2, problem: '' });
      expect(told('stale').resync, 'nothing is being made equal').to.equal(null);
    });
  });
});
