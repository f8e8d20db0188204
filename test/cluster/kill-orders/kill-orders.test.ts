/**
 * Disks of mirrors are killed and restarted, in orders that have cost others their data, and in some that are drawn. All
 * orders are `npm run proof:kill-orders -- --long`.
 */
import { expect } from 'chai';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { type KillOrderReport, runKillOrder } from './kill-order-run.ts';
import { type Kill, type Mirrors, movedOrders, orderNamed, restingOrders } from './orders.ts';

function carryOut(name: string): KillOrderReport {
  const report = runKillOrder(name);
  expect(report.problems, name).to.deep.equal([]);
  return report;
}

/** Orders, each with the number of steps after which nothing may be served; null: that is a matter of milliseconds. */
type Classic = Readonly<Record<string, number | null>>;

const classics: Readonly<Record<string, Classic>> = {
  'one of two dies, the other takes writes and dies, the first is back: alone it is refused': {
    '2:212': 2,
    '2:2121': 2,
  },
  'so it is when the config database has forgotten who had been in sync last': {
    '2:121': 2,
    '2:1212': 2,
    '3:112233': 0,
  },
  'both die before anybody decided to go on without the first: each of them may go on alone': {
    '2:212@2:gathering.waiting#1': 1,
    '2:211@2:gathering.waiting#1': 1,
  },
  'the other dies while it is decided, and told, that the first is stale: then that is refused alone':
    {
      '2:212@2:fencing#1': 2,
      '2:212@2:loading#1': 2,
      '2:212@2:settling#1': 2,
    },
  'a disk is back before it is gone on without': {
    '2:112@2:gathering.waiting#1': 0,
    '2:112@2:gathering.looking#1': 0,
  },
  'a disk dies while it is made equal, and is made equal once it is back': {
    '2:1111@3:yielding#1': 0,
    '2:1111@3:serving#1': 0,
    '2:1111@3:copying#1': 0,
  },
  'the only one that is in sync dies while another is made equal to it: half equal is not served': {
    '2:112@3:fencing#1': 1,
    '2:112@3:serving#1': 1,
    '2:112@3:copying#1': 1,
  },
  'the one that was copied from dies while it is decided that the other is in sync again': {
    '2:112@3:yielding#2': null,
    '2:1121@3:deciding#2': null,
    '2:1121@3:fencing#2': null,
  },
  'three die one after another: only the last may serve alone, and the first is refused with the second':
    {
      '3:123123': 3,
      '3:123321': 1,
    },
  'disks lose their power one after another: what was acknowledged as durable is there': {
    '2p:212': 2,
    '2p:2121@2:gathering.waiting#1': null,
    '2p:112@3:serving#2': null,
    '3p:123123': 3,
  },
  'two of three die while the first is made equal': {
    '3:1123@3:copying#1': null,
    '3:1132@4:gathering.waiting#1': null,
  },
};

describe('disks of a mirror volume are killed and restarted', function () {
  this.timeout(60_000);

  for (const [sentence, orders] of Object.entries(classics))
    it(sentence, () => {
      for (const [order, refusals] of Object.entries(orders)) {
        const found = carryOut(order).refusals;
        if (refusals !== null) expect(found, order).to.equal(refusals);
      }
    });

  const drawnCount = 5;
  for (const [mirrors, kill] of [
    [2, 'process'],
    [3, 'process'],
    [2, 'power'],
  ] as const satisfies readonly [Mirrors, Kill][])
    it(`${drawnCount} orders of ${mirrors} (${kill}) that are drawn, with a step of each moved`, () => {
      const random = new SeededRandom('every test run').fork(`${mirrors} ${kill}`);
      for (let drawn = 0; drawn < drawnCount; drawn++) {
        const resting = random.pick(restingOrders(mirrors, kill));
        const { met, acknowledged } = carryOut(resting);
        expect(acknowledged).to.be.greaterThan(0);
        carryOut(random.pick(movedOrders(resting, met)));
      }
    });
});

describe('the name of a kill order', () => {
  it('says everything about it: it is carried out the same way again', () => {
    const name = '2:112@3:copying#1';
    expect(runKillOrder(name)).to.deep.equal(runKillOrder(name));
  });

  it('is one of two or three mirrors, and has no step that is moved into nothing', () => {
    expect(orderNamed('3:1213@2:fencing#1')).to.deep.include({
      mirrors: 3,
      kill: 'process',
      steps: [1, 2, 1, 3],
      moved: { step: 2, moment: 'fencing#1' },
    });
    expect(orderNamed('2p:12')).to.deep.include({ kill: 'power', moved: null });
    for (const name of ['', '4:12', '2:123', '2:', '2:12@3:fencing#1', '2:12@2:sleeping#1'])
      expect(() => orderNamed(name), name).to.throw(RangeError, 'names no kill order');
  });

  it('there are 64 of two mirrors and 729 of three, each with another one moved', () => {
    expect(restingOrders(2, 'process')).to.have.length(64);
    expect(new Set(restingOrders(3, 'power')).size).to.equal(729);
    const met = [['fencing#1'], ['fencing#1', 'serving#1'], ['serving#2']];
    expect(movedOrders('2:121', met)).to.deep.equal([
      '2:121@2:fencing#1',
      '2:121@3:fencing#1',
      '2:121@3:serving#1',
    ]);
  });
});
