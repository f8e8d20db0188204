import { expect } from 'chai';
import { z } from 'zod';
import { Actor } from '../../../actors/actor.ts';
import { CommandRound, type RoundOptions, retryMsMax } from '../../../actors/command-round.ts';
import {
  type RecordConfirm,
  type RecordRead,
  RecordStore,
  type RecordWrite,
} from '../../../actors/virtualizer/record-store.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { type Answer, refusal } from '../../../protocols/commands.ts';
import type { ActorAddress, ClusterId } from '../../../protocols/ids.ts';
import type { Incarnation } from '../../../protocols/units.ts';
import { FakeDatabase, FakeNetwork } from './fake-network.ts';

interface Numbered {
  readonly number: number;
}

function openStore() {
  const clock = new VirtualClock();
  const database = new FakeDatabase(clock);
  const store = new RecordStore<Numbered>(database, 'thing', z.object({ number: z.number() }));
  const read = () => {
    const results: RecordRead<Numbered>[] = [];
    store.read((result) => results.push(result));
    clock.runFor(10);
    return results[0];
  };
  const write = (number: number) => {
    const results: RecordWrite[] = [];
    store.write({ number }, (result) => results.push(result));
    clock.runFor(10);
    return results[0]?.outcome;
  };
  return { clock, database, store, read, write };
}

describe('record store', () => {
  it('writes what was read last, and then again', () => {
    const { read, write } = openStore();
    expect(read()).to.deep.equal({ outcome: 'absent' });
    expect(write(1)).to.equal('written');
    expect(write(2)).to.equal('written');
    expect(read()).to.deep.equal({ outcome: 'found', value: { number: 2 } });
  });

  it('writes nothing that was not read before', () => {
    const { store } = openStore();
    expect(() => store.write({ number: 1 }, () => {})).to.throw(/must be read before/);
  });

  it('loses against another writer, and must read before it writes again', () => {
    const { read, write, database, store } = openStore();
    read();
    database.put('thing', '{"number":7}', 0);
    expect(write(1)).to.equal('conflict');
    expect(() => store.write({ number: 1 }, () => {})).to.throw(/must be read before/);
    expect(read()).to.deep.equal({ outcome: 'found', value: { number: 7 } });
    expect(write(8)).to.equal('written');
  });

  it('does not know whether a write arrived: reading tells what is there now, and only another write decides', () => {
    const { read, write, database, clock } = openStore();
    read();
    database.faults = ['unknown, written'];
    expect(write(1)).to.equal('unknown');
    expect(read()).to.deep.equal({ outcome: 'found', value: { number: 1 } });
    database.faults = ['unknown, not written'];
    expect(write(2)).to.equal('unknown');
    expect(read()).to.deep.equal({ outcome: 'found', value: { number: 1 } });
    database.faults = ['unknown, late'];
    expect(write(3)).to.equal('unknown');
    expect(read()).to.deep.equal({ outcome: 'found', value: { number: 1 } });
    expect(write(4)).to.equal('written');
    clock.runFor(1000);
    expect(read(), 'the late write came to nothing').to.deep.equal({
      outcome: 'found',
      value: { number: 4 },
    });
  });

  it('a late write that wins makes the next one fail', () => {
    const { read, write, database, clock } = openStore();
    read();
    database.faults = ['unknown, late'];
    expect(write(3)).to.equal('unknown');
    read();
    clock.runFor(1000);
    expect(write(4)).to.equal('conflict');
  });

  it('takes no reading for the present that a write has overtaken', () => {
    const { store, read, clock, database } = openStore();
    read();
    store.read(() => {});
    store.write({ number: 1 }, () => {});
    database.faults = ['unknown, written'];
    clock.runFor(10);
    expect(() => store.write({ number: 2 }, () => {})).to.throw(/must be read before/);
  });

  it('confirms what it reads by writing it: an old answer, or an absence that is none, is not taken for the present', () => {
    const { store, database, clock, read, write } = openStore();
    const confirm = () => {
      const results: RecordConfirm<Numbered>[] = [];
      store.confirm({ number: 0 }, (result) => results.push(result));
      clock.runFor(10);
      return results[0];
    };
    expect(confirm(), 'nothing is there').to.deep.equal({
      outcome: 'confirmed',
      value: { number: 0 },
    });
    expect(read()).to.deep.equal({ outcome: 'found', value: { number: 0 } });
    expect(write(5)).to.equal('written');
    expect(confirm()).to.deep.equal({ outcome: 'confirmed', value: { number: 5 } });
    const stale = database.read.bind(database);
    database.read = (key, done) =>
      stale(key, (result) =>
        done(result.outcome === 'found' ? { ...result, revision: result.revision - 1 } : result),
      );
    expect(confirm()).to.include({ outcome: 'unavailable' });
  });

  it('says when the database is away, and when the key holds something else', () => {
    const { read, database } = openStore();
    database.isAvailable = false;
    expect(read()).to.deep.equal({ outcome: 'unavailable', reason: 'it is away' });
    database.isAvailable = true;
    for (const value of ['{"number":"seven"}', 'no JSON at all']) {
      database.values.set('thing', { value, revision: 1 });
      const result = read();
      expect(result?.outcome).to.equal('invalid');
      expect(result)
        .to.have.property('reason')
        .that.matches(/^key thing of the config database/);
    }
  });
});

describe('command round', () => {
  function openRound(answerOf: (receiver: ActorAddress, count: number) => Answer | null) {
    const clock = new VirtualClock();
    const control = new FakeNetwork(clock).open();
    const cluster = 'test' as ClusterId;
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const ports = { cluster, control, clock, random: new SeededRandom(1), log };
    const actor = (kind: 'virtualizer' | 'disk', id: string) =>
      new Actor({ kind, id }, 1 as Incarnation, ports, () => ({ state: '', facts: {} }));
    const asker = actor('virtualizer', 'v1');
    asker.start();
    const asked: number[] = [];
    const start = clock.now();
    const ids = ['d1', 'd2'];
    for (const id of ids) {
      const disk = actor('disk', id);
      let count = 0;
      disk.onCommand('do', (_, answer) => {
        count++;
        asked.push(Math.round(clock.now() - start));
        const result = answerOf(disk.address, count);
        if (result !== null) answer(result);
      });
      disk.start();
    }
    const outcomes: string[] = [];
    const options: RoundOptions = {
      actor: asker,
      clock,
      verb: 'do',
      tasks: ids.map((id) => ({ receiver: { kind: 'disk', id }, body: {} })),
      finished: () => outcomes.push('finished'),
      refused: (reason) => outcomes.push(reason),
    };
    return { clock, asked, outcomes, round: new CommandRound(options), options };
  }

  it('ends once everybody has done it, repeating to those who have not answered', () => {
    const { clock, round, outcomes, asked } = openRound(({ id }, count) =>
      id === 'd1' || count > 2 ? { ok: true } : null,
    );
    round.start();
    clock.runFor(50);
    expect(round.waitingFor).to.equal('disk d2');
    clock.runFor(10_000);
    expect(outcomes).to.deep.equal(['finished']);
    expect(asked).to.have.length(4);
    expect(round.waitingFor).to.equal('');
  });

  it('asks ever more seldom, but at least so often', () => {
    const { clock, round, asked } = openRound(() => refusal('not-ready', 'starting'));
    round.start();
    clock.runFor(20_000);
    const own = asked.filter((_, index) => index % 2 === 0);
    const gaps = own
      .slice(1)
      .map((time, index) => 10 * Math.round((time - (own[index] ?? 0)) / 10));
    expect(gaps).to.deep.equal(gaps.toSorted((a, b) => a - b));
    expect(gaps.at(-1)).to.be.equal(retryMsMax);
  });

  it('ends at the first that refuses for good, saying who and why, and then asks nobody', () => {
    const { clock, round, outcomes, asked } = openRound(({ id }) =>
      id === 'd1' ? refusal('refused', 'its identity is another') : null,
    );
    round.start();
    clock.runFor(20_000);
    expect(outcomes).to.deep.equal(['disk d1 refuses: its identity is another']);
    expect(asked).to.have.length(2);
  });

  it('asks at once whoever told that something happened, and nobody after it was cancelled', () => {
    const { clock, round, asked, outcomes } = openRound(() => refusal('not-ready', 'copying'));
    round.start();
    clock.runFor(5000);
    const count = asked.length;
    round.hurry({ kind: 'disk', id: 'd2' });
    clock.runFor(1);
    expect(asked.length).to.equal(count + 1);
    round.cancel();
    round.hurry({ kind: 'disk', id: 'd1' });
    clock.runFor(5000);
    expect(asked.length).to.equal(count + 1);
    expect(outcomes).to.deep.equal([]);
  });

  it('with nobody to ask is over at once', () => {
    const { clock, options, outcomes } = openRound(() => null);
    new CommandRound({ ...options, tasks: [] }).start();
    clock.runFor(1);
    expect(outcomes).to.deep.equal(['finished']);
  });
});
