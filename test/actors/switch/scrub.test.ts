/** Scrub of a range by its coordinator (DESIGN D5): finds what nobody has read yet, and repairs it by evidence (I13). */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Answer } from '../../../protocols/commands.ts';
import { verifyBytesMax } from '../../../protocols/frames/block-bits.ts';
import type { ScrubAnswer } from '../../../protocols/scrub.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

/** Where offset 0 of the volume lies on d1 and d2. */
const firstBlock = mebibyte / blockBytes;

describe('a scrub', () => {
  let world: SwitchWorld;
  const d1 = () => world.disk('d1');
  const d2 = () => world.disk('d2');
  const begin = (changes: Record<string, unknown> = {}) => {
    world.control.sent = [];
    const body = { volume: 'vol0', offset: 0, lengthBytes: mebibyte, ...changes };
    world.control.deliver('san.v1.lab.cmd.switch.s1.scrub', encodeJson(body), 'answer');
  };
  /** What it has answered; null while it goes on. */
  const answered = (): Answer | null => {
    const sent = world.control.sent.find(({ subject }) => subject === 'answer');
    return sent === undefined ? null : (decodeJson(sent.data) as Answer);
  };
  const scrub = (changes: Record<string, unknown> = {}): Answer | null => {
    begin(changes);
    world.runDisks();
    return answered();
  };
  const found = (changes: Partial<ScrubAnswer> = {}) => ({
    ...{ ok: true, verifiedBytes: 2 * mebibyte, skippedBytes: 0, repairedBlocks: 0, keptBlocks: 0 },
    ...{ keptAt: -1, keptReason: '' },
    ...changes,
  });
  const wrote = (offset = 0): Uint8Array => {
    const { ioNumber } = world.write({ offset });
    world.runDisks();
    return new Uint8Array(blockBytes).fill(ioNumber);
  };
  const operationsOf = (disk: string) =>
    world.disk(disk).requests.map(({ operation }) => operation);
  beforeEach(() => {
    world = new SwitchWorld();
    world.serve();
    for (const disk of ['d1', 'd2', 'd3', 'd4']) world.disk(disk).requests.splice(0);
  });

  it('of what is good moves no data and changes nothing', () => {
    wrote();
    d1().requests.splice(0);
    expect(scrub()).to.deep.equal(found());
    expect(new Set(operationsOf('d1'))).to.deep.equal(new Set([Operation.verify, Operation.tags]));
    expect(d1().tagOf(firstBlock)).to.deep.equal([20, 1]);
  });

  it('makes a block good that cannot be read any more, and tells of it', () => {
    const bytes = wrote();
    d2().bad.add(firstBlock);
    expect(scrub()).to.deep.equal(found({ repairedBlocks: 1 }));
    expect(d2().bad).to.be.empty;
    expect(Buffer.compare(d2().bytesOf(firstBlock), bytes)).to.equal(0);
    expect(d1().tagOf(firstBlock)).to.deep.equal(d2().tagOf(firstBlock));
    const [told] = world.control.sent.filter(({ subject }) => subject.endsWith('.repair'));
    const fields = { outcome: 'repaired', disks: ['d2'], source: 'd1', blocks: 1, offset: 0 };
    expect(decodeJson(told?.data ?? new Uint8Array(0))).to.deep.include(fields);
  });

  it('makes a block good that a mirror lost a write of, though it can be read', () => {
    wrote();
    const before = d2().bytesOf(firstBlock).slice();
    const [epoch, writeNumber] = d2().tagOf(firstBlock);
    const bytes = wrote();
    d2().put(firstBlock, before, { epoch, writeNumber });
    expect(scrub()).to.deep.equal(found({ repairedBlocks: 1 }));
    expect(Buffer.compare(d2().bytesOf(firstBlock), bytes)).to.equal(0);
    expect(d1().tagOf(firstBlock)).to.deep.equal(d2().tagOf(firstBlock));
  });

  it('leaves what nobody has a good copy of, names it, and goes on', () => {
    wrote();
    wrote(256 * 1024);
    for (const disk of [d1(), d2()]) disk.bad.add(firstBlock);
    d1().bad.add(firstBlock + 32);
    const answer = scrub();
    const kept = { keptBlocks: 1, keptAt: 0, repairedBlocks: 1 };
    expect(answer).to.deep.equal(found({ ...kept, keptReason: 'no copy of it can be read' }));
    expect(d1().bad).to.deep.equal(new Set([firstBlock]));
  });

  it('waits for a write that is under way there, and finds nothing wrong with it', () => {
    wrote();
    world.write();
    const [late, other] = world.takeToDisks();
    if (late === undefined || other === undefined) throw new Error('there are two mirrors');
    world.answer(late);
    begin();
    world.runDisks();
    expect(answered(), 'one mirror has it, and the other has not').to.equal(null);
    world.answer(other);
    world.runDisks();
    expect(answered()).to.deep.equal(found());
  });

  it('verifies what lies on one mirror only, and leaves it where it is bad', () => {
    wrote();
    world.serve({
      generation: 11,
      mirrorSets: ['m0', 'm1'].map((set) => mirrorSetOf(set, 3, ['in-sync', 'stale'])),
      disks: loadOf().disks.filter(({ disk }) => disk === 'd1' || disk === 'd3'),
    });
    d1().bad.add(firstBlock);
    d2().requests.splice(0);
    const kept = { keptBlocks: 1, keptAt: 0, keptReason: 'no copy of it can be read' };
    const bytes = { verifiedBytes: mebibyte, skippedBytes: mebibyte };
    expect(scrub()).to.deep.equal(found({ ...bytes, ...kept }));
    expect(d2().requests, 'the one that is stale').to.be.empty;
  });

  it('has a mirror that is being made good get what is repaired, too', () => {
    const extents = ['d1', 'd2', 'd3'].map((disk) => ({
      ...{ kind: 'extent', extent: `${disk}-e`, disk, start: mebibyte, lengthBytes: 2 * mebibyte },
      generation: 5,
    }));
    world = new SwitchWorld();
    world.serve({
      ...{ sizeBytes: 2 * mebibyte, layout: { kind: 'mirror', set: 'm0', children: extents } },
      mirrorSets: [mirrorSetOf('m0', 2, ['in-sync', 'in-sync', 'resyncing'])],
    });
    wrote();
    d1().bad.add(firstBlock);
    expect(scrub()).to.deep.equal(found({ repairedBlocks: 1, skippedBytes: mebibyte }));
    const tags = ['d1', 'd2', 'd3'].map((disk) => world.disk(disk).tagOf(firstBlock));
    expect(tags).to.deep.equal([20, 20, 20].map((epoch) => [epoch, 2]));
  });

  it('is over when something is decided meanwhile: it must be asked for again', () => {
    begin();
    const first = world.command('load', loadOf({ generation: 11 }));
    expect(first, 'who waited hears of it').to.include({ ok: false, reason: 'not-ready' });
    world.runDisks();
    expect(scrub()).to.deep.equal(found());
  });

  /** A write holds the block that a scrub wants to repair. Gives what lets it go. */
  const heldRepair = () => {
    world.write();
    const [first, ...held] = world.takeToDisks();
    if (first === undefined) throw new Error('there are two mirrors');
    world.answer(first);
    d1().bad.add(firstBlock);
    begin();
    world.runDisks();
    expect(answered(), 'it waits for the write').to.equal(null);
    return () => {
      for (const frame of held) world.answer(frame);
      return world.runDisks();
    };
  };
  const epochs = (first: number) =>
    [0, 1].map((partition) => ({
      ...{ partition, coordinator: 's1', epoch: first + partition, ownerIncarnation: 77 },
    }));
  const isBlockFree = (changes: Record<string, unknown> = {}): boolean => {
    world.write(changes);
    return world.runDisks().some(({ reply }) => reply.outcome.status === Status.ok);
  };

  it('goes on with a block that it is about to repair when something is decided, and lets it go', () => {
    const letGo = heldRepair();
    world.command('load', loadOf({ generation: 11 }));
    letGo();
    expect(d1().bad).to.be.empty;
    expect(isBlockFree({ generation: 11 })).to.equal(true);
  });

  it('holds no block any more once others coordinate, or it does so anew', () => {
    heldRepair();
    world.command('load', loadOf({ generation: 11, partitions: epochs(40) }));
    world.runDisks();
    expect(isBlockFree({ generation: 11, partitionEpoch: 40 })).to.equal(true);
    expect(scrub()).to.include({ ok: true });
  });

  it('that is asked for again while it goes on answers who asked last', () => {
    begin();
    begin();
    world.runDisks();
    expect(answered()).to.deep.equal(found());
    expect(d1().requests.filter(({ operation }) => operation === Operation.verify)).to.have.length(
      mebibyte / 2 / verifyBytesMax,
    );
  });

  it('gives no verdict on a disk that cannot be asked', () => {
    d1().outcome = ({ operation }) =>
      operation === Operation.verify
        ? { status: Status.media, detail: { what: 'the disk has failed' } }
        : null;
    expect(scrub()).to.include({ ok: false, reason: 'not-ready' });
    expect(world.settled(), 'nothing is wrong with the volume for that').to.include({
      problem: '',
    });
  });

  it('refuses what is not its own, more than it does at a time, and what is no range', () => {
    expect(scrub({ volume: 'vol9' })).to.include({ ok: false, reason: 'not-ready' });
    expect(scrub({ offset: 100 })).to.include({ ok: false, reason: 'invalid' });
    expect(scrub({ lengthBytes: 8 * mebibyte })).to.include({ ok: false, reason: 'invalid' });
    expect(scrub({ offset: 4 * mebibyte })).to.include({ ok: false, reason: 'invalid' });
    begin();
    begin({ offset: mebibyte });
    expect(answered()).to.include({ ok: false, reason: 'not-ready' });
  });
});
