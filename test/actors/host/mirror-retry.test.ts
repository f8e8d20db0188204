/** Mirror retry (DESIGN H5) at the host: a read that meets a bad mirror, and what the consumer sees of it: nothing. */
import { expect } from 'chai';
import { decodeJson } from '../../../actors/json.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Outcome } from '../../../protocols/frames/reply.ts';
import { type DiskId, idOf } from '../../../protocols/ids.ts';
import type { Extent, Layout } from '../../../protocols/layout/layout.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { HostWorld, type SentFrame } from './host-world.ts';

const longest = 10_500;
const media: Outcome = { status: Status.media, detail: { what: 'bad sector' } };

/** What a switch says that names alternates, or names none. */
function mirrorRead(disk: string, alternates: readonly string[] = []): Outcome {
  const detail = {
    disk: idOf<DiskId>(disk),
    alternates: alternates.map((each) => idOf<DiskId>(each)),
  };
  return { status: Status.mirrorRead, detail };
}

function only(frames: readonly SentFrame[]): SentFrame {
  const [frame] = frames;
  if (frame === undefined || frames.length !== 1)
    throw new Error(`${frames.length} frames were sent`);
  return frame;
}

function mirrors(disks: readonly string[]): Layout {
  const children = disks.map(
    (disk): Extent => ({
      kind: 'extent',
      extent: idOf(`x-${disk}`),
      disk: idOf(disk),
      start: unitOf(mebibyte),
      lengthBytes: mebibyte,
      generation: unitOf(7),
    }),
  );
  return { kind: 'mirror', set: idOf('m0'), children };
}

describe('mirror retry (H5)', () => {
  let world: HostWorld;
  let ended: Status[];
  const read = (offset = 0, lengthBytes = 4096) =>
    world.driver.read(unitOf<VolumeOffset>(offset), lengthBytes, (status) => ended.push(status));
  const asked = () => world.asked.filter(({ verb }) => verb === 'alternates');
  const begin = (options = {}) => {
    world = new HostWorld(options);
    world.serve();
    ended = [];
  };
  beforeEach(() => begin());

  it('reads the mirror that the code names, at once, and has the bad one repaired', () => {
    read(512, 1024);
    const first = only(world.sent());
    expect(first.request.disk).to.equal('d1');
    world.refuse(first, mirrorRead('d1', ['d2']));
    const second = only(world.sent());
    expect(second.request).to.deep.include({ disk: 'd2', attempt: 1 });
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
    const repair = only(world.sent());
    expect(repair.request).to.deep.include({
      operation: Operation.repair,
      offset: 0,
      lengthBytes: 4096,
      disk: '',
      partitionEpoch: 10,
    });
    world.answerAll([repair]);
    expect(world.host.counters).to.include({ mirrorRetries: 1, repairsAsked: 1, errors: 0 });
    expect(asked()).to.be.empty;
    expect(world.driver.openIos).to.equal(0);
  });

  for (const [how, outcome] of [
    ['the code is bare', mirrorRead('d1')],
    ['the disk’s own error comes, past a switch that has forgotten the read', media],
  ] as const)
    it(`asks the virtualizer when ${how}`, () => {
      world.alternatesAnswer = { ok: true, alternates: ['d2'], away: [] };
      read();
      world.refuse(only(world.sent()), outcome);
      expect(world.sent()).to.be.empty;
      world.clock.runFor(5);
      expect(asked().map(({ body }) => body)).to.deep.equal([
        { volume: 'vol0', host: 'h1', offset: 0, lengthBytes: 4096, disk: 'd1' },
      ]);
      const second = only(world.sent());
      expect(second.request.disk).to.equal('d2');
      world.answerAll([second]);
      expect(ended).to.deep.equal([Status.ok]);
    });

  it('asks again while the virtualizer cannot tell, and ends with an error at the deadline', () => {
    world.alternatesAnswer = { ok: false, reason: 'not-ready', message: 'being assembled' };
    read();
    world.refuse(only(world.sent()), mirrorRead('d1'));
    world.clock.runFor(1000);
    expect(asked().length).to.be.within(4, 6);
    world.clock.runFor(longest);
    expect(ended).to.deep.equal([Status.path]);
    const before = asked().length;
    world.clock.runFor(1000);
    expect(asked()).to.have.length(before);
  });

  it('an answer about alternates that comes when the read has ended concerns nobody (seed 23 on two-tier)', () => {
    begin({ policy: { deadlineMs: 150 } });
    world.alternatesAnswer = null;
    read();
    world.refuse(only(world.sent()), mirrorRead('d1'));
    world.clock.runFor(250);
    expect(ended).to.deep.equal([Status.path]);
    world.clock.runFor(longest);
    expect(ended).to.deep.equal([Status.path]);
  });

  it('waits for a mirror that is away and has not failed', () => {
    world.alternatesAnswer = { ok: true, alternates: [], away: ['d2'] };
    read();
    world.refuse(only(world.sent()), mirrorRead('d1'));
    world.clock.runFor(1000);
    expect(ended).to.be.empty;
    world.alternatesAnswer = { ok: true, alternates: ['d2'], away: [] };
    world.clock.runFor(300);
    world.answerAll([only(world.sent())]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('ends exactly this read with an error when the virtualizer knows of no other mirror', () => {
    read();
    read(8192);
    const [first, second] = world.sent();
    if (first === undefined || second === undefined) throw new Error('two frames were expected');
    world.refuse(first, mirrorRead('d1', ['d2']));
    world.refuse(only(world.sent()), mirrorRead('d2', ['d1']));
    world.clock.runFor(5);
    const mending = only(world.sent());
    expect(mending.request).to.deep.include({ operation: Operation.repair, lengthBytes: 4096 });
    world.answer(mending, { outcome: media });
    expect(ended).to.deep.equal([Status.media]);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.media, Status.ok]);
    expect(world.attachment.state).to.equal('serving');
    expect(world.sent()).to.be.empty;
    expect(world.host.counters.errors).to.equal(1);
  });

  it('has a range mended of which each mirror lacks another block, and then reads it', () => {
    const readBad = () => {
      world.refuse(only(world.sent()), mirrorRead('d1', ['d2']));
      world.refuse(only(world.sent()), mirrorRead('d2', ['d1']));
      world.clock.runFor(5);
    };
    read(0, 16_384);
    readBad();
    const mending = only(world.sent());
    expect(mending.request).to.deep.include({ operation: Operation.repair, lengthBytes: 16_384 });
    world.answerAll([mending]);
    const again = only(world.sent());
    expect(again.request.operation).to.equal(Operation.read);
    world.answerAll([again]);
    expect(ended).to.deep.equal([Status.ok]);
    world.answerAll();
    read(0, 16_384);
    readBad();
    world.answer(only(world.sent()), { outcome: media });
    expect(ended, 'what cannot be mended').to.deep.equal([Status.ok, Status.media]);
    expect(world.sent()).to.be.empty;
  });

  describe('with three mirrors', () => {
    beforeEach(() => {
      begin();
      world.publish({ generation: 2, layout: mirrors(['d1', 'd2', 'd3']) });
    });

    it('goes on to the last that is left: a fixed count of two tries would have failed', () => {
      read();
      const tried: string[] = [];
      for (const left of [['d2', 'd3'], ['d3']]) {
        const frame = only(world.sent());
        tried.push(frame.request.disk);
        world.refuse(frame, mirrorRead(frame.request.disk, left));
      }
      const last = only(world.sent());
      world.answerAll([last]);
      expect([...tried, last.request.disk]).to.have.members(['d1', 'd2', 'd3']);
      expect(ended).to.deep.equal([Status.ok]);
      expect(world.host.counters.mirrorRetries).to.equal(2);
    });

    it('tries none twice: when all have failed that is the end', () => {
      world.alternatesAnswer = { ok: true, alternates: ['d1', 'd2'], away: [] };
      read();
      for (let tries = 0; tries < 3; tries++) {
        const frame = only(world.sent());
        const others = ['d1', 'd2', 'd3'].filter((disk) => disk !== frame.request.disk);
        world.refuse(frame, mirrorRead(frame.request.disk, others));
      }
      world.clock.runFor(5);
      world.answer(only(world.sent()), { outcome: media });
      expect(world.sent()).to.be.empty;
      expect(ended).to.deep.equal([Status.media]);
    });

    it('takes no path trouble on the way to a mirror for that mirror’s: it is read by another way', () => {
      read();
      const first = only(world.sent());
      world.refuse(first, mirrorRead(first.request.disk, ['d3']));
      const second = only(world.sent());
      expect(second.request.disk).to.equal('d3');
      world.noResponders(second);
      world.clock.runFor(45);
      const third = only(world.sent());
      expect(third.request.disk).to.equal('d3');
      expect(third.subject).to.not.equal(second.subject);
      world.answerAll([third]);
      expect(ended).to.deep.equal([Status.ok]);
    });
  });

  it('takes damaged bytes for the fault of the wire first, and then for the mirror’s', () => {
    world.alternatesAnswer = { ok: true, alternates: ['d2'], away: [] };
    read();
    const damaged: string[] = [];
    for (let times = 0; times < 3; times++) {
      const frame = only(world.sent());
      damaged.push(frame.request.disk);
      world.answer(frame, {}, [new Uint8Array(100)]);
      world.clock.runFor(45);
    }
    expect(damaged).to.deep.equal(['d1', 'd2', 'd1']);
    const other = only(world.sent());
    expect(other.request.disk).to.equal('d2');
    world.answerAll([other]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.host.counters).to.include({ checksumErrors: 3, mirrorRetries: 1 });
  });

  it('in shared attach goes by the coordinator, and tells it which mirror to read', () => {
    begin({ mode: 'shared' });
    read();
    const first = only(world.sent());
    expect(first.request.disk).to.equal('');
    world.answer(first, { outcome: mirrorRead('d1', ['d2']), disk: idOf<DiskId>('d1') });
    const second = only(world.sent());
    expect(second.request.disk).to.equal('d2');
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('is told as an event, and its machine is over when the repair is', () => {
    const told: Record<string, unknown>[] = [];
    const publish = world.control.onPublish;
    world.control.onPublish = (subject, data, reply) => {
      if (subject.includes('.evt.host.h1.')) {
        const what = subject.slice(subject.lastIndexOf('.') + 1);
        told.push({ what, ...(decodeJson(data) as object) });
      }
      publish?.(subject, data, reply);
    };
    read();
    world.refuse(only(world.sent()), mirrorRead('d1', ['d2']));
    world.answerAll();
    world.answerAll();
    const retry = told.find(({ what }) => what === 'mirror-retry');
    expect(retry).to.deep.include({ failed: ['d1'], readFrom: 'd2', offset: 0, lengthBytes: 4096 });
    const states = told.flatMap(({ machine, to }) =>
      machine === 'mirror-retry:vol0/0' ? [to] : [],
    );
    expect(states).to.deep.equal(['idle', 'reading', 'repairing', 'over']);
  });

  it('ends with its volume: a host that lets go waits for it no longer than for others', () => {
    world.alternatesAnswer = { ok: false, reason: 'not-ready', message: 'being assembled' };
    read();
    world.refuse(only(world.sent()), mirrorRead('d1'));
    world.attachment.detach(() => {});
    world.clock.runFor(4900);
    expect(ended).to.be.empty;
    world.clock.runFor(200);
    expect(ended).to.deep.equal([Status.path]);
    const before = asked().length;
    world.clock.runFor(1000);
    expect(asked()).to.have.length(before);
  });
});
