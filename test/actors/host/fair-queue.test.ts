import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { encodeJson } from '../../../actors/json.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { sizeBytes, stripBytes } from './control-data-sample.ts';
import { contentOf, HostWorld, type SentFrame, type WorldOptions } from './host-world.ts';

const at = (offset: number) => unitOf<VolumeOffset>(offset);
const other = idOf<VolumeId>('vol1');
const fourGibibytes = 4096 * mebibyte;

/** Attaches a second volume to the world's host. */
function serveOther(world: HostWorld): OptimizationDriver {
  const attachment = world.host.attach({ volume: other, mode: 'exclusive', readOnly: false });
  const data = world.data({ volume: other });
  world.control.deliver(subjectsOf(data.cluster).controlData(other, idOf('h1')), encodeJson(data));
  if (attachment.volume === null) throw new Error('the other volume is not known');
  return attachment.volume;
}

describe('a TRIM or WRITE_ZEROES that means very many parts', () => {
  let world: HostWorld;
  let ended: string[];
  const note = (name: string) => (status: Status) => {
    ended.push(`${name} ${status}`);
  };
  const ok = (...names: string[]) => names.map((name) => `${name} ${Status.ok}`);
  /** @param bytes of the volume */
  function begin(options: WorldOptions = {}, bytes = sizeBytes): void {
    world = new HostWorld(options);
    world.serve({ sizeBytes: bytes });
    ended = [];
  }
  const write = (name: string, driver = world.driver, offset = 0) =>
    driver.write(at(offset), [contentOf(offset, 4096)], false, note(name));
  const ofOperation = (frames: readonly SentFrame[], operation: Operation) =>
    frames.filter(({ request }) => request.operation === operation);
  /** Answers everything after a time, again and again. */
  function answerSlowly(rounds: number, afterMs: number): void {
    for (let round = 0; round < rounds; round++) {
      world.clock.runFor(afterMs);
      world.answerAll();
    }
  }

  it('of 4 GiB holds up no small I/O: not of its own volume, and not of another one', () => {
    begin({}, fourGibibytes);
    const second = serveOther(world);
    world.driver.trim(at(0), fourGibibytes, false, note('trim'));
    world.driver.writeZeroes(at(0), fourGibibytes, false, note('zeroes'));
    expect(ofOperation(world.sent(), Operation.trim).length).to.be.at.most(64);
    write('own');
    write('other', second);
    second.read(at(4096), 4096, note('read'));
    const frames = world.sent();
    expect(frames.map(({ request }) => [request.volume, request.operation])).to.deep.equal([
      ['vol0', Operation.write],
      ['vol1', Operation.read],
      ['vol1', Operation.write],
    ]);
    world.answerAll(frames);
    expect(ended).to.deep.equal(ok('own', 'read', 'other'));
  });

  it('holds up no range of another volume', () => {
    begin();
    const second = serveOther(world);
    world.driver.trim(at(0), sizeBytes, false, note('trim'));
    world.sent();
    second.trim(at(0), 4096, false, note('other'));
    world.answerAll();
    expect(ended).to.deep.equal(ok('other'));
  });

  it('gives others their turn where slots are short', () => {
    begin({ policy: { slotsMax: 8, turnParts: 4 } });
    const second = serveOther(world);
    for (const driver of [world.driver, second]) write('first', driver);
    world.answerAll();
    ended = [];
    world.driver.trim(at(0), sizeBytes, false, note('trim'));
    const parts = [...world.sent()];
    write('own');
    write('other', second);
    for (let answered = 0; answered < 2 * 4; answered++) {
      world.answerAll(parts.splice(0, 1));
      for (let sent = world.sent(); sent.length > 0; sent = world.sent()) {
        parts.push(...ofOperation(sent, Operation.trim));
        world.answerAll(ofOperation(sent, Operation.write));
      }
    }
    expect(ended).to.deep.equal(ok('own', 'other'));
  });

  it('may take longer than any deadline as long as it gets on, and so may those behind it', () => {
    begin({ policy: { rangePartsMax: 8, turnParts: 256 } });
    for (const name of ['first', 'second', 'third'])
      world.driver.trim(at(0), sizeBytes, false, note(name));
    answerSlowly(90, 200);
    expect(ended, 'after 18 s').to.deep.equal(ok('first', 'second'));
    answerSlowly(10, 200);
    expect(ended).to.deep.equal(ok('first', 'second', 'third'));
    expect(world.host.counters.losses).to.equal(0);
    expect(world.attachment.state).to.equal('serving');
  });

  it('is not passed by a read that overlaps it, and that read does not fail for having waited', () => {
    begin({ policy: { rangePartsMax: 4 } });
    world.driver.trim(at(0), sizeBytes, false, note('trim'));
    world.driver.read(at(sizeBytes - 4096), 4096, note('read'));
    answerSlowly(63, 200);
    expect(ended, 'after 12 s').to.be.empty;
    answerSlowly(2, 200);
    expect(ended).to.deep.equal(ok('trim', 'read'));
  });

  it('is lost with its volume when a part of it has no result, as any write is', () => {
    begin();
    world.driver.trim(at(0), sizeBytes, false, note('trim'));
    world.answerAll();
    world.clock.runFor(10_100);
    expect(world.attachment.state).to.equal('lost');
    world.publish({ generation: 2, attachEpoch: 6 });
    expect(ended).to.deep.equal([`trim ${Status.path}`]);
  });
});

interface Waiting {
  readonly line: string;
  readonly start: number;
  readonly end: number;
  partsLeft: number;
  /** Parts of others that were sent since a part of it was, or since it came. */
  passed: number;
  hasBegun: boolean;
}

describe('who waits for a slot', () => {
  const turnParts = 4;
  const content = new Uint8Array(stripBytes);

  /** One host with two slots, and what its volumes' consumers ask for in any order. */
  function runSeed(seed: number): void {
    const random = new SeededRandom(seed);
    const world = new HostWorld({ policy: { slotsMax: 2, turnParts } });
    const drivers = [world.serve(), serveOther(world)];
    const free = [0, 0];
    const asked: Waiting[] = [];
    const open: SentFrame[] = [];
    let ended = 0;
    let perLineMax = 0;

    function ask(): void {
      const index = random.integer(2);
      const isTrim = random.integer(2) === 1;
      const parts = Math.min(1 + random.integer(12), sizeBytes / stripBytes - (free[index] ?? 0));
      const driver = drivers[index];
      if (parts < 1 || driver === undefined) return;
      const start = (free[index] ?? 0) * stripBytes;
      free[index] = (free[index] ?? 0) + parts;
      const line = `${driver.name}/${isTrim ? Operation.trim : Operation.read}`;
      const end = start + parts * stripBytes;
      asked.push({ line, start, end, partsLeft: parts, passed: 0, hasBegun: false });
      const done = () => {
        ended++;
      };
      if (isTrim) driver.trim(at(start), end - start, false, done);
      else driver.read(at(start), end - start, done);
    }

    function sent({ request }: SentFrame): void {
      const line = `${request.volume}/${request.operation}`;
      const ofLine = asked.filter((each) => each.line === line);
      const mine = ofLine.find(({ start, end }) => start <= request.offset && request.offset < end);
      if (mine === undefined) throw new Error('a part that nobody asked for');
      const isFirst = ofLine.find(({ hasBegun }) => !hasBegun) === mine;
      expect(mine.hasBegun || isFirst, 'those of a line begin in order').to.equal(true);
      mine.hasBegun = true;
      mine.partsLeft--;
      mine.passed = 0;
      const waiting = asked.filter(({ partsLeft }) => partsLeft > 0);
      for (const each of waiting) if (each !== mine) each.passed++;
      for (const { line: name } of waiting)
        perLineMax = Math.max(perLineMax, waiting.filter((each) => each.line === name).length);
      for (const { passed } of waiting)
        expect(passed).to.be.at.most(4 * turnParts * perLineMax, 'nobody is passed by for long');
    }

    for (let step = 0; step < 500; step++) {
      if (asked.length < 40 && random.integer(3) === 0) ask();
      for (const frame of world.sent()) {
        sent(frame);
        open.push(frame);
      }
      for (const frame of open.splice(random.integer(Math.max(open.length, 1)), 1))
        world.answer(frame, {}, frame.request.operation === Operation.read ? [content] : []);
    }
    expect(ended).to.equal(asked.length);
  }

  it('begins in the order of its line, and is passed by for a bounded number of turns (4 seeds)', () => {
    for (let seed = 1; seed <= 4; seed++) runSeed(seed);
  }).timeout(60_000);
});
