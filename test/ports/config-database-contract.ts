/** What every ConfigDatabase promises, run against both worlds. */
import { expect } from 'chai';
import type { ConfigDatabase, DatabaseRead, DatabaseWrite } from '../../protocols/ports.ts';

export interface ConfigDatabaseWorld {
  /** Two processes' handles on one database, which is empty at first. */
  readonly database: ConfigDatabase;
  readonly other: ConfigDatabase;
  /** Lets time pass until the condition holds; fails after a deadline. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** The server takes requests but does not serve them, as a stopped process does. */
  pause(): void | Promise<void>;
  resume(): void;
  /** The server is killed, and started again on what it had written. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Waits for an answer, and checks that it comes after the call and once. */
async function answerOf<Result>(
  world: ConfigDatabaseWorld,
  what: string,
  ask: (done: (result: Result) => void) => void,
): Promise<Result> {
  const results: Result[] = [];
  ask((result) => results.push(result));
  expect(results, 'an answer before the call returned').to.deep.equal([]);
  await world.until(() => results.length > 0, what);
  const [result] = results;
  if (result === undefined || results.length > 1) throw new Error(`${what}: not one answer`);
  return result;
}

export function readOf(world: ConfigDatabaseWorld, key: string, from = world.database) {
  return answerOf<DatabaseRead>(world, `read of ${key}`, (done) => from.read(key, done));
}

export function writeTo(
  world: ConfigDatabaseWorld,
  change: { key: string; value: string; expectedRevision: number },
  by = world.database,
) {
  const { key, value, expectedRevision } = change;
  return answerOf<DatabaseWrite>(world, `write of ${key}`, (done) =>
    by.write(key, value, expectedRevision, done),
  );
}

function revisionOf(result: DatabaseRead | DatabaseWrite): number {
  if (result.outcome === 'written' || result.outcome === 'found') return result.revision;
  throw new Error(`no revision: ${JSON.stringify(result)}`);
}

/** Asks until the database answers again, as everybody has to who was told `unavailable`. */
async function settledRead(world: ConfigDatabaseWorld, key: string): Promise<DatabaseRead> {
  for (;;) {
    const result = await readOf(world, key);
    if (result.outcome !== 'unavailable') return result;
  }
}

export function describeConfigDatabaseContract(
  worldName: string,
  open: () => Promise<ConfigDatabaseWorld>,
): void {
  describe(`config database, ${worldName}`, function () {
    this.timeout(60_000);
    let world: ConfigDatabaseWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(() => world.close());

    describeValues(() => world);
    describeDecisions(() => world);
    describeTrouble(() => world);
  });
}

function describeValues(world: () => ConfigDatabaseWorld): void {
  it('a key that nobody wrote is absent; what was written is found, by everybody', async () => {
    expect(await readOf(world(), 'volume.vol0')).to.deep.equal({ outcome: 'absent' });
    const value = JSON.stringify({ name: 'Wörter, "quotes" and 漢字', size: 2 ** 40 });
    const written = await writeTo(world(), { key: 'volume.vol0', value, expectedRevision: 0 });
    const found = { outcome: 'found', value, revision: revisionOf(written) };
    expect(await readOf(world(), 'volume.vol0')).to.deep.equal(found);
    expect(await readOf(world(), 'volume.vol0', world().other)).to.deep.equal(found);
  });

  it('a large value comes back whole', async () => {
    const value = JSON.stringify('x'.repeat(500 * 1024));
    await writeTo(world(), { key: 'volume.large', value, expectedRevision: 0 });
    expect(await readOf(world(), 'volume.large')).to.include({ outcome: 'found', value });
  });

  it('lists the keys that begin with a prefix, in order', async () => {
    for (const key of ['volume.b', 'volumes', 'disk.d1', 'volume.a']) {
      await writeTo(world(), { key, value: '1', expectedRevision: 0 });
    }
    const list = (prefix: string) =>
      answerOf(world(), `list of ${prefix}`, (done: (result: unknown) => void) =>
        world().database.list(prefix, done),
      );
    expect(await list('volume.')).to.deep.equal({ keys: ['volume.a', 'volume.b'] });
    expect(await list('volume')).to.deep.equal({ keys: ['volume.a', 'volume.b', 'volumes'] });
    expect(await list('host.')).to.deep.equal({ keys: [] });
    expect(await list('')).to.deep.equal({ keys: ['disk.d1', 'volume.a', 'volume.b', 'volumes'] });
  });

  it('keys that are not ids joined by dots are a bug, and are not sent', () => {
    for (const key of ['', 'a b', 'a..b', '.a', 'a.', 'a.*', '>', 'a\r\nb']) {
      expect(() => world().database.read(key, () => {}), key).to.throw(RangeError);
      expect(() => world().database.write(key, '1', 0, () => {}), key).to.throw(RangeError);
    }
  });
}

function describeDecisions(world: () => ConfigDatabaseWorld): void {
  it('a write replaces only the revision that it names, and says the new one', async () => {
    const key = 'volume.vol0';
    const first = revisionOf(await writeTo(world(), { key, value: '1', expectedRevision: 0 }));
    const second = revisionOf(await writeTo(world(), { key, value: '2', expectedRevision: first }));
    expect(second).to.be.greaterThan(first);
    for (const expectedRevision of [0, first, second + 1]) {
      const refused = await writeTo(world(), { key, value: '3', expectedRevision }, world().other);
      expect(refused, `on ${expectedRevision}`).to.deep.equal({ outcome: 'conflict' });
    }
    const found = { outcome: 'found', value: '2', revision: second };
    expect(await readOf(world(), key)).to.deep.equal(found);
  });

  it('a write to one key does not disturb a compare-and-set on another', async () => {
    const first = await writeTo(world(), { key: 'a', value: '1', expectedRevision: 0 });
    await writeTo(world(), { key: 'b', value: '1', expectedRevision: 0 }, world().other);
    const expectedRevision = revisionOf(first);
    const second = await writeTo(world(), { key: 'a', value: '2', expectedRevision });
    expect(second.outcome).to.equal('written');
  });

  it('of many that replace the same revision at once exactly one wins, in every round', async () => {
    const key = 'volume.vol0';
    let expectedRevision = 0;
    for (let round = 0; round < 5; round++) {
      const results: { by: number; result: DatabaseWrite }[] = [];
      for (let by = 0; by < 10; by++) {
        const handle = by % 2 === 0 ? world().database : world().other;
        handle.write(key, `${by}`, expectedRevision, (result) => results.push({ by, result }));
      }
      await world().until(() => results.length === 10, 'ten answers');
      const winners = results.filter(({ result }) => result.outcome === 'written');
      const losers = results.filter(({ result }) => result.outcome === 'conflict');
      expect([winners.length, losers.length]).to.deep.equal([1, 9]);
      const found = await readOf(world(), key);
      expect(found).to.include({ outcome: 'found', value: `${winners[0]?.by}` });
      expectedRevision = revisionOf(found);
    }
  });
}

function describeTrouble(world: () => ConfigDatabaseWorld): void {
  it('a server that does not answer: reads are unavailable, a write is unknown and may yet happen', async () => {
    const key = 'volume.vol0';
    const first = revisionOf(await writeTo(world(), { key, value: '1', expectedRevision: 0 }));
    await world().pause();
    const [read, written] = await Promise.all([
      readOf(world(), key),
      writeTo(world(), { key, value: '2', expectedRevision: first }),
    ]);
    expect(read.outcome).to.equal('unavailable');
    expect(written.outcome).to.equal('unknown');
    world().resume();
    // The late write and this one race: whoever is first wins, and a compare-and-set that succeeded ends the doubt.
    const decided = await settledDecision(world(), key, '3');
    const after = await settledRead(world(), key);
    expect(after).to.deep.equal({ outcome: 'found', value: '3', revision: decided });
  });

  it('a server that is gone: requests end soon, and once it is back all that was written is there', async () => {
    const key = 'volume.vol0';
    const first = revisionOf(await writeTo(world(), { key, value: '1', expectedRevision: 0 }));
    await world().kill();
    const written = await writeTo(world(), { key, value: '2', expectedRevision: first });
    expect(written.outcome).to.equal('unknown');
    expect((await readOf(world(), key)).outcome).to.equal('unavailable');
    await world().restart();
    const found = await settledRead(world(), key);
    expect(found).to.deep.equal({ outcome: 'found', value: '1', revision: first });
    expect(await settledDecision(world(), key, '3')).to.be.greaterThan(first);
  });
}

/** Writes `value` over whatever is there, as often as it takes. @returns the revision. */
async function settledDecision(
  world: ConfigDatabaseWorld,
  key: string,
  value: string,
): Promise<number> {
  for (;;) {
    const found = await settledRead(world, key);
    const expectedRevision = found.outcome === 'found' ? found.revision : 0;
    const written = await writeTo(world, { key, value, expectedRevision });
    if (written.outcome === 'written') return written.revision;
  }
}
