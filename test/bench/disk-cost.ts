/**
 * What one I/O costs a disk, without the network: CPU time and wall time per I/O of the block device, and of frames
 * in and frames out around it. Run with `node .../test/bench/disk-cost.js`; on a warm file in the temporary folder.
 */
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockDevice } from '../../actors/disk/block-device.ts';
import { DiskIo } from '../../actors/disk/disk-io.ts';
import { reserveBytes } from '../../actors/disk/disk-layout.ts';
import { type FenceTable, fenceTableOf } from '../../actors/disk/fences.ts';
import { formatDisk } from '../../actors/disk/format-disk.ts';
import { type OpenDisk, openDisk } from '../../actors/disk/open-disk.ts';
import type { SuperblockContent } from '../../actors/disk/superblock.ts';
import { createFileStore } from '../../cluster/stores/open-file-store.ts';
import { createSystemClock } from '../../cluster/system-clock.ts';
import { createSystemRandom } from '../../cluster/system-random.ts';
import { checksumOf, pieceCount, writeChecksums } from '../../protocols/checksums.ts';
import { Operation, Status } from '../../protocols/codes.ts';
import { decodeFrame, encodeRequest, FrameKind } from '../../protocols/frames/frame.ts';
import type { Request } from '../../protocols/frames/request.ts';
import {
  type ClusterId,
  type DiskId,
  type ExtentId,
  type HostId,
  idOf,
  type SwitchId,
  type VolumeId,
} from '../../protocols/ids.ts';
import type { Bus, Log } from '../../protocols/ports.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import {
  type AttachEpoch,
  blockBytes,
  type ControlEpoch,
  type DiskOffset,
  type EventCount,
  type ExtentGeneration,
  type Generation,
  type Incarnation,
  type IoNumber,
  mebibyte,
  type PartitionEpoch,
  unitOf,
  type VolumeOffset,
  type WriteNumber,
} from '../../protocols/units.ts';

const sizeBytes = 512 * mebibyte;
const ioCount = 60_000;
const ignore = () => {};
const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const disk = idOf<DiskId>('d1');
const host = idOf<HostId>('h1');
const clock = createSystemClock();
let writeNumber = 0;

async function openNew(folder: string): Promise<OpenDisk> {
  const files = [{ path: join(folder, 'd1.disk'), sizeBytes }];
  const created = createFileStore(files, { reserveBytes: reserveBytes(sizeBytes) });
  if (!created.ok) throw new Error(created.problem.message);
  const { store } = created;
  const random = createSystemRandom();
  await new Promise<void>((resolve, reject) => {
    formatDisk({ store, disk, random, isNew: true, overwrite: false }, (why) =>
      why === null ? resolve() : reject(new Error(why)),
    );
  });
  return new Promise((resolve, reject) => {
    const cluster = idOf<ClusterId>('bench');
    openDisk({ store, clock, log, random, disk, cluster, onFailure: ignore }, (opened) =>
      opened.ok ? resolve(opened.disk) : reject(new Error(opened.message)),
    );
  });
}

function benchRequest(operation: Operation, at: number): Request {
  return {
    operation,
    flags: 0,
    volume: idOf<VolumeId>('vol0'),
    offset: unitOf<VolumeOffset>(at),
    lengthBytes: blockBytes,
    disk,
    diskOffset: unitOf<DiskOffset>(at),
    extentGeneration: unitOf<ExtentGeneration>(1),
    mirrorSet: '',
    generation: unitOf<Generation>(1),
    controlEpoch: unitOf<ControlEpoch>(1),
    attachEpoch: unitOf<AttachEpoch>(1),
    eventCount: unitOf<EventCount>(0),
    partition: 0,
    partitionEpoch: unitOf<PartitionEpoch>(1),
    ownerIncarnation: unitOf<Incarnation>(1),
    writeNumber: unitOf<WriteNumber>(writeNumber),
    lowestUnsettled: unitOf<WriteNumber>(1),
    host,
    hostIncarnation: unitOf<Incarnation>(5),
    ioNumber: unitOf<IoNumber>(0),
    attempt: 0,
    watermark: unitOf<IoNumber>(Math.max(0, writeNumber - 200)),
    regionWrites: 0,
    replyKind: 'hba',
    replyId: 'h1-a',
    replySlot: 1,
    route: [],
  };
}

/** One volume with one extent over the part of the disk that is used. */
function benchFences(): FenceTable {
  const { volume, controlEpoch, extentGeneration, generation } = benchRequest(Operation.read, 0);
  const extent = {
    extent: idOf<ExtentId>('e1'),
    start: unitOf<DiskOffset>(0),
    lengthBytes: 256 * mebibyte,
    generation: extentGeneration,
    mirrorSet: '' as const,
    reference: 1,
  };
  const partition = {
    partition: 0,
    coordinator: idOf<SwitchId>('s1'),
    epoch: unitOf<PartitionEpoch>(1),
    ownerIncarnation: unitOf<Incarnation>(1),
  };
  const attachment = {
    host,
    hostIncarnation: unitOf<Incarnation>(5),
    attachEpoch: unitOf<AttachEpoch>(1),
    mode: 'exclusive' as const,
    readOnly: false,
  };
  const entry = {
    volume,
    generation,
    controlEpoch,
    highestEpoch: 1,
    extents: [extent],
    partitions: [partition],
    attachments: [attachment],
    mirrorSets: [],
  };
  const content = { volumes: [entry] } as unknown as SuperblockContent;
  return fenceTableOf(content, () => true, new Map());
}

type Start = (index: number, ended: (status: Status) => void) => void;

/** Runs I/Os with `depth` of them under way; a busy one is tried again. */
function run(count: number, depth: number, start: Start): Promise<void> {
  return new Promise((resolve) => {
    let begun = 0;
    let finished = 0;
    const attempt = (index: number) =>
      start(index, (status) => {
        if (status === Status.busy) {
          setTimeout(attempt, 1, index);
          return;
        }
        if (status !== Status.ok) throw new Error(`status ${status}`);
        finished += 1;
        if (finished === count) resolve();
        else if (begun < count) attempt(begun++);
      });
    while (begun < Math.min(depth, count)) attempt(begun++);
  });
}

async function measure(what: string, count: number, depth: number, start: Start): Promise<void> {
  await run(Math.ceil(count / 10), depth, start);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await run(count, depth, start);
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const row = [what, `depth ${depth}`, `${((user + system) / count).toFixed(1)} µs CPU`];
  process.stdout.write(`${row.join(', ')}, ${((wallMs * 1000) / count).toFixed(1)} µs wall\n`);
}

function writes(device: BlockDevice, lengthBytes: number, fua: boolean): Start {
  const data = new Uint8Array(lengthBytes).fill(7);
  const blocks = Math.floor((256 * mebibyte) / lengthBytes);
  return (index, ended) => {
    const at = ((index * 7919) % blocks) * lengthBytes;
    const checksums = new DataView(new ArrayBuffer(4 * pieceCount(at, lengthBytes)));
    writeChecksums(data, at, checksums, 0);
    writeNumber += 1;
    const tag = { reference: 1, epoch: 1, writeNumber };
    const numbers = { ioNumber: writeNumber, watermark: Math.max(0, writeNumber - 200) };
    const from = { host, hostIncarnation: 5, ...numbers, fua, isSettled: false };
    device.write({ at, lengthBytes, data, checksums, tag, ...from }, ended);
  };
}

function reads(device: BlockDevice, lengthBytes: number): Start {
  const blocks = Math.floor((256 * mebibyte) / lengthBytes);
  return (index, ended) => {
    const at = ((index * 7919) % blocks) * lengthBytes;
    const into = new Uint8Array(lengthBytes);
    const checksums = new DataView(new ArrayBuffer(4 * pieceCount(at, lengthBytes)));
    device.read({ at, lengthBytes, reference: 1, into, checksums }, ended);
  };
}

/** Frames in and frames out, with a bus that drops them: what is left is the disk's own work. */
function framed(opened: OpenDisk, operation: Operation): Start {
  const subjects = subjectsOf(idOf<ClusterId>('bench'));
  const diskIo = new DiskIo(disk, opened.superblock.content.instance, opened.device, subjects);
  diskIo.mode = 'serving';
  diskIo.fence(benchFences(), ignore);
  const waiting: ((status: Status) => void)[] = [];
  const bus = {
    payloadBytesMax: mebibyte,
    publish: (_subject: string, frame: Uint8Array) => {
      const decoded = decodeFrame(frame);
      if (decoded?.kind !== FrameKind.reply) throw new Error('not a reply');
      waiting[decoded.reply.ioNumber]?.(decoded.reply.outcome.status);
      return 'sent';
    },
  } as unknown as Bus;
  const data = [new Uint8Array(blockBytes).fill(9)];
  const blocks = (256 * mebibyte) / blockBytes;
  return (index, ended) => {
    writeNumber += 1;
    const at = ((index * 7919) % blocks) * blockBytes;
    waiting[writeNumber] = ended;
    const request = { ...benchRequest(operation, at), ioNumber: unitOf<IoNumber>(writeNumber) };
    const frame = encodeRequest(request, operation === Operation.write ? data : []);
    diskIo.received(frame, bus);
  };
}

/** What the machine gives today, to judge the rest by. */
function yardsticks(folder: string): void {
  const fd = openSync(join(folder, 'yardstick'), 'w+');
  const block = Buffer.alloc(blockBytes, 3);
  const each = (what: string, call: (index: number) => void) => {
    const cpu = process.cpuUsage();
    for (let index = 0; index < ioCount; index++) call(index);
    const { user, system } = process.cpuUsage(cpu);
    process.stdout.write(`yardstick: ${what} ${((user + system) / ioCount).toFixed(1)} µs CPU\n`);
  };
  each('checksum of 4 KiB', () => checksumOf(block));
  each('new 4 KiB in a file', (index) => writeSync(fd, block, 0, blockBytes, index * blockBytes));
  each('4 KiB over old', (index) => writeSync(fd, block, 0, blockBytes, index * blockBytes));
  each('4 KiB read', (index) => readSync(fd, block, 0, blockBytes, index * blockBytes));
  const cpu = process.cpuUsage();
  fdatasyncSync(fd);
  const { user, system } = process.cpuUsage(cpu);
  process.stdout.write(`yardstick: flush ${((user + system) / ioCount).toFixed(2)} µs per 4 KiB\n`);
  closeSync(fd);
}

const folder = mkdtempSync(join(tmpdir(), 'sanctor-bench-'));
try {
  yardsticks(folder);
  const opened = await openNew(folder);
  const { device } = opened;
  await measure('fill 256 KiB', 1024, 4, writes(device, 64 * blockBytes, false));
  for (const depth of [1, 32]) {
    await measure('write 4 KiB', ioCount, depth, writes(device, blockBytes, false));
    await measure('read 4 KiB', ioCount, depth, reads(device, blockBytes));
  }
  await measure('read 4 KiB, frames', ioCount, 32, framed(opened, Operation.read));
  await measure('write 4 KiB, frames', ioCount, 32, framed(opened, Operation.write));
  await measure('write 4 KiB durable', 5000, 32, writes(device, blockBytes, true));
  await measure('write 128 KiB', 4000, 8, writes(device, 32 * blockBytes, false));
  await measure('read 128 KiB', 4000, 8, reads(device, 32 * blockBytes));
  process.stdout.write(`${JSON.stringify(device.counters())}\n`);
  await new Promise<void>((resolve) => device.close(resolve));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
