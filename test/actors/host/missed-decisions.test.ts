/**
 * FLUSH at a host that did not hear of every decision (DESIGN I11): a mirror that was made equal meanwhile has what those
 * had that it was made equal with. They may have lost acknowledged writes by then, which the decision tells.
 */
import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import type { MirrorState } from '../../../protocols/control-data.ts';
import { type DiskInstance, mebibyte, unitOf } from '../../../protocols/units.ts';
import { type ControlDataOptions, extentOn, mirror } from './control-data-sample.ts';
import { DecidedSets } from './decided-sets.ts';
import { contentOf, HostWorld } from './host-world.ts';

/** m0 of d3 and of a mirror set within it: m1 of d1 and d2. */
const nestedMirrors = mirror('m0', [
  mirror('m1', [extentOn('d1', mebibyte), extentOn('d2', mebibyte)]),
  extentOn('d3', mebibyte),
]);

type States = Readonly<Record<string, readonly MirrorState[]>>;

describe('flush, at a host that misses decisions', () => {
  let world: HostWorld;
  let sets: DecidedSets;
  let decisions: number;
  /** Of the processes of d1 to d4. */
  let instances: readonly number[];
  const begin = (options: ControlDataOptions = {}) => {
    world = new HostWorld();
    sets = new DecidedSets();
    decisions = 0;
    instances = [1, 1, 1, 1];
    world.serve(options);
    flushed();
  };
  const answerAll = () => {
    for (const frame of world.sent()) {
      const disk = Number(frame.request.disk.slice(1));
      world.answer(frame, { diskInstance: unitOf<DiskInstance>(instances[disk - 1] ?? 0) });
    }
  };
  const write = () => {
    world.driver.write(unitOf(0), [contentOf(0, 4096)], false, () => {});
    answerAll();
  };
  /** What the next flush comes to. */
  const flushed = (): Status | undefined => {
    let ended: Status | undefined;
    world.driver.flush((status) => {
      ended = status;
    });
    world.clock.runFor(0);
    answerAll();
    return ended;
  };
  /** @param lost the sets none of whose mirrors in sync went on as it was */
  const missDecision = (mirrors: States, lost: readonly string[] = []) => {
    decisions++;
    sets.take(mirrors, { epoch: 10 + 10 * decisions, lost });
  };
  const hearDecision = (mirrors: States, options: ControlDataOptions = {}) => {
    missDecision(mirrors);
    const epochs = {
      attachEpoch: 5 + decisions,
      firstEpoch: 5,
      partitionEpoch: 10 + 10 * decisions,
    };
    world.publish({
      ...{ generation: 1 + decisions, instances, sets: sets.records },
      ...epochs,
      ...options,
    });
    world.clock.runFor(0);
  };
  /** Of the first mirror set, that on d1 and that on d2. */
  const become = (...m0: readonly MirrorState[]) => hearDecision({ m0 });
  const becomeUnheard = (...m0: readonly MirrorState[]) => missDecision({ m0 });
  const loseUnheard = (...m0: readonly MirrorState[]) => missDecision({ m0 }, ['m0']);
  beforeEach(() => begin());

  it('fails once when the only mirror in sync restarted, and then another was made equal with it (I11)', () => {
    become('in-sync', 'resyncing');
    write();
    instances = [2, 1, 1, 1];
    loseUnheard('in-sync', 'resyncing');
    become('in-sync', 'in-sync');
    expect(flushed()).to.equal(Status.media);
    expect(flushed()).to.equal(Status.ok);
  });

  it('fails once when a mirror that had the writes was made equal with one that had lost them', () => {
    for (const other of ['in-sync', 'stale'] as const) {
      begin();
      write();
      becomeUnheard('in-sync', 'stale');
      instances = [2, 1, 1, 1];
      loseUnheard('in-sync', 'resyncing');
      becomeUnheard('in-sync', 'in-sync');
      become(other, 'in-sync');
      expect(flushed(), `the one that restarted is ${other}`).to.equal(Status.media);
      expect(flushed()).to.equal(Status.ok);
    }
  });

  for (const [what, set, lost] of [
    ['a mirror within a mirror', 'm1', ['m0', 'm1']],
    ['what is around a mirror', 'm0', ['m0']],
  ] as const)
    it(`fails once when ${what} was made equal with one that had lost them`, () => {
      const layout = nestedMirrors;
      begin({ layout });
      const one: States = { m0: ['in-sync', 'stale'], m1: ['in-sync', 'stale'] };
      hearDecision({ ...one, [set]: ['in-sync', 'in-sync'] }, { layout });
      write();
      missDecision({ [set]: ['stale', 'in-sync'] });
      instances = [1, 2, 2];
      missDecision({ [set]: ['resyncing', 'in-sync'] }, lost);
      hearDecision({ [set]: ['in-sync', 'in-sync'] }, { layout });
      expect(flushed()).to.equal(Status.media);
      expect(flushed()).to.equal(Status.ok);
    });

  it('succeeds when a mirror that had the writes went on as the process that it was', () => {
    write();
    becomeUnheard('stale', 'in-sync');
    instances = [2, 1, 1, 1];
    becomeUnheard('resyncing', 'in-sync');
    become('in-sync', 'in-sync');
    expect(flushed()).to.equal(Status.ok);
  });

  it('succeeds when one mirror was made equal with the other, and stands in for it, and neither restarted', () => {
    become('resyncing', 'in-sync');
    write();
    becomeUnheard('in-sync', 'in-sync');
    become('in-sync', 'stale');
    expect(flushed()).to.equal(Status.ok);
  });

  it('succeeds when all that was acknowledged had been flushed', () => {
    write();
    expect(flushed()).to.equal(Status.ok);
    becomeUnheard('in-sync', 'stale');
    instances = [2, 1, 1, 1];
    loseUnheard('in-sync', 'resyncing');
    becomeUnheard('in-sync', 'in-sync');
    become('stale', 'in-sync');
    expect(flushed()).to.equal(Status.ok);
  });

  it('succeeds when what a mirror lacks of the writes had been flushed to the other before', () => {
    become('stale', 'in-sync');
    write();
    expect(flushed()).to.equal(Status.ok);
    becomeUnheard('resyncing', 'in-sync');
    becomeUnheard('in-sync', 'in-sync');
    become('in-sync', 'stale');
    expect(flushed()).to.equal(Status.ok);
  });

  it('succeeds when one that was made equal meanwhile has the writes since, and another restarts', () => {
    becomeUnheard('in-sync', 'stale');
    becomeUnheard('in-sync', 'resyncing');
    become('in-sync', 'in-sync');
    write();
    instances = [2, 1, 1, 1];
    become('in-sync', 'in-sync');
    expect(flushed()).to.equal(Status.ok);
  });
});
