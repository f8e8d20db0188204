/** FLUSH while mirrors go and come back (DESIGN I11, I3): what is durable is judged by the mirrors in sync alone. */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { MirrorState } from '../../../protocols/control-data.ts';
import type { Outcome } from '../../../protocols/frames/reply.ts';
import { idOf } from '../../../protocols/ids.ts';
import type { Extent, Layout } from '../../../protocols/layout/layout.ts';
import {
  type DiskInstance,
  mebibyte,
  unitOf,
  type VolumeOffset,
} from '../../../protocols/units.ts';
import { type ControlDataOptions, extentOn, mirror } from './control-data-sample.ts';
import { DecidedSets } from './decided-sets.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

/** m0 of d3 and of a mirror set within it: m1 of d1 and d2. */
const nestedMirrors = mirror('m0', [
  mirror('m1', [extentOn('d1', mebibyte), extentOn('d2', mebibyte)]),
  extentOn('d3', mebibyte),
]);

describe('flush, while mirrors go and come back', () => {
  let world: HostWorld;
  let ended: Status[];
  let decisions: number;
  let sets: DecidedSets;
  /** Of the processes of d1 to d4. */
  let instances: readonly number[];
  let frames: readonly SentFrame[];
  const begin = (options: ControlDataOptions = {}) => {
    world = new HostWorld(options);
    ended = [];
    decisions = 0;
    sets = new DecidedSets();
    instances = [1, 1, 1, 1];
    world.serve(options);
    flush();
    answerAll();
    ended = [];
  };
  const flush = () => {
    world.driver.flush((status) => ended.push(status));
    world.clock.runFor(0);
  };
  const disksOf = (sent: readonly SentFrame[]) => sent.map(({ request }) => request.disk);
  const instanceOf = ({ request }: SentFrame) =>
    unitOf<DiskInstance>(instances[Number(request.disk.slice(1)) - 1] ?? 0);
  const answer = (some: readonly SentFrame[]) => {
    for (const frame of some) world.answer(frame, { diskInstance: instanceOf(frame) });
  };
  const answerAll = () => answer(world.sent());
  const write = () => {
    world.driver.write(unitOf<VolumeOffset>(0), [contentOf(0, 4096)], false, () => {});
    answerAll();
  };
  /** The next decision, with new epochs; the attachment goes on. */
  const decide = (options: ControlDataOptions, lost: readonly string[] = []) => {
    decisions++;
    const [attachEpoch, partitionEpoch] = [5 + decisions, 10 + 10 * decisions];
    sets.take(options.mirrors ?? {}, { epoch: partitionEpoch, lost });
    const generation = 1 + decisions;
    world.publish({
      generation,
      attachEpoch,
      firstEpoch: 5,
      partitionEpoch,
      instances,
      sets: sets.records,
      ...options,
    });
    world.clock.runFor(0);
  };
  /** Of the first mirror set, that on d1 and that on d2. */
  const become = (first: MirrorState, second: MirrorState) =>
    decide({ mirrors: { m0: [first, second] } });
  /** The same, and no mirror in sync went on as the process that it was. */
  const loseAndBecome = (first: MirrorState, second: MirrorState) =>
    decide({ mirrors: { m0: [first, second] } }, ['m0']);
  /** Says of what the next flush comes to, all answered. */
  const flushed = (): Status | undefined => {
    flush();
    answerAll();
    return ended.pop();
  };
  beforeEach(() => begin());

  it('fails once in shared attach when the only mirror in sync restarted: other hosts may have lost writes', () => {
    for (const mode of ['shared', 'exclusive'] as const) {
      begin({ mode });
      become('in-sync', 'stale');
      expect(flushed()).to.equal(Status.ok);
      instances = [2, 1, 1, 1];
      loseAndBecome('in-sync', 'stale');
      expect(flushed(), mode).to.equal(mode === 'shared' ? Status.media : Status.ok);
      expect(flushed()).to.equal(Status.ok);
    }
  });

  it('succeeds in shared attach when one mirror restarted, and the other went on', () => {
    begin({ mode: 'shared' });
    instances = [2, 1, 1, 1];
    become('resyncing', 'in-sync');
    become('in-sync', 'in-sync');
    expect(flushed()).to.equal(Status.ok);
  });

  it('does not cover a write by an answer that comes after the process that gave it is gone: it is sent anew', () => {
    become('in-sync', 'stale');
    answerAll();
    world.driver.write(unitOf<VolumeOffset>(0), [contentOf(0, 4096)], false, (status) => {
      ended.push(status);
    });
    const before = world.sent();
    const instance = { diskInstance: unitOf<DiskInstance>(1) };
    instances = [2, 1, 1, 1];
    decisions++;
    sets.take({ m0: ['in-sync', 'stale'] }, { epoch: 10 + 10 * decisions, lost: ['m0'] });
    world.publish({
      ...{ generation: 1 + decisions, instances, sets: sets.records, firstEpoch: 5 },
      ...{ attachEpoch: 5 + decisions, partitionEpoch: 10 + 10 * decisions },
    });
    for (const frame of before) world.answer(frame, instance);
    expect(ended, 'by the one that is gone').to.deep.equal([]);
    world.clock.runFor(0);
    const again = world.sent();
    expect(again.map(({ request }) => request.attempt)).to.deep.equal([1]);
    answer(again);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('succeeds when a disk restarts within its grace with unflushed writes, and its mirror went on', () => {
    write();
    instances = [2, 1, 1, 1];
    become('in-sync', 'in-sync');
    expect(flushed()).to.equal(Status.ok);
  });

  it('succeeds when a mirror that had been away is in sync again, and then the other one restarts', () => {
    write();
    become('stale', 'in-sync');
    write();
    instances = [2, 1, 1, 1];
    become('resyncing', 'in-sync');
    become('in-sync', 'in-sync');
    instances = [2, 2, 1, 1];
    become('in-sync', 'in-sync');
    expect(flushed()).to.equal(Status.ok);
  });

  for (const away of ['stale', 'detached', 'resyncing'] as const)
    it(`fails once when the only mirror in sync restarts with unflushed writes: one that is ${away} saves nothing`, () => {
      write();
      become(away, 'in-sync');
      write();
      instances = [1, 2, 1, 1];
      loseAndBecome(away, 'in-sync');
      expect(flushed()).to.equal(Status.media);
      expect(flushed()).to.equal(Status.ok);
    });

  it('succeeds when the mirror that had been away is alone in sync, although this host never heard how it was made equal', () => {
    become('stale', 'in-sync');
    write();
    instances = [2, 1, 1, 1];
    become('in-sync', 'stale');
    expect(flushed(), 'its set says that it lost nothing').to.equal(Status.ok);
    write();
    instances = [3, 1, 1, 1];
    loseAndBecome('in-sync', 'stale');
    expect(flushed()).to.equal(Status.media);
  });

  it('succeeds when the mirror that had been away is alone in sync, after it was made equal', () => {
    become('stale', 'in-sync');
    write();
    instances = [2, 1, 1, 1];
    become('resyncing', 'in-sync');
    become('in-sync', 'in-sync');
    become('in-sync', 'stale');
    expect(flushed()).to.equal(Status.ok);
  });

  it('counts a mirror within a mirror: one that is stale saves nothing, one in sync all that its set has', () => {
    for (const [inner, status] of [
      ['in-sync', Status.ok],
      ['stale', Status.media],
    ] as const) {
      begin({ layout: nestedMirrors });
      write();
      const mirrors = { m0: ['in-sync', 'in-sync'], m1: ['in-sync', inner] } as const;
      instances = [2, 1, 2];
      decide({ layout: nestedMirrors, mirrors }, inner === 'stale' ? ['m0', 'm1'] : []);
      expect(flushed(), `d2 ${inner}`).to.equal(status);
    }
  });

  it('goes to a mirror that is being made equal, and not to one that is stale', () => {
    become('resyncing', 'in-sync');
    write();
    flush();
    frames = world.sent();
    expect(disksOf(frames)).to.include.members(['d1', 'd2']);
    answer(frames.slice(1));
    expect(ended, 'it waits for the disk that is being made equal').to.be.empty;
    answer(frames.slice(0, 1));
    expect(ended).to.deep.equal([Status.ok]);
    become('stale', 'in-sync');
    write();
    flush();
    expect(disksOf(world.sent())).to.deep.equal(['d2', 'd3', 'd4']);
  });

  it('of a disk that is in sync in one set only names an extent of that one', () => {
    const other: Extent = {
      ...extentOn('d1', mebibyte),
      extent: idOf('y-d1'),
      start: unitOf(4 * mebibyte),
    };
    const layout: Layout = {
      kind: 'concat',
      children: [
        mirror('m0', [extentOn('d1', mebibyte), extentOn('d2', mebibyte)]),
        mirror('m1', [other, extentOn('d3', mebibyte)]),
      ],
    };
    begin({ layout });
    decide({ layout, mirrors: { m0: ['stale', 'in-sync'] } });
    flush();
    const toFirst = world.sent().find(({ request }) => request.disk === 'd1');
    expect(toFirst?.request).to.include({ mirrorSet: 'm1', diskOffset: 4 * mebibyte });
  });

  describe('under way to a disk that is then decided stale', () => {
    beforeEach(() => {
      write();
      flush();
      frames = world.sent();
      expect(disksOf(frames)).to.deep.equal(['d1', 'd2']);
    });

    it('ends well once the other mirror has answered: its disk has nothing to answer for any more', () => {
      answer(frames.slice(1));
      become('stale', 'in-sync');
      expect(ended).to.deep.equal([Status.ok]);
      expect(world.attachment.state).to.equal('serving');
    });

    it('waits for the other mirror', () => {
      become('stale', 'in-sync');
      const again = world.sent();
      expect(disksOf(again)).to.deep.equal(['d2']);
      world.clock.runFor(300);
      expect(ended).to.be.empty;
      answer(again);
      expect(ended).to.deep.equal([Status.ok]);
    });

    it('ends well after its answer told of another process, and it was held for the decision', () => {
      answer(frames.slice(1));
      for (const frame of frames.slice(0, 1)) world.answer(frame, { diskInstance: unitOf(2) });
      world.clock.runFor(100);
      expect(ended).to.be.empty;
      become('stale', 'in-sync');
      expect(ended).to.deep.equal([Status.ok]);
    });

    it('ends well after nobody listened there, over any way', () => {
      answer(frames.slice(1));
      const failAll = (some: readonly SentFrame[]) => {
        for (let sent = some; sent.length > 0; sent = world.sent())
          for (const frame of sent) world.noResponders(frame);
      };
      failAll(frames.slice(0, 1));
      while (world.clock.now() < 2000) {
        world.clock.runFor(7);
        failAll(world.sent());
      }
      expect(ended).to.be.empty;
      become('stale', 'in-sync');
      expect(ended).to.deep.equal([Status.ok]);
      expect(world.driver.openIos).to.equal(0);
    });

    it('ends well whatever its disk answers then', () => {
      answer(frames.slice(1));
      world.publish({
        ...{ generation: 2, attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20 },
        mirrors: { m0: ['stale', 'in-sync'] },
      });
      const failed = { status: Status.media, detail: { what: 'fdatasync failed' } };
      for (const frame of frames.slice(0, 1)) world.refuse(frame, failed);
      world.clock.runFor(0);
      expect(ended).to.deep.equal([Status.ok]);
      expect(world.attachment.state).to.equal('serving');
    });

    it('fails when that leaves nobody who has what was acknowledged', () => {
      instances = [1, 2, 1, 1];
      loseAndBecome('stale', 'in-sync');
      answerAll();
      expect(ended).to.deep.equal([Status.media]);
    });
  });

  describe('that a disk could not carry out', () => {
    const failed: Outcome = { status: Status.media, detail: { what: 'fdatasync failed' } };
    const reports = () => world.asked.filter(({ verb }) => verb === 'trouble');
    const refuse = (sent: readonly SentFrame[]) => {
      for (const frame of sent)
        if (frame.request.disk === 'd1') world.refuse(frame, failed);
        else answer([frame]);
    };
    const goOn = (forMs: number) => {
      for (const until = world.clock.now() + forMs; world.clock.now() < until; ) {
        refuse(world.sent());
        world.clock.runFor(10);
      }
    };
    let faults: string[];
    beforeEach(() => {
      write();
      flush();
      world.asked.splice(0);
      faults = [];
      const { onPublish } = world.control;
      world.control.onPublish = (subject, data, reply) => {
        if (subject.endsWith('.fault')) faults.push(subject);
        onPublish(subject, data, reply);
      };
      refuse(world.sent());
      goOn(1000);
    });

    it('names the disk, and ends well once that is stale', () => {
      expect(ended).to.be.empty;
      const [report] = reports();
      expect(report?.body).to.deep.include({ reporter: 'h1', generation: 1, failedDisks: ['d1'] });
      expect(report?.body).to.have.property('what', 'disk d1 failed to flush: fdatasync failed');
      become('stale', 'in-sync');
      answerAll();
      expect(ended).to.deep.equal([Status.ok]);
      expect(world.attachment.state).to.equal('serving');
    });

    it('tells the virtualizer again, which may not have heard it, and people once', () => {
      expect(reports().length).to.be.within(2, 10);
      expect(faults).to.have.length(1);
    });

    it('fails when nobody decides about it in time', () => {
      goOn(10_000);
      expect(ended).to.have.length(1).and.not.include(Status.ok);
      expect(world.attachment.state).to.equal('lost');
    });

    it('fails when the other mirror is the one that is decided stale', () => {
      become('in-sync', 'stale');
      goOn(100);
      expect(ended).to.deep.equal([Status.media]);
    });
  });

  it('that waits for its turn goes to every disk that it has to, whoever comes and goes meanwhile', () => {
    world = new HostWorld({ policy: { slotsMax: 1 } });
    world.serve();
    ended = [];
    flush();
    frames = world.sent();
    expect(disksOf(frames), 'there is one slot').to.deep.equal(['d1']);
    become('stale', 'in-sync');
    const asked: string[] = [];
    for (let sent = world.sent(); sent.length > 0; sent = world.sent()) {
      asked.push(...disksOf(sent));
      for (const { request } of sent) expect(request.operation).to.equal(Operation.flush);
      answer(sent);
      world.clock.runFor(0);
    }
    expect(asked).to.deep.equal(['d2', 'd3', 'd4']);
    expect(ended).to.deep.equal([Status.ok]);
  });
});
