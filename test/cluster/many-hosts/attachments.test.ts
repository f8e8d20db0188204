/** Who may use a volume, and what becomes of what former users had under way (I14, V3), through whole actors. */
import { expect } from 'chai';
import type { Attachment } from '../../../actors/host/attachment.ts';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { encodeRequest } from '../../../protocols/frames/frame.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { kibibyte, mebibyte } from '../../../protocols/units.ts';
import {
  type Plain,
  type SeenFrame,
  SimulatedSan,
  smallShippedTopology,
} from '../../tools/simulated-san.ts';

const vol0 = idOf<VolumeId>('vol0');

/** The two-tier wiring with vol0 alone: `exports` says which hosts export it, and how. */
function sanWith(exports: Readonly<Record<string, Plain>>, hosts: unknown = 'all'): SimulatedSan {
  const topology = smallShippedTopology('two-tier.yaml', (plain) => ({
    ...plain,
    hosts: ['h1', 'h2'].map((id) => ({
      id,
      hbas: [`${id}-a`, `${id}-b`],
      exports: exports[id] === undefined ? [] : [{ volume: vol0, ...exports[id] }],
    })),
    volumes: (plain.volumes as Plain[]).slice(0, 1).map((volume) => ({
      ...volume,
      size: '4MiB',
      hosts,
    })),
  }));
  const san = new SimulatedSan(topology);
  san.watchFrames();
  return san;
}

const exclusive = { attach: 'exclusive' };
const shared = { attach: 'shared', listen: 'nbd://127.0.0.1:0' };

const reasonOf = (attachment: Attachment) => String(attachment.facts().reason);
const isOpen = (attachment: Attachment) => attachment.volume?.admission.open === true;

function driverOf(attachment: Attachment) {
  if (attachment.volume === null) throw new Error('the volume is not known yet');
  return attachment.volume;
}

/** Places in both partitions, some of which share a block with their neighbour. */
const places = Array.from({ length: 16 }, (_, index) => (index * mebibyte) / 4 + 1024);

/** Where nothing is ever written to: between the places. */
const asideBytes = 128 * kibibyte;

/** The same writes for places aside, as if they had been sent along and were lost on their way until now. */
function neverArrived(frames: readonly SeenFrame[]) {
  return frames
    .filter(({ request }) => request.operation === Operation.write)
    .map(({ subject, request, data }) => {
      const { offset, diskOffset, ioNumber, writeNumber } = request;
      const aside = {
        ...request,
        offset: offset + asideBytes,
        diskOffset: diskOffset === 0 ? 0 : diskOffset + asideBytes,
        ioNumber: ioNumber + 1000,
        writeNumber: writeNumber === 0 ? 0 : writeNumber + 1000,
      };
      return { subject, bytes: encodeRequest(aside as Request, [data.bytes]) };
    });
}

/** Nothing of these frames may have an effect, whether they were carried out before or never came. */
function expectDead(san: SimulatedSan, driver: OptimizationDriver, frames: readonly SeenFrame[]) {
  const late = neverArrived(frames);
  expect(late.length).to.be.greaterThan(0);
  san.replay([...frames, ...late, ...frames.toReversed()]);
  const aside = places.map((offset) => san.read(driver, offset + asideBytes, 8192));
  san.finish(...aside);
  for (const { bytes } of aside) expect(bytes).to.deep.equal(Buffer.alloc(8192));
}

describe('a volume that is attached exclusively', () => {
  it('is refused to every other host, with the name of the one that holds it', () => {
    const san = sanWith({ h1: exclusive });
    const h1 = san.volume('h1', 'vol0');
    const others = (['exclusive', 'shared'] as const).map((mode) => {
      const attachment = san.attach('h2', { volume: vol0, mode, readOnly: mode === 'shared' });
      san.runFor(2000);
      expect(isOpen(attachment)).to.equal(false);
      const reason = reasonOf(attachment);
      san.hostOf('h2').detach(vol0, () => {});
      san.runFor(2000);
      return reason;
    });
    expect(new Set(others)).to.deep.equal(
      new Set([
        'volume vol0 is attached exclusively by host h1; detach it there first, or attach it shared everywhere',
      ]),
    );
    san.finish(san.write(h1, 0, 8192, 1), san.read(h1, mebibyte, 4096));
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('goes to another host only when all that its holder had under way has ended', () => {
    const san = sanWith({ h1: exclusive });
    const h1 = san.volume('h1', 'vol0');
    const ios = places.map((offset) => san.write(h1, offset, 8192, 1));
    let left = false;
    san.hostOf('h1').detach(vol0, () => {
      left = true;
    });
    const next = san.attach('h2', { volume: vol0, mode: 'exclusive', readOnly: false });
    san.runUntil('h2 has the volume', () => isOpen(next));
    expect(left).to.equal(true);
    expect(ios.map(({ status }) => status)).to.deep.equal(places.map(() => Status.ok));
    const ofH1 = san.frames.filter(({ request }) => request.host === 'h1');
    const h2 = driverOf(next);
    san.finish(...places.map((offset) => san.write(h2, offset, 8192, 2)));
    expectDead(san, h2, ofH1);
    const reads = places.map((offset) => san.read(h2, offset, 8192));
    san.finish(...reads);
    for (const { bytes } of reads) expect(bytes).to.deep.equal(Buffer.alloc(8192, 2));
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('is nobody’s to read or write who is masked from it, whatever frames it sends', () => {
    const san = sanWith({ h1: exclusive }, ['h1']);
    const h1 = san.volume('h1', 'vol0');
    san.finish(san.write(h1, 0, 4096, 1), san.read(h1, 0, 4096));
    san.runFor(100);
    const bus = san.connect('h2 forges');
    const forged = san.frames.filter(({ request }) => request.operation !== Operation.probe);
    expect(forged.some(({ kind }) => kind === 'disk')).to.equal(true);
    const refusals = () =>
      ['s1', 's2'].map((id) => (san.facts(id) as { counters: { refusals: Plain } }).counters);
    for (const { subject, request, data } of forged) {
      const ofH2 = { ...request, host: 'h2', ioNumber: 1, writeNumber: request.writeNumber + 50 };
      bus.publish(subject, encodeRequest(ofH2 as Request, [new Uint8Array(data.bytes.length)]));
    }
    san.runFor(3000);
    const masked = refusals().reduce((sum, each) => sum + Number(each.refusals.masked ?? 0), 0);
    expect(masked).to.be.greaterThan(0);
    const read = san.read(h1, 0, 4096);
    san.finish(read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(4096, 1));
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});

describe('a volume that hosts share', () => {
  it('becomes one host’s own only when the others have let go, and shared again likewise', () => {
    const san = sanWith({ h1: shared, h2: shared });
    const h2 = san.volume('h2', 'vol0');
    let left = '';
    san.hostOf('h1').detach(vol0, () => {
      left += 'h1 ';
    });
    san.runUntil('h1 let go', () => left === 'h1 ');
    const own = san.attach('h1', { volume: vol0, mode: 'exclusive', readOnly: false });
    san.runFor(2000);
    expect(reasonOf(own)).to.equal(
      'volume vol0 is attached by host h2; detach it there first, or attach it shared everywhere',
    );
    const ios = places.map((offset) => san.write(h2, offset, 4096, 7));
    san.hostOf('h2').detach(vol0, () => {
      left += 'h2';
    });
    san.runUntil('h1 has it alone', () => isOpen(own));
    expect(left).to.equal('h1 h2');
    expect(ios.every(({ status }) => status === Status.ok)).to.equal(true);
    const again = san.attach('h2', { volume: vol0, mode: 'shared', readOnly: false });
    san.runFor(2000);
    expect(reasonOf(again)).to.match(/^volume vol0 is attached exclusively by host h1/);
    san.hostOf('h1').detach(vol0, () => {});
    san.runUntil('h2 shares it', () => isOpen(again));
    const read = san.read(driverOf(again), places[3] ?? 0, 4096);
    san.finish(read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(4096, 7));
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('may be for reading only on one of them: it sees what the other writes, and writes nothing', () => {
    const san = sanWith({ h1: shared, h2: { ...shared, readOnly: true } });
    const [h1, h2] = [san.volume('h1', 'vol0'), san.volume('h2', 'vol0')];
    san.finish(san.write(h1, 4096, 4096, 5));
    const read = san.read(h2, 4096, 4096);
    san.finish(read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(4096, 5));
    const write = san.write(h2, 4096, 4096, 6);
    san.runUntil('it has ended', () => write.status !== null);
    expect(write.status).to.equal(Status.masked);
    expect(
      san.frames.filter(
        ({ request }) => request.host === 'h2' && request.operation === Operation.write,
      ),
    ).to.be.empty;
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});

describe('a host process that is followed by another', () => {
  for (const mode of ['exclusive', 'shared'] as const)
    it(`is replaced, and nothing that it had under way ever lands (${mode})`, () => {
      const attach = mode === 'shared' ? shared : exclusive;
      const san = sanWith(mode === 'shared' ? { h1: attach, h2: attach } : { h1: attach });
      const before = san.volume('h1', 'vol0').view.attachment;
      // From now on these regions are dirty, and writes need not wait.
      san.finish(...places.map((offset) => san.write(san.volume('h1', 'vol0'), offset, 8192, 1)));
      for (const offset of places) san.write(san.volume('h1', 'vol0'), offset, 8192, 1);
      san.runFor(0.4);
      const sent = (frames: readonly SeenFrame[]) =>
        frames.filter(({ request }) => request.host === 'h1');
      expect(sent(san.frames), 'something is under way').to.not.be.empty;
      san.world.crash(san.node('h1'));
      san.runUntil('h1 is down', () => !san.isServing || san.node('h1').assembled === null);
      san.runUntil('h1 is back', () => san.node('h1').isRunning && san.isServing);
      const old = sent(san.frames);
      const h1 = san.volume('h1', 'vol0');
      expect(h1.view.attachment?.hostIncarnation).to.not.equal(before?.hostIncarnation);
      expect(h1.view.attachment?.attachEpoch).to.be.greaterThan(before?.attachEpoch ?? 0);
      san.finish(...places.map((offset) => san.write(h1, offset, 8192, 2)));
      expectDead(san, h1, old);
      const reads = places.map((offset) => san.read(h1, offset, 8192));
      san.finish(...reads);
      for (const { bytes } of reads) expect(bytes).to.deep.equal(Buffer.alloc(8192, 2));
      expect(san.stopAndCompare()).to.deep.equal([]);
    });
});

describe('a cluster with two virtualizers', () => {
  let san: SimulatedSan;
  let first: string;
  let other: string;
  const stateOf = (id: string) => san.node(id).assembled?.virtualizers[0]?.state;
  const isDeciding = (id: string) => stateOf(id) === 'active';
  beforeEach(() => {
    san = new SimulatedSan(
      smallShippedTopology('default.yaml', (plain) => ({
        ...plain,
        virtualizers: ['v1', 'v2'],
        volumes: (plain.volumes as Plain[]).map((volume) => ({ ...volume, size: '4MiB' })),
      })),
      1,
      { syncsEveryWrite: true },
    );
    san.runUntil('one decides', () => isDeciding('v1') || isDeciding('v2'));
    [first, other] = isDeciding('v1') ? ['v1', 'v2'] : ['v2', 'v1'];
    expect(stateOf(other)).to.equal('standby');
  });

  it('lets hosts attach although the one that they ask first has lost control to the other', () => {
    san.world.crash(san.node(first));
    san.runUntil('the other one decides', () => isDeciding(other));
    san.runUntil('the first one stands by', () => stateOf(first) === 'standby');
    let left = false;
    san.hostOf('h1').detach(vol0, () => {
      left = true;
    });
    san.runUntil('h1 let go', () => left);
    const again = san.attach('h1', { volume: vol0, mode: 'exclusive', readOnly: false });
    san.runUntil('h1 has it again', () => isOpen(again));
    san.finish(san.write(driverOf(again), 0, 4096, 1));
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('has let a host go when the host hears so, although the one that it had asked first is lost before it decides', () => {
    const attached = () => recordOf(san.world.database, vol0)?.attachments.map(({ host }) => host);
    let attachedWhenLeft: unknown = null;
    san.world.database.pause();
    const began = san.world.clock.now();
    san.hostOf('h1').detach(vol0, () => {
      attachedWhenLeft = attached();
    });
    san.runFor(100);
    expect(attached()).to.deep.equal(['h1']);
    expect(attachedWhenLeft).to.equal(null);
    san.world.crash(san.node(first));
    san.world.database.resume();
    san.runUntil('h1 let go', () => attachedWhenLeft !== null);
    expect(san.world.clock.now() - began).to.be.below(1000);
    expect(attachedWhenLeft).to.deep.equal([]);
    san.runUntil('another one decides', () => isDeciding(other));
  });
});
