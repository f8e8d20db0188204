import { expect } from 'chai';
import { zeroBlockChecksum } from '../../../protocols/checksums.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { descriptionSchema } from '../../../protocols/commands.ts';
import { diskFactsSchema } from '../../../protocols/facts.ts';
import { decodeStretches } from '../../../protocols/frames/allocation.ts';
import { isDataIntact } from '../../../protocols/frames/frame.ts';
import { RequestFlag } from '../../../protocols/frames/request.ts';
import {
  recordChecksum,
  recordEpoch,
  recordWriteNumber,
} from '../../../protocols/frames/tag-records.ts';
import {
  type Generation,
  type IoNumber,
  type PartitionEpoch,
  unitOf,
  type WriteNumber,
} from '../../../protocols/units.ts';
import { DiskActorWorld } from './disk-actor-world.ts';
import { bytesOf } from './disk-world.ts';
import { HeldStore } from './held-store.ts';

function assembled(): DiskActorWorld {
  const world = new DiskActorWorld();
  world.format();
  world.start();
  expect(world.assemble()).to.include({ ok: true });
  return world;
}

describe('disk', () => {
  it('presents itself with its instance once it is open, and serves once it is assembled', () => {
    const world = new DiskActorWorld();
    world.format();
    world.start();
    const hello = world.events.find(({ subject }) => subject.endsWith('disk.d1.hello'));
    const description = descriptionSchema.parse(hello?.body);
    const instance = world.disk.opened?.superblock.content.instance;
    expect(description).to.include({ incarnation: instance, state: 'unassembled' });
    const facts = diskFactsSchema.parse(description.facts);
    expect(facts).to.deep.include({ clusterIdentity: '', starts: [instance], volumes: [] });
    expect(world.assemble()).to.include({ ok: true });
    expect(world.disk.state).to.equal('serving');
    const { mirrorSets } = world.assembly();
    const volumes = [
      { volume: 'vol0', generation: 1, controlEpoch: 1, highestEpoch: 2, mirrorSets },
    ];
    expect(world.disk.facts()).to.deep.include({ clusterIdentity: 'c'.repeat(32), volumes });
    world.kill();
    world.start();
    expect(world.disk.state).to.equal('unassembled');
    expect(world.disk.facts()).to.deep.include({ clusterIdentity: 'c'.repeat(32), volumes });
  });

  it('refuses everything of a volume until it has been assembled on this very process', () => {
    const world = assembled();
    expect(world.write(0, bytesOf(4096, 1)).outcome.status).to.equal(Status.ok);
    world.kill();
    world.start();
    const read = world.request(Operation.read, 0, 4096);
    expect(world.ask(read).reply.outcome.status).to.equal(Status.fenced);
    const probe = world.ask(world.request(Operation.probe, 0, 0));
    expect(probe.reply).to.include({
      diskInstance: world.disk.opened?.superblock.content.instance,
    });
    expect(probe.reply.outcome.status).to.equal(Status.ok);
    expect(world.assemble()).to.include({ ok: true });
    expect(world.ask(read).data.bytes).to.deep.equal(bytesOf(4096, 1));
  });

  it('reads back what was written, at any alignment, with checksums that fit', () => {
    const world = assembled();
    world.write(700, bytesOf(9000, 3));
    const { reply, data } = world.ask(world.request(Operation.read, 600, 9200));
    expect(reply.outcome.status).to.equal(Status.ok);
    expect(isDataIntact(data, 600)).to.equal(true);
    const expected = bytesOf(9200, 0);
    expected.fill(3, 100, 9100);
    expect(data.bytes).to.deep.equal(expected);
  });

  it('answers a flush, zeroes, and trims whole blocks only', () => {
    const world = assembled();
    const ask = (operation: Operation, at: number, length: number, number: number) =>
      world.ask(world.request(operation, at, length, { writeNumber: unitOf<WriteNumber>(number) }))
        .reply.outcome.status;
    world.write(0, bytesOf(5 * 4096, 1));
    expect(ask(Operation.flush, 0, 0, 0)).to.equal(Status.ok);
    expect(ask(Operation.writeZeroes, 512, 512, 2)).to.equal(Status.ok);
    expect(ask(Operation.trim, 2 * 4096 - 10, 2 * 4096 + 20, 3)).to.equal(Status.ok);
    expect(ask(Operation.trim, 10, 20, 4)).to.equal(Status.ok);
    const expected = bytesOf(5 * 4096, 1);
    expected.fill(0, 512, 1024);
    expected.fill(0, 2 * 4096, 4 * 4096);
    const { bytes } = world.ask(world.request(Operation.read, 0, 5 * 4096)).data;
    expect(bytes).to.deep.equal(expected);
    const { data } = world.ask(world.request(Operation.allocation, 4096, 6 * 4096));
    expect(decodeStretches(data.bytes, 6 * 4096)).to.deep.equal([
      { lengthBytes: 4096, allocated: true },
      { lengthBytes: 2 * 4096, allocated: false },
      { lengthBytes: 4096, allocated: true },
      { lengthBytes: 2 * 4096, allocated: false },
    ]);
  });

  it('tells its tags and digests to a coordinator, equal where the blocks are', () => {
    const world = assembled();
    world.write(4096, bytesOf(4096, 1), { writeNumber: unitOf<WriteNumber>(9) });
    world.ask(
      world.request(Operation.writeZeroes, 8192, 4096, { writeNumber: unitOf<WriteNumber>(10) }),
    );
    const copy = { flags: RequestFlag.copy, host: '' } as const;
    const { bytes } = world.ask(world.request(Operation.tags, 0, 4 * 4096, copy)).data;
    const records = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const numbers = [0, 1, 2, 3].map((index) => recordWriteNumber(records, index));
    expect(numbers).to.deep.equal([0, 9, 10, 0]);
    expect(recordEpoch(records, 1)).to.equal(1);
    expect(recordChecksum(records, 2)).to.equal(zeroBlockChecksum);
    const digests = () =>
      world.ask(world.request(Operation.tagDigest, 0, 3 * 1024 * 1024, copy)).data.bytes;
    const before = digests();
    expect(before).to.have.length(24);
    expect(before.slice(8, 16)).to.deep.equal(before.slice(16, 24));
    world.write(1024 * 1024, bytesOf(4096, 1), { writeNumber: unitOf<WriteNumber>(11) });
    const after = digests();
    expect(after.slice(0, 8)).to.deep.equal(before.slice(0, 8));
    expect(after.slice(8, 16)).to.not.deep.equal(before.slice(8, 16));
  });

  describe('asked to assemble with new epochs', () => {
    const renewedOf = (world: DiskActorWorld) =>
      world.assembly({
        generation: unitOf<Generation>(2),
        partitions: world.assembly().partitions.map((partition) => {
          return { ...partition, epoch: unitOf<PartitionEpoch>(3) };
        }),
      });
    const begun = (holds: HeldStore['holds']) => {
      const store = new HeldStore();
      const world = new DiskActorWorld();
      world.format();
      world.start(store.wrap);
      world.assemble();
      world.write(0, bytesOf(8192, 1));
      world.disk.opened?.device.writeBehind.drain(() => {});
      world.clock.runFor(100);
      store.holds = holds;
      return { world, store };
    };
    const oldWrite = (world: DiskActorWorld, number: number) =>
      world.request(Operation.write, 512, 512, { writeNumber: unitOf<WriteNumber>(number) });

    it('fences what is older at once, and confirms only when that is durable', () => {
      const { world, store } = begun((kind) => kind === 'flush');
      const answers = world.beginCommand('assemble', renewedOf(world));
      world.clock.runFor(100);
      expect(world.ask(oldWrite(world, 2), bytesOf(512, 9)).reply.outcome).to.deep.equal({
        status: Status.fenced,
        detail: { number: 'partitionEpoch', current: 3 },
      });
      expect(answers).to.deep.equal([]);
      store.letGo();
      world.clock.runFor(100);
      expect(answers[0]).to.include({ ok: true, generation: 2 });
      world.medium.powerCut();
      world.start();
      expect(world.disk.facts().volumes?.[0]).to.include({ generation: 2, highestEpoch: 3 });
    });

    it('confirms only when nothing older is under way any more', () => {
      const { world, store } = begun((kind, at) => kind === 'read' && at > 0);
      // It needs the old bytes of its block.
      const slot = world.send(oldWrite(world, 2), bytesOf(512, 2));
      world.clock.runFor(100);
      expect(store.held).to.have.length(1);
      const answers = world.beginCommand('assemble', renewedOf(world));
      world.clock.runFor(100);
      expect(answers).to.deep.equal([]);
      store.letGo();
      world.clock.runFor(100);
      expect(world.answered(slot)?.reply.outcome.status).to.equal(Status.ok);
      expect(answers[0]).to.include({ ok: true, generation: 2 });
    });
  });

  it('tells a coordinator which writes of a host were done, once the decision that fences all others is in force', () => {
    const world = assembled();
    world.write(0, bytesOf(4096, 1), { ioNumber: unitOf(7), writeNumber: unitOf(1) });
    world.write(8192, bytesOf(4096, 2), { ioNumber: unitOf(9), writeNumber: unitOf(2) });
    const ask = (generation: number, hostIncarnation = 5, epochMin = 0) => {
      const epochsMin = [epochMin, epochMin, 0];
      const hosts = [{ host: 'h1', hostIncarnation, ioNumbers: [7, 8, 9], epochsMin }];
      return world.command('remembered', { volume: 'vol0', generation, durable: true, hosts });
    };
    const instance = () => world.disk.opened?.superblock.content.instance;
    expect(ask(1)).to.deep.equal({ ok: true, instance: instance(), done: [[7, 9]] });
    expect(ask(1, 6), 'another process of the host').to.deep.include({ done: [[]] });
    expect(ask(1, 5, 1000), 'not what was done before').to.deep.include({ done: [[9]] });
    expect(ask(2)).to.include({ ok: false, reason: 'not-ready' });
    expect(world.assemble({ generation: unitOf(2) })).to.include({ ok: true });
    expect(ask(2), 'they outlive a decision').to.deep.include({ done: [[7, 9]] });
    world.kill();
    world.start();
    expect(ask(2)).to.include({ ok: false, reason: 'not-ready' });
    world.assemble({ generation: unitOf(3) });
    expect(ask(3), 'and a crash').to.deep.equal({ ok: true, instance: instance(), done: [[7, 9]] });
  });

  it('answers media errors for ever once a flush has failed, and tells of it', () => {
    const world = new DiskActorWorld();
    world.format();
    let fails = false;
    world.start((store) => ({
      sizeBytes: store.sizeBytes,
      read: (at, into, done) => store.read(at, into, done),
      write: (at, pieces, done) => store.write(at, pieces, done),
      close: (done) => store.close(done),
      flush: (done) =>
        store.flush(() => done(fails ? { kind: 'sync-failed', detail: 'EIO' } : null)),
    }));
    world.assemble();
    world.write(0, bytesOf(4096, 1));
    fails = true;
    const flush = world.request(Operation.flush, 0, 0);
    expect(world.ask(flush).reply.outcome.status).to.equal(Status.media);
    fails = false;
    expect(world.ask(flush).reply.outcome.status).to.equal(Status.media);
    const read = world.request(Operation.read, 0, 4096);
    expect(world.ask(read).reply.outcome.status).to.equal(Status.media);
    expect(world.disk.state).to.equal('failed');
    expect(world.assemble()).to.include({ ok: false, reason: 'refused' });
    expect(world.events.some(({ body }) => body.what === 'store failed')).to.equal(true);
  });

  it('says why it does not serve when its store is not its own', () => {
    const world = new DiskActorWorld();
    world.start();
    expect(world.disk.state).to.equal('refused');
    expect(world.disk.facts()).to.have.property('reason').that.contains('the store is blank');
    const answer = world.assemble();
    expect(answer).to.include({ ok: false, reason: 'refused' });
  });

  it('stopped in the middle of opening, of a checkpoint or of an I/O, ends quietly and opens again', () => {
    for (let stopAfterMs = 0; stopAfterMs < 60; stopAfterMs += 3) {
      const world = new DiskActorWorld({ readMs: 3, writeMs: 3, flushMs: 3 });
      world.format();
      const disk = world.start((store) => store, stopAfterMs);
      if (disk.state === 'unassembled') {
        world.beginCommand('assemble', world.assembly());
        world.clock.runFor(20);
        world.send(world.request(Operation.write, 0, 4096), bytesOf(4096, 1));
        disk.opened?.device.writeBehind.drain(() => {});
        world.clock.runFor(stopAfterMs / 3);
      }
      let stopped = false;
      disk.stop(() => {
        stopped = true;
      });
      world.clock.runFor(1000);
      expect(stopped).to.equal(true);
      expect(disk.state).to.equal('stopped');
      expect(world.events.filter(({ body }) => body.what !== undefined)).to.deep.equal([]);
      world.start();
      expect(world.disk.state).to.equal('unassembled');
    }
  });

  it('stopped in the middle of a replay takes nothing for damaged', () => {
    for (let stopAfterMs = 0; stopAfterMs < 60; stopAfterMs++) {
      const world = new DiskActorWorld({ readMs: 3, writeMs: 3, flushMs: 3 });
      world.format();
      world.start();
      world.assemble();
      let last = 0;
      const writeSome = () => {
        for (let block = 0; block < 8; block++) {
          last += 1;
          const numbers = {
            writeNumber: unitOf<WriteNumber>(last),
            ioNumber: unitOf<IoNumber>(last),
          };
          world.write(block * 4096, bytesOf(4096, block + 1), numbers);
        }
        world.ask(world.request(Operation.flush, 0, 0));
      };
      writeSome();
      // A checkpoint begins that knows of all this as durable, and of what follows in its last records.
      world.disk.opened?.device.writeBehind.drain(() => {});
      writeSome();
      world.kill();
      world.start((store) => store, stopAfterMs);
      world.disk.stop(() => {});
      world.clock.runFor(1000);
      expect(world.disk.state).to.equal('stopped');
      expect(world.complaints).to.deep.equal([]);
      world.start();
      world.assemble();
      expect(world.ask(world.request(Operation.read, 0, 4096)).data.bytes).to.deep.equal(
        bytesOf(4096, 1),
      );
    }
  });

  it('makes everything durable when it stops', () => {
    const world = assembled();
    world.write(0, bytesOf(4096, 1));
    let stopped = false;
    world.disk.stop(() => {
      stopped = true;
    });
    world.clock.runFor(100);
    expect(stopped).to.equal(true);
    expect(world.events.some(({ subject }) => subject.endsWith('disk.d1.goodbye'))).to.equal(true);
    world.medium.powerCut();
    world.start();
    world.assemble();
    const { bytes } = world.ask(world.request(Operation.read, 0, 4096)).data;
    expect(bytes).to.deep.equal(bytesOf(4096, 1));
  });
});
