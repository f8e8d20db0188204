/** What every BlockStore promises, run against both worlds. */
import { expect } from 'chai';
import type { BlockStore, StoreError } from '../../protocols/ports.ts';

export interface BlockStoreWorld {
  /** A store of `storeBytes`, opened; after `kill` or `powerCut` the same one again, as a new process finds it. */
  open(): BlockStore;
  /** Lets what is under way go on until the condition holds; fails after a deadline. */
  until(condition: () => boolean): Promise<void>;
}

/** A world in which the process that has the store open can be killed, and the power cut. */
export interface MortalBlockStoreWorld extends BlockStoreWorld {
  kill(): void;
  powerCut(): void;
}

export const storeBytes = 1024 * 1024;

function filled(lengthBytes: number, value: number): Uint8Array {
  return new Uint8Array(lengthBytes).fill(value);
}

/** Runs calls that take a callback and waits for all of their results. */
async function results(
  world: BlockStoreWorld,
  ...calls: ((done: (error: StoreError | null) => void) => void)[]
): Promise<(StoreError | null)[]> {
  const ended: (StoreError | null)[] = [];
  calls.forEach((call, index) => {
    call((error) => {
      ended[index] = error;
    });
  });
  await world.until(() => ended.filter((error) => error !== undefined).length === calls.length);
  return ended;
}

async function contents(world: BlockStoreWorld, store: BlockStore, at: number, length: number) {
  const into = filled(length, 0xee);
  const [error] = await results(world, (done) => store.read(at, into, done));
  expect(error).to.equal(null);
  return Buffer.from(into).toString('hex');
}

function hex(...parts: Uint8Array[]): string {
  return Buffer.concat(parts).toString('hex');
}

export function describeBlockStoreContract(name: string, create: () => BlockStoreWorld): void {
  describe(`block store, ${name}`, () => {
    it('reads zeros where nothing was written', async () => {
      const world = create();
      const store = world.open();
      expect(store.sizeBytes).to.equal(storeBytes);
      expect(await contents(world, store, storeBytes - 4096, 4096)).to.equal(hex(filled(4096, 0)));
    });

    it('never calls back before the call has returned, and once', async () => {
      const world = create();
      const store = world.open();
      const calls: string[] = [];
      store.write(0, [filled(512, 1)], () => calls.push('write'));
      store.read(0, filled(512, 0), () => calls.push('read'));
      store.flush(() => calls.push('flush'));
      expect(calls).to.deep.equal([]);
      await world.until(() => calls.length >= 3);
      store.close(() => calls.push('close'));
      expect(calls).to.have.length(3);
      await world.until(() => calls.length >= 4);
      expect(calls.at(-1), 'closing waits for what is under way').to.equal('close');
      expect([...calls].sort()).to.deep.equal(['close', 'flush', 'read', 'write']);
    });

    it('writes pieces one behind the other, at any alignment', async () => {
      const world = create();
      const store = world.open();
      const pieces = [filled(700, 1), filled(1, 2), filled(0, 9), filled(5000, 3)];
      const [error] = await results(world, (done) => store.write(333, pieces, done));
      expect(error).to.equal(null);
      expect(await contents(world, store, 332, 5703)).to.equal(
        hex(filled(1, 0), filled(700, 1), filled(1, 2), filled(5000, 3), filled(1, 0)),
      );
    });

    it('writes more pieces at once than the system takes in one call', async () => {
      const world = create();
      const store = world.open();
      const pieces = Array.from({ length: 1500 }, (_, index) => filled(16, index % 251));
      const [error] = await results(world, (done) => store.write(0, pieces, done));
      expect(error).to.equal(null);
      expect(await contents(world, store, 0, 1500 * 16)).to.equal(hex(...pieces));
    });

    it('a read sees every write that was submitted before it, the last one on top', async () => {
      const world = create();
      const store = world.open();
      for (let round = 0; round < 20; round++) {
        const into = filled(3 * 4096, 0);
        const ended = await results(
          world,
          (done) => store.write(0, [filled(3 * 4096, 2 * round + 1)], done),
          (done) => store.write(4096, [filled(4096, 2 * round + 2)], done),
          (done) => store.read(0, into, done),
        );
        expect(ended).to.deep.equal([null, null, null]);
        const outer = filled(4096, 2 * round + 1);
        expect(hex(into)).to.equal(hex(outer, filled(4096, 2 * round + 2), outer));
      }
    });

    it('refuses with an error once closed, and with an exception outside its size', async () => {
      const world = create();
      const store = world.open();
      expect(() => store.read(storeBytes - 10, filled(11, 0), () => {})).to.throw(RangeError);
      expect(() => store.write(-1, [filled(1, 0)], () => {})).to.throw(RangeError);
      let closed = false;
      store.close(() => {
        closed = true;
      });
      await world.until(() => closed);
      const ended = await results(
        world,
        (done) => store.read(0, filled(512, 0), done),
        (done) => store.write(0, [filled(512, 0)], done),
        (done) => store.flush(done),
      );
      for (const error of ended) expect(error).to.include({ kind: 'media' });
    });
  });
}

export function describeBlockStoreDurability(
  name: string,
  create: () => MortalBlockStoreWorld,
): void {
  describe(`block store, ${name}: what survives`, () => {
    it('keeps through a kill what was acknowledged, flushed or not', async () => {
      const world = create();
      const store = world.open();
      await results(world, (done) => store.write(8192, [filled(4096, 7)], done));
      world.kill();
      expect(await contents(world, world.open(), 8192, 4096)).to.equal(hex(filled(4096, 7)));
    });

    it('keeps through a power cut what was flushed', async () => {
      const world = create();
      for (let round = 1; round < 20; round++) {
        const store = world.open();
        await results(world, (done) => store.write(8192, [filled(4096, round)], done));
        await results(world, (done) => store.flush(done));
        store.write(16384, [filled(4096, round)], () => {});
        world.powerCut();
        expect(await contents(world, world.open(), 8192, 4096)).to.equal(hex(filled(4096, round)));
      }
    });

    it('may lose or tear at 512 bytes, but never invents, what was not flushed', async () => {
      const world = create();
      const seen = new Set<string>();
      for (let round = 0; round < 60; round++) {
        const store = world.open();
        await results(world, (done) => store.write(0, [filled(4096, 1)], done));
        await results(world, (done) => store.flush(done));
        await results(world, (done) => store.write(0, [filled(4096, 2)], done));
        world.powerCut();
        const after = Buffer.from(await contents(world, world.open(), 0, 4096), 'hex');
        const sectors = Array.from({ length: 8 }, (_, index) =>
          after.subarray(index * 512, (index + 1) * 512),
        );
        for (const sector of sectors)
          expect(new Set(sector)).to.satisfy((values: Set<number>) => values.size === 1);
        expect(sectors.every(([value]) => value === 1 || value === 2)).to.equal(true);
        const twos = sectors.filter(([value]) => value === 2).length;
        seen.add(twos === 0 ? 'lost' : twos === 8 ? 'kept' : 'torn');
      }
      expect([...seen].sort()).to.deep.equal(['kept', 'lost', 'torn']);
    });
  });
}
