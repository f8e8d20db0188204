import { expect } from 'chai';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { noDatabaseFaults, SimulatedDatabase } from '../../../cluster/simulation/database.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { ConfigDatabase, DatabaseRead, DatabaseWrite } from '../../../protocols/ports.ts';
import { describeConfigDatabaseContract } from '../../ports/config-database-contract.ts';

function openWorld(options: { syncsEveryWrite?: boolean; seed?: number } = {}) {
  const clock = new VirtualClock();
  const trace: string[] = [];
  const server = new SimulatedDatabase({
    clock,
    random: new SeededRandom(options.seed ?? 1),
    syncsEveryWrite: options.syncsEveryWrite ?? true,
    note: (kind, key, revision) => trace.push(`${clock.now()} ${kind} ${key} ${revision}`),
  });
  const one = new SimulatedProcess(clock, 'one', 5000);
  const other = new SimulatedProcess(clock, 'other', 70);
  return { clock, server, one, other, trace, database: server.open(one) };
}

function runUntil(clock: VirtualClock, condition: () => boolean): void {
  while (!condition()) if (!clock.runNext()) throw new Error('nothing is going to happen any more');
}

function write(
  clock: VirtualClock,
  database: ConfigDatabase,
  value: string,
  expectedRevision: number,
): DatabaseWrite {
  const results: DatabaseWrite[] = [];
  database.write('key', value, expectedRevision, (result) => results.push(result));
  runUntil(clock, () => results.length > 0);
  return results[0] as DatabaseWrite;
}

function read(clock: VirtualClock, database: ConfigDatabase): DatabaseRead {
  const results: DatabaseRead[] = [];
  database.read('key', (result) => results.push(result));
  runUntil(clock, () => results.length > 0);
  return results[0] as DatabaseRead;
}

function runFor(clock: VirtualClock, lengthMs: number): void {
  let isOver = false;
  clock.setTimeout(() => {
    isOver = true;
  }, lengthMs);
  runUntil(clock, () => isOver);
}

describeConfigDatabaseContract('simulation', async () => {
  const { clock, server, other, database } = openWorld();
  return {
    database,
    other: server.open(other),
    until: async (condition) => runUntil(clock, condition),
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: async () => server.stop(),
    restart: async () => server.start(),
    close: async () => {},
  };
});

describe('config database of the simulation', () => {
  const always = 1_000_000;

  it('a lost answer is unknown, and the write happened', () => {
    const { clock, server, database } = openWorld();
    server.faults = { ...noDatabaseFaults, lostAnswers: always };
    expect(write(clock, database, '1', 0).outcome).to.equal('unknown');
    expect(server.peek('key')).to.include({ outcome: 'found', value: '1' });
  });

  it('a lost request is unknown, and the write did not happen', () => {
    const { clock, server, database } = openWorld();
    server.faults = { ...noDatabaseFaults, lostRequests: always };
    expect(write(clock, database, '1', 0).outcome).to.equal('unknown');
    runFor(clock, 60_000);
    expect(server.peek('key')).to.deep.equal({ outcome: 'absent' });
  });

  it('a late write happens after its sender was told that the outcome is unknown', () => {
    const { clock, server, database } = openWorld();
    server.faults = { ...noDatabaseFaults, lateWrites: always };
    expect(write(clock, database, '1', 0).outcome).to.equal('unknown');
    expect(server.peek('key')).to.deep.equal({ outcome: 'absent' });
    runFor(clock, 10_000);
    expect(server.peek('key')).to.include({ outcome: 'found', value: '1' });
  });

  it('a late write loses against a compare-and-set that succeeded before it', () => {
    const { clock, server, database } = openWorld();
    server.faults = { ...noDatabaseFaults, lateWrites: always };
    expect(write(clock, database, 'late', 0).outcome).to.equal('unknown');
    server.faults = noDatabaseFaults;
    expect(write(clock, database, 'decided', 0).outcome).to.equal('written');
    runFor(clock, 10_000);
    expect(server.peek('key')).to.include({ value: 'decided' });
    expect(server.counts.conflict).to.equal(1);
  });

  it('reads may give any older value, also that there is none', () => {
    const { clock, server, database } = openWorld();
    let revision = 0;
    for (const value of ['1', '2']) {
      const written = write(clock, database, value, revision);
      if (written.outcome === 'written') revision = written.revision;
    }
    server.faults = { ...noDatabaseFaults, oldReads: always };
    const seen = new Set<string>();
    for (let count = 0; count < 50; count++) {
      const result = read(clock, database);
      seen.add(result.outcome === 'found' ? result.value : result.outcome);
    }
    expect([...seen].sort()).to.deep.equal(['1', '2', 'absent']);
  });

  it('a full server refuses writes and says nothing that could be taken for a decision', () => {
    const { clock, server, database } = openWorld();
    server.full = true;
    expect(write(clock, database, '1', 0).outcome).to.equal('unknown');
    expect(server.peek('key')).to.deep.equal({ outcome: 'absent' });
  });

  it('with every write synced, a power cut loses nothing that was acknowledged', () => {
    const { clock, server, database } = openWorld({ syncsEveryWrite: true });
    write(clock, database, '1', 0);
    server.powerCut();
    server.start();
    expect(read(clock, database)).to.include({ outcome: 'found', value: '1' });
  });

  it('without, a power cut loses a random end of what came after the last sync, and revisions repeat', () => {
    const left = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const { clock, server, database } = openWorld({ syncsEveryWrite: false, seed });
      expect(database.syncsEveryWrite).to.equal(false);
      write(clock, database, 'synced', 0);
      runFor(clock, 130_000);
      write(clock, database, 'second', 1);
      write(clock, database, 'third', 2);
      server.powerCut();
      server.start();
      const found = server.peek('key');
      if (found.outcome !== 'found') throw new Error('a synced write was lost');
      left.add(found.value);
      const written = write(clock, database, 'again', found.revision);
      expect(written).to.deep.equal({ outcome: 'written', revision: found.revision + 1 });
    }
    expect([...left].sort()).to.deep.equal(['second', 'synced', 'third']);
  });

  it('a killed process hears nothing more, but what it asked for may happen', () => {
    const { clock, server, one, database } = openWorld();
    const heard: DatabaseWrite[] = [];
    database.write('key', '1', 0, (result) => heard.push(result));
    one.stop();
    runFor(clock, 10_000);
    expect(heard).to.deep.equal([]);
    expect(server.peek('key')).to.include({ value: '1' });
  });

  it('a process out of reach is told nothing but unknown, while the others go on', () => {
    const { clock, server, one, other, database } = openWorld();
    server.setReachable(one, false);
    expect(write(clock, database, '1', 0).outcome).to.equal('unknown');
    expect(write(clock, server.open(other), '2', 0).outcome).to.equal('written');
    server.setReachable(one, true);
    expect(read(clock, database)).to.include({ value: '2' });
  });

  it('the same seed gives the same story', () => {
    const story = (seed: number): string[] => {
      const { clock, server, database, trace } = openWorld({ seed, syncsEveryWrite: false });
      const rate = 200_000;
      server.faults = { lostRequests: rate, lostAnswers: rate, lateWrites: rate, oldReads: rate };
      for (let round = 0; round < 30; round++) {
        const found = read(clock, database);
        write(clock, database, `${round}`, found.outcome === 'found' ? found.revision : 0);
        if (round % 10 === 9) {
          server.powerCut();
          server.start();
        }
      }
      return trace;
    };
    expect(story(7)).to.deep.equal(story(7));
    expect(story(7)).to.not.deep.equal(story(8));
  });
});
