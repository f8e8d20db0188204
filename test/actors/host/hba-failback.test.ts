import { expect } from 'chai';
import { driverPolicyDefault, type FailbackPolicy } from '../../../actors/host/driver-policy.ts';
import { answerExplain } from '../../../actors/host/explanation.ts';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { decodeJson } from '../../../actors/json.ts';
import { Status } from '../../../protocols/codes.ts';
import type { Answer } from '../../../protocols/commands.ts';
import { explanationSchema } from '../../../protocols/explanation.ts';
import { type HbaId, idOf } from '../../../protocols/ids.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { HostWorld } from './host-world.ts';

const subjects = subjectsOf(idOf('test'));
const [a, b] = [idOf<HbaId>('h1-a'), idOf<HbaId>('h1-b')];

describe('failback and quarantine of HBAs', () => {
  let world: HostWorld;
  let ended: Status[];
  const begin = (policy: Partial<FailbackPolicy> = {}) => {
    world = new HostWorld({
      policy: { failback: { ...driverPolicyDefault.failback, ...policy } },
    });
    world.serve();
    ended = [];
  };
  /** Reads once. @returns the HBA that it left by */
  const readOne = (): HbaId => {
    world.driver.read(unitOf<VolumeOffset>(0), 4096, (status) => ended.push(status));
    const [frame, ...others] = world.sent();
    if (frame === undefined || others.length > 0) throw new Error('one frame was expected');
    world.answerAll([frame]);
    return frame.hba;
  };
  const lose = (hba: HbaId) => world.busOf(hba).setState('disconnected');
  const giveBack = (hba: HbaId) => world.busOf(hba).setState('connected');
  /** Lost and back, as by a bad plug. */
  const flap = (hba: HbaId, times: number) => {
    for (let count = 0; count < times; count++) {
      lose(hba);
      world.clock.runFor(200);
      giveBack(hba);
      world.clock.runFor(1500);
    }
  };
  const rankOf = (hba: HbaId) => world.host.paths.hbaRank(hba);
  const failBack = (body: object): Answer | null => {
    let answer: Answer | null = null;
    const publish = world.control.onPublish;
    world.control.onPublish = (subject, data, reply) => {
      if (subject.endsWith('.cmd.9')) answer = decodeJson(data) as Answer;
      publish(subject, data, reply);
    };
    world.command('failback', body, subjects.commandReply({ kind: 'node', id: 'x' }, 9));
    world.control.onPublish = publish;
    return answer;
  };
  const why = (hba: HbaId): string | undefined => {
    const hosts = { host: idOf<never>('h1'), order: 'hops', attachments: world.host.attachments };
    const answer = answerExplain({ volume: 'vol0', offset: 0 }, hosts as never);
    return explanationSchema.parse(answer).mirrors[0]?.paths.find((path) => path.hba === hba)?.why;
  };

  it('immediate: one that is back is preferred again once it has worked for the dwell time, not before', () => {
    begin({ dwellMs: 2000 });
    expect(readOne()).to.equal(a);
    lose(a);
    expect(readOne()).to.equal(b);
    giveBack(a);
    expect(readOne(), 'it has only just come back').to.equal(b);
    expect(why(a)).to.equal('avoided: works again, but is in reserve: h1-a');
    world.clock.runFor(1990);
    expect(readOne()).to.equal(b);
    world.clock.runFor(20);
    expect(readOne()).to.equal(a);
  });

  it('one that flaps 3 times within 30 s is in quarantine for its time: I/O keeps to the other, and it is told why', () => {
    begin();
    readOne();
    flap(a, 3);
    for (let seconds = 0; seconds < 57; seconds++) {
      expect(readOne(), `after ${seconds} s`).to.equal(b);
      world.clock.runFor(1000);
    }
    expect(why(a)).to.equal('avoided: in quarantine, it failed again and again: h1-a');
    const { hbas, paths } = world.host.facts() as Record<'hbas' | 'paths', { hba: string }[]>;
    expect(hbas).to.deep.equal([
      { hba: 'h1-a', state: 'connected', rank: 'quarantined' },
      { hba: 'h1-b', state: 'connected', rank: 'usable' },
    ]);
    for (const path of paths)
      expect(path).to.include({ state: path.hba === 'h1-a' ? 'quarantined' : 'usable' });
    world.clock.runFor(4000);
    expect(readOne(), 'quarantine and dwell time are over').to.equal(a);
    expect(ended.every((status) => status === Status.ok)).to.equal(true);
  });

  it('one that was lost as often over a long time is not', () => {
    begin();
    for (let count = 0; count < 4; count++) {
      flap(a, 1);
      world.clock.runFor(15_000);
    }
    expect(rankOf(a)).to.equal(LinkRank.usable);
    expect(readOne()).to.equal(a);
  });

  it('manual: one that is back stays in reserve until an operator says so, of it alone if he likes', () => {
    begin({ failback: 'manual' });
    flap(a, 1);
    world.clock.runFor(120_000);
    expect(rankOf(a)).to.equal(LinkRank.standby);
    expect(readOne()).to.equal(b);
    expect(failBack({ hba: 'h2-a' })).to.include({ ok: false, reason: 'unknown' });
    expect(failBack({ hba: b })).to.deep.equal({ ok: true, links: [], hbas: [] });
    expect(failBack({ hba: a })).to.deep.equal({ ok: true, links: [], hbas: [a] });
    expect(readOne()).to.equal(a);
    flap(b, 1);
    expect(failBack({})).to.deep.equal({ ok: true, links: [], hbas: [b] });
  });

  it('manual: one in reserve is used at once when the other is lost', () => {
    begin({ failback: 'manual' });
    flap(a, 1);
    lose(b);
    expect(readOne()).to.equal(a);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('followOver: goes back by itself, for whoever has an HBA has met its loss', () => {
    begin({ failback: 'followOver' });
    flap(a, 1);
    expect(readOne()).to.equal(a);
  });

  it('quarantine leaves no host without a way: the last HBA is used in quarantine, or two of them', () => {
    begin();
    flap(a, 3);
    lose(b);
    expect(readOne(), 'the other one is lost').to.equal(a);
    giveBack(b);
    world.clock.runFor(1500);
    flap(b, 2);
    expect(rankOf(b)).to.equal(LinkRank.quarantined);
    readOne();
    const trouble = 'in quarantine, it failed again and again: h1-a; no way is better';
    expect(why(a)).to.contain(trouble);
    expect(ended).to.deep.equal([Status.ok, Status.ok]);
  });

  it('one in quarantine is better than one over which nothing is answered', () => {
    begin();
    flap(a, 3);
    for (const link of ['h1-b-s1', 'h1-b-s2']) {
      const way = world.host.paths.link(idOf(link));
      world.clock.runFor(1);
      world.host.paths.timedOut({ links: [way] } as never, world.clock.now());
      expect(way.rank).to.equal(LinkRank.suspect);
    }
    expect(readOne()).to.equal(a);
  });

  it('frozen, the path machine of an HBA lets it flap as it likes', () => {
    begin();
    const machine = world.host.paths.hbas.machine(a);
    if (machine === undefined) throw new Error('the HBA has no machine');
    machine.send = () => {};
    flap(a, 3);
    expect(readOne()).to.equal(a);
  });

  it('a host that has lost all of them goes on over the first that is back, although it has to prove itself', () => {
    begin({ dwellMs: 60_000 });
    for (const hba of [a, b]) lose(hba);
    world.driver.read(unitOf<VolumeOffset>(0), 4096, (status) => ended.push(status));
    world.clock.runFor(500);
    expect(world.sent()).to.be.empty;
    giveBack(b);
    world.clock.runFor(600);
    world.answerAll();
    expect(ended).to.deep.equal([Status.ok]);
    expect(rankOf(b)).to.equal(LinkRank.standby);
  });
});
