/** What a disk remembers of writes that hosts have not seen the end of, where their watermarks do not rise (I6). */
import { expect } from 'chai';
import { layoutOf } from '../../../actors/disk/disk-layout.ts';
import { RememberedIos } from '../../../actors/disk/remembered-ios.ts';
import type { WriteRequest } from '../../../actors/disk/write-entries.ts';
import { Status } from '../../../protocols/codes.ts';
import { hostsMax } from '../../../protocols/control-data.ts';
import { type HostId, idLengthMax, idOf } from '../../../protocols/ids.ts';
import { ioWindowMax, ioWindowNear } from '../../../protocols/io-window.ts';
import type { Incarnation, IoNumber } from '../../../protocols/units.ts';
import { blockBytes, mebibyte, unitOf } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld, hostId } from './disk-world.ts';
import { HeldStore } from './held-store.ts';

const hostIncarnation = unitOf<Incarnation>(7);

/** Begins a write of zeros, which takes the least of a journal. */
function zero(world: DiskWorld, numbers: Partial<WriteRequest>) {
  return world.begin(world.zeroRequest(0, blockBytes, numbers));
}

/** Writes numbers of a host from `first` on, a hundred at a time, as long as they are taken; how many were. */
function fill(world: DiskWorld, host: HostId, first: number, watermark = 1): number {
  for (let taken = 0; ; taken += 100) {
    const results = Array.from({ length: 100 }, (_, index) =>
      zero(world, { host, ioNumber: first + taken + index, watermark }),
    );
    world.settle();
    const ok = results.filter(({ status }) => status === Status.ok).length;
    if (ok < 100) return taken + ok;
  }
}

function statusOf(world: DiskWorld, numbers: Partial<WriteRequest>): Status | 'pending' {
  const result = zero(world, numbers);
  world.settle();
  return result.status;
}

const knows = (world: DiskWorld, ioNumber: number, host = hostId) =>
  world.disk.device.parts.remembered.find(host, hostIncarnation, unitOf<IoNumber>(ioNumber)) !==
  undefined;

describe('the I/O ids that a disk remembers', () => {
  it('are a whole window of a host, even on the smallest disk, whatever comes first and last', function () {
    this.timeout(20_000);
    const world = DiskWorld.formatted();
    expect(fill(world, hostId, 2)).to.equal(ioWindowMax - 1);
    expect(statusOf(world, { ioNumber: 1 + ioWindowMax, watermark: 1 })).to.equal(Status.busy);
    expect(statusOf(world, { ioNumber: 1, watermark: 1 })).to.equal(Status.ok);
    expect(statusOf(world, { ioNumber: 1 + ioWindowMax, watermark: 2 })).to.equal(Status.ok);
    world.write(blockBytes, bytesOf(blockBytes, 9), { ioNumber: 2, watermark: 2 });
    world.checkpoint();
    world.checkpoint();
    world.powerCycle();
    for (const ioNumber of [2, 3, 9000, ioWindowMax, 1 + ioWindowMax])
      expect(knows(world, ioNumber), String(ioNumber)).to.equal(true);
    expect(knows(world, 1)).to.equal(false);
    expect(world.readBlock(1)[0]).to.equal(9);
  });

  it('of many hosts fill it up, and the write that holds a watermark down is done all the same', function () {
    this.timeout(60_000);
    const world = DiskWorld.formatted();
    const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) => idOf<HostId>(id));
    world.write(blockBytes, bytesOf(blockBytes, 9), { host: '', watermark: 0 });
    const taken = hosts.map((host) => fill(world, host, 1 + ioWindowNear));
    expect(taken.some((each) => each < ioWindowNear)).to.equal(true);
    for (const host of hosts)
      for (let ioNumber = ioWindowNear; ioNumber >= 1; ioNumber--)
        expect(statusOf(world, { host, ioNumber, watermark: 1 }), host).to.equal(Status.ok);
    for (let round = 0; round < 3; round++) {
      world.checkpoint();
      world.powerCycle();
      for (const host of hosts) expect(knows(world, 1, host), host).to.equal(true);
    }
    expect(world.readBlock(1)[0]).to.equal(9);
    const last = taken[0] ?? 0;
    expect(statusOf(world, { host: 'h4' as HostId, ioNumber: 5000, watermark: 1 })).to.equal(
      Status.busy,
    );
    expect(statusOf(world, { ioNumber: last + 1000, watermark: last + 1000 })).to.equal(Status.ok);
    expect(statusOf(world, { host: 'h4' as HostId, ioNumber: 5000, watermark: 1 })).to.equal(
      Status.ok,
    );
  });

  it('leave room for what holds a watermark down to as many hosts as a cluster may have, on half a GiB', function () {
    this.timeout(60_000);
    const remembered = new RememberedIos(layoutOf(512 * mebibyte)?.journalBytes ?? 0);
    const id = { hostIncarnation, watermark: 1, reference: 1, epoch: 1, writeNumber: 1 };
    const take = (host: HostId, ioNumber: number) => {
      const hasRoom = remembered.hasRoom({ ...id, host, ioNumber });
      if (hasRoom) remembered.note({ ...id, host, ioNumber, range: { firstBlock: 0, blocks: 1 } });
      return hasRoom;
    };
    const hosts = Array.from({ length: hostsMax }, (_, index) =>
      idOf<HostId>(`h${index}`.padEnd(idLengthMax, '-')),
    );
    const writers = hosts.slice(0, 8);
    for (const host of writers)
      for (let ioNumber = 1 + ioWindowNear; take(host, ioNumber); ioNumber++);
    expect(writers.map((host) => take(host, 1000))).to.include(false);
    for (const host of hosts)
      for (let ioNumber = 1; ioNumber <= ioWindowNear; ioNumber++)
        if (!take(host, ioNumber)) throw new Error(`no room for ${ioNumber} of ${host}`);
  });

  it('never take room that a checkpoint needs for them, also when a crash brings forgotten ones back', function () {
    this.timeout(60_000);
    const held = new HeldStore();
    const world = DiskWorld.formatted({ wrapStore: held.wrap });
    world.write(blockBytes, bytesOf(blockBytes, 9), { host: '', watermark: 0 });
    world.checkpoint();
    const { journalBytes, tagsStart, sizeBytes } = world.disk.device.parts.layout;
    const end = sizeBytes - mebibyte;
    held.holds = (kind, at) => kind === 'write' && at >= tagsStart && at < end;
    let taken = 0;
    for (let process = 10; taken % 100 === 0; process++) {
      const results = Array.from({ length: 100 }, (_, index) =>
        zero(world, { ioNumber: 1 + index, watermark: 1, hostIncarnation: process }),
      );
      world.clock.runFor(1);
      taken += results.filter(({ status }) => status === Status.ok).length;
      // Their process is gone, and they are forgotten; the journal holds them all the same.
      world.disk.device.parts.remembered.keepOnly(() => false);
    }
    expect(taken).to.be.greaterThan(10_000);
    world.restart();
    expect(world.disk.device.parts.remembered.count).to.equal(taken);
    expect(world.disk.device.parts.journal.usedBytes).to.be.at.most(journalBytes);
    held.letGo();
    world.settle();
    world.checkpoint();
    expect(world.disk.device.parts.journal.usedBytes).to.be.at.most(journalBytes);
    world.powerCycle();
    expect(world.readBlock(1)[0]).to.equal(9);
  });
});
