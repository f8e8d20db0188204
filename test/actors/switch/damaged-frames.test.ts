/** Frames that are damaged on their way: sent again, and no disk is blamed for them; nor for what a host damaged itself. */
import { expect } from 'chai';
import { damagedFramesMax, damagedRetryMs } from '../../../actors/switch/damaged-frames.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { success } from '../../../protocols/frames/reply.ts';
import { blockBytes, kibibyte } from '../../../protocols/units.ts';
import { block, firstBlock, old, ResyncingWorld } from './resyncing-world.ts';

type ToDisk = ReturnType<ResyncingWorld['takeToDisks']>[number];

/** The frame arrives with another last byte. */
function damagedOnTheWay(frame: ToDisk): ToDisk {
  const bytes = frame.data.bytes.slice();
  damage(bytes);
  return { ...frame, data: { ...frame.data, bytes } };
}

function damage(bytes: Uint8Array): void {
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
}

/** Lets disks answer for a while; so many frames with data to d2 are damaged. Gives what hosts are told. */
function run(world: ResyncingWorld, damagedFrames: number): readonly Status[] {
  let left = damagedFrames;
  for (let round = 0; round < 30; round++) {
    for (const frame of world.takeToDisks()) {
      const isDamaged = frame.request.disk === 'd2' && frame.data.bytes.length > 0 && left-- > 0;
      world.answer(isDamaged ? damagedOnTheWay(frame) : frame);
    }
    world.clock.runFor(damagedRetryMs);
  }
  return world.takeReplies().map(({ reply }) => reply.outcome.status);
}

function serving(): ResyncingWorld {
  const world = new ResyncingWorld();
  world.serve();
  return world;
}

describe('a frame that is damaged between switch and disk', () => {
  for (const [what, lengthBytes] of [
    ['a write', blockBytes],
    ['a part of a spanning write', 80 * kibibyte],
  ] as const)
    it(`with ${what} is sent again: its host sees nothing of it, and the mirror stays in sync`, () => {
      const world = serving();
      const { ioNumber } = world.write({ offset: 0, lengthBytes });
      expect(run(world, damagedFramesMax)).to.deep.equal([Status.ok]);
      expect(world.troubles()).to.be.empty;
      for (const disk of ['d1', 'd2'])
        expect(world.disk(disk).bytesOf(firstBlock), disk).to.deep.equal(block(ioNumber));
    });

  for (const [what, lengthBytes] of [
    ['a write', blockBytes],
    ['a part of a spanning write', 80 * kibibyte],
  ] as const)
    it(`with ${what}, again and again, is trouble, and no failure of the disk`, () => {
      const world = serving();
      world.write({ offset: 0, lengthBytes });
      expect(run(world, damagedFramesMax + 1)).to.be.empty;
      expect(world.troubles()[0]?.what).to.match(/disk d2 answers invalid/);
      expect(world.troubles()[0]).to.deep.include({ failedDisks: [], silentDisks: [] });
    });

  it('with a copy is sent again', () => {
    const world = new ResyncingWorld();
    world.disk('d1').put(firstBlock, block(1), old);
    world.settle();
    run(world, 1);
    expect(world.troubles()).to.be.empty;
    expect(world.resync()).to.include({ isDone: true, copiedBlocks: 1 });
    expect(world.disk('d2').bytesOf(firstBlock)).to.deep.equal(block(1));
  });
});

describe('a write that comes damaged to its coordinator', () => {
  it('is answered so, changes nothing, and evicts no mirror; sent once more it is carried out', () => {
    const world = serving();
    const write = world.arrive(world.request({ offset: 0 }), '', damage);
    const after = world.write({ offset: 0 });
    expect(run(world, 0)).to.deep.equal([Status.invalid, Status.ok]);
    expect(world.troubles()).to.be.empty;
    const written = () => world.disk('d1').bytesOf(firstBlock)[0];
    expect(written()).to.equal(after.ioNumber);
    world.arrive({ ...write, attempt: 1 });
    expect(run(world, 0)).to.deep.equal([Status.ok]);
    expect(written()).to.equal(write.ioNumber);
    expect(world.disk('d2').tagOf(firstBlock)).to.deep.equal(world.disk('d1').tagOf(firstBlock));
  });

  it('and spans several parts is refused before any of them is carried out', () => {
    const world = serving();
    world.arrive(world.request({ offset: 0, lengthBytes: 80 * kibibyte }), '', damage);
    expect(world.asked('d1', Operation.write)).to.be.empty;
    expect(run(world, 0)).to.deep.equal([Status.invalid]);
    expect(world.troubles()).to.be.empty;
    world.write({ offset: 0 });
    expect(run(world, 0), 'it holds nothing').to.deep.equal([Status.ok]);
  });

  it('never loses what a mirror has of it already: then it is trouble', () => {
    const world = serving();
    world.disk('d1').outcome = () => success;
    world.arrive(world.request({ offset: 0 }), '', damage);
    expect(run(world, 0)).to.be.empty;
    expect(world.troubles()[0]).to.deep.include({ failedDisks: [] });
  });
});
