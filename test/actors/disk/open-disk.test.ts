import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { layoutOf, superblockSlotBytes } from '../../../actors/disk/disk-layout.ts';
import { formatDisk } from '../../../actors/disk/format-disk.ts';
import { formatVersion, judgeSlots, type Slot } from '../../../actors/disk/superblock.ts';
import { type ClusterId, type DiskId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import type { BlockStore } from '../../../protocols/ports.ts';
import {
  blockBytes,
  type ControlEpoch,
  type Generation,
  mebibyte,
  unitOf,
} from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { bytesOf, clusterId, DiskWorld, diskId } from './disk-world.ts';

const layout = layoutOf(8 * mebibyte);
if (layout === null) throw new Error('no layout');
const slotStarts = layout.superblockStarts.flat();

function problemOf(world: DiskWorld, disk = diskId, cluster = clusterId): string {
  const result = world.tryOpen(disk, cluster);
  return result.ok ? 'opened' : result.problem;
}

function spoil(world: DiskWorld, at: number, lengthBytes: number): void {
  world.medium.corrupt(at, (bytes) => bytes.fill(0xa5), lengthBytes);
}

describe('opening a disk', () => {
  it('refuses a blank store and never formats one by itself', () => {
    const world = new DiskWorld();
    expect(problemOf(world)).to.equal('blank');
    expect(problemOf(world)).to.equal('blank');
  });

  it('refuses a store that holds something else', () => {
    const world = new DiskWorld();
    spoil(world, 1024, 100);
    expect(problemOf(world)).to.equal('foreign');
    expect(world.format()).to.match(/not blank/);
  });

  it('refuses a disk that was emptied, whatever else is left of it', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(blockBytes, 1));
    world.checkpoint();
    for (const start of slotStarts)
      world.medium.corrupt(start, (bytes) => bytes.fill(0), superblockSlotBytes);
    expect(problemOf(world)).to.equal('blank');
  });

  it('refuses the store of another disk, and says whose it is', () => {
    const world = DiskWorld.formatted();
    const result = world.tryOpen(idOf<DiskId>('d2'));
    expect(result).to.include({ ok: false, problem: 'other-disk' });
    if (!result.ok) expect(result.message).to.contain('holds disk d1');
  });

  it('refuses the disk of another cluster', () => {
    const world = DiskWorld.formatted();
    const { superblock } = world.disk;
    superblock.keep({ ...superblock.content, cluster: clusterId }, () => {});
    world.settle();
    expect(problemOf(world, diskId, idOf<ClusterId>('other'))).to.equal('other-cluster');
    expect(problemOf(world)).to.equal('opened');
  });

  it('refuses a store that is too small, and one that was truncated', () => {
    let isCut = false;
    const small = new DiskWorld({ sizeBytes: 4 * mebibyte });
    expect(problemOf(small)).to.equal('too-small');
    expect(small.format()).to.match(/needs at least/);
    for (const sizeBytes of [12 * mebibyte, 4 * mebibyte]) {
      const world = DiskWorld.formatted({
        sizeBytes: 16 * mebibyte,
        wrapStore: (store) => (isCut ? shortened(store, sizeBytes) : store),
      });
      isCut = true;
      const result = world.tryOpen();
      isCut = false;
      expect(result).to.include({ ok: false, problem: 'truncated' });
    }
  });

  it('opens a store that has grown', () => {
    const small = DiskWorld.formatted({ sizeBytes: 8 * mebibyte });
    small.write(0, bytesOf(blockBytes, 1));
    const large = new DiskWorld({ sizeBytes: 64 * mebibyte });
    const bytes = small.medium.peek(0, 8 * mebibyte);
    large.medium.corrupt(0, (into) => into.set(bytes), bytes.length);
    large.open();
    expect(large.readBlock(0)).to.deep.equal(bytesOf(blockBytes, 1));
    large.powerCycle();
  });

  it('refuses a format version that it does not know', () => {
    const world = DiskWorld.formatted();
    for (const start of slotStarts) {
      world.medium.corrupt(start, changeVersion, 32);
    }
    expect(problemOf(world)).to.equal('other-format');
  });

  it('begins an instance above all before, durable before it serves, and remembers the last ones', () => {
    const world = DiskWorld.formatted();
    const starts: number[] = [world.disk.superblock.content.instance];
    for (let start = 2; start <= 300; start++) {
      world.powerCycle();
      const { instance } = world.disk.superblock.content;
      expect(instance).to.be.above(starts.at(-1) ?? 0);
      starts.push(instance);
    }
    expect(world.disk.superblock.content.starts).to.deep.equal(starts.slice(-256));
  });

  it('begins another instance than a copy that is started as often', () => {
    const [disk, copy] = [new DiskWorld(), new DiskWorld()];
    for (const each of [disk, copy]) expect(each.format()).to.equal(null);
    expect(copy.random.integer(2), 'both go on apart').to.be.oneOf([0, 1]);
    const [one, other] = [disk.open(), copy.open()];
    expect(other.superblock.content.identity).to.equal(one.superblock.content.identity);
    expect(other.superblock.content.instance).to.not.equal(one.superblock.content.instance);
  });

  it('gives a disk that is formatted again a new identity, and nothing of the old one', () => {
    for (const isWiped of [true, false]) {
      const world = DiskWorld.formatted();
      world.write(0, bytesOf(blockBytes, 1));
      if (isWiped) world.checkpoint();
      world.write(blockBytes, bytesOf(blockBytes, 2));
      const { identity } = world.disk.superblock.content;
      let why: string | null = 'pending';
      const request = { store: world.store(), disk: diskId, random: world.random };
      formatDisk({ ...request, isNew: !isWiped, overwrite: true }, (result) => {
        why = result;
      });
      world.settle();
      expect(why).to.equal(null);
      world.open();
      expect(world.disk.superblock.content.identity).to.not.equal(identity);
      expect(world.read(0, 2 * blockBytes)).to.deep.equal(bytesOf(2 * blockBytes, 0));
    }
  });
});

describe('superblock', () => {
  it('survives the rot of any one slot', () => {
    for (const start of slotStarts) {
      const world = DiskWorld.formatted();
      const { instance } = world.disk.superblock.content;
      spoil(world, start + 40, 1);
      expect(problemOf(world)).to.equal('opened');
      expect(world.disk.superblock.content.starts.slice(-2, -1)).to.deep.equal([instance]);
    }
  });

  it('survives whoever overwrites the beginning of the store with something else', () => {
    const world = DiskWorld.formatted();
    spoil(world, 0, 2 * superblockSlotBytes);
    expect(problemOf(world)).to.equal('opened');
  });

  it('is refused when both copies of the newest version are gone: a fence may be among what was lost', () => {
    const world = DiskWorld.formatted();
    const [[even, odd], [evenCopy, oddCopy]] = layout.superblockStarts as [
      [number, number],
      [number, number],
    ];
    const bytes = [even, evenCopy, odd, oddCopy].map((start) => world.medium.peek(start, 512));
    spoil(world, even + 40, 1);
    spoil(world, evenCopy + 40, 1);
    expect(problemOf(world)).to.equal('damaged');
    world.medium.corrupt(even, (into) => into.set(bytes[0] ?? []), 512);
    spoil(world, odd + 40, 1);
    expect(problemOf(world), 'one slot of each pair').to.equal('opened');
  });

  it('torn at every sector while it is changed, is the old or the new one', () => {
    const world = DiskWorld.formatted();
    const { superblock } = world.disk;
    // Large enough for several sectors.
    const volumes = Array.from({ length: 8 }, (_, index) => volumeEntry(index, 1));
    superblock.keep({ ...superblock.content, volumes }, () => {});
    world.settle();
    const before = slotStarts.map((start) => world.medium.peek(start, 8192));
    const changed = volumes.map((_, index) => volumeEntry(index, 2));
    superblock.keep({ ...superblock.content, volumes: changed }, () => {});
    world.settle();
    const after = slotStarts.map((start) => world.medium.peek(start, 8192));
    const written = slotStarts.flatMap((_, slot) =>
      Buffer.compare(before[slot] ?? Buffer.of(), after[slot] ?? Buffer.of()) === 0 ? [] : [slot],
    );
    expect(written, 'one pair').to.have.length(2);
    const [first = 0, second = 0] = written;
    for (const [tornSlot, otherState] of [
      [first, before[second]],
      [second, after[first]],
    ] as const)
      for (let sectors = 0; sectors < 2 ** 8; sectors += 7) {
        const torn = Buffer.from(before[tornSlot] ?? []);
        for (let sector = 0; sector < 16; sector++)
          if ((sectors >> (sector % 8)) & 1)
            torn.set(
              (after[tornSlot] ?? torn).subarray(sector * 512, (sector + 1) * 512),
              sector * 512,
            );
        const other = tornSlot === first ? second : first;
        for (const [slot, bytes] of [
          [tornSlot, torn],
          [other, otherState ?? torn],
        ] as const)
          world.medium.corrupt(slotStarts[slot] ?? 0, (into) => into.set(bytes), 8192);
        for (const slot of [0, 1, 2, 3].filter((each) => !written.includes(each)))
          world.medium.corrupt(slotStarts[slot] ?? 0, (into) => into.set(before[slot] ?? []), 8192);
        world.open();
        const found = world.disk.superblock.content.volumes.map(({ generation }) => generation);
        expect(new Set(found).size, 'all volumes of one version').to.equal(1);
        if (tornSlot === second) expect(found[0], 'the first copy was durable').to.equal(2);
      }
  });

  it('changed while the power fails, at any moment, is the old or the new one', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 150; seed++) {
      const latency = { readMs: 0, writeMs: 4, flushMs: 4 };
      const world = DiskWorld.formatted({ seed, latency });
      const { superblock } = world.disk;
      for (const generation of [1, 2]) {
        const volumes = Array.from({ length: 12 }, (_, index) => volumeEntry(index, generation));
        superblock.keep({ ...superblock.content, volumes }, () => {});
        if (generation === 1) world.settle();
      }
      world.clock.runFor(world.random.integer(20));
      world.powerCycle();
      const { volumes } = world.disk.superblock.content;
      expect(volumes).to.have.length(12);
      seen.add(volumes[0]?.generation ?? 0);
    }
    expect([...seen].sort()).to.deep.equal([1, 2]);
  });

  it('judges slots: highest version, unless a pair is lost', () => {
    const slot = (sequence: number): Slot => {
      const content = DiskWorld.formatted().disk.superblock.content;
      return { kind: 'valid', superblock: { sequence, content } };
    };
    const bad: Slot = { kind: 'damaged' };
    const sequenceOf = (...slots: Slot[]) => {
      const judged = judgeSlots(slots);
      return 'sequence' in judged ? judged.sequence : judged.kind;
    };
    expect(sequenceOf(slot(4), slot(5), slot(4), slot(5))).to.equal(5);
    expect(sequenceOf(slot(6), slot(5), slot(4), slot(5))).to.equal(6);
    expect(sequenceOf(slot(6), slot(5), bad, slot(5))).to.equal(6);
    expect(sequenceOf(bad, slot(5), slot(4), slot(5))).to.equal(5);
    expect(sequenceOf(bad, slot(5), bad, slot(5))).to.equal('damaged');
    expect(sequenceOf(bad, bad, slot(4), slot(5))).to.equal(5);
    expect(sequenceOf(bad, bad, bad, bad)).to.equal('damaged');
  });
});

function shortened(store: BlockStore, sizeBytes: number): BlockStore {
  return {
    sizeBytes,
    read: (at, into, done) => store.read(at, into, done),
    write: (at, pieces, done) => store.write(at, pieces, done),
    flush: (done) => store.flush(done),
    close: (done) => store.close(done),
  };
}

function changeVersion(bytes: Uint8Array): void {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  head.writeUInt32LE(formatVersion + 1, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 28)), 28);
}

function volumeEntry(index: number, generation: number) {
  return {
    volume: idOf<VolumeId>(`volume-${index}-${'x'.repeat(40)}`),
    generation: unitOf<Generation>(generation),
    controlEpoch: unitOf<ControlEpoch>(1),
    highestEpoch: 1,
    extents: [],
    partitions: [],
    attachments: [],
    mirrorSets: Array.from({ length: 8 }, (_, set) =>
      mirrorSetOf(`set-${set}`, generation, ['in-sync', 'in-sync']),
    ),
  };
}
