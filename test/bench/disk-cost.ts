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
import { reserveBytes } from '../../actors/disk/disk-layout.ts';
import { formatDisk } from '../../actors/disk/format-disk.ts';
import { type OpenDisk, openDisk } from '../../actors/disk/open-disk.ts';
import { createFileStore } from '../../cluster/stores/open-file-store.ts';
import { createSystemClock } from '../../cluster/system-clock.ts';
import { createSystemRandom } from '../../cluster/system-random.ts';
import { checksumOf, pieceCount, writeChecksums } from '../../protocols/checksums.ts';
import { Status } from '../../protocols/codes.ts';
import { type ClusterId, type DiskId, type HostId, idOf } from '../../protocols/ids.ts';
import type { Log } from '../../protocols/ports.ts';
import { blockBytes, mebibyte } from '../../protocols/units.ts';

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
  await new Promise<void>((resolve, reject) => {
    const random = createSystemRandom();
    formatDisk({ store, disk, random, isNew: true, overwrite: false }, (why) =>
      why === null ? resolve() : reject(new Error(why)),
    );
  });
  return new Promise((resolve, reject) => {
    const cluster = idOf<ClusterId>('bench');
    openDisk({ store, clock, log, disk, cluster, onFailure: ignore }, (opened) =>
      opened.ok ? resolve(opened.disk) : reject(new Error(opened.message)),
    );
  });
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
  const { device } = await openNew(folder);
  await measure('fill 256 KiB', 1024, 4, writes(device, 64 * blockBytes, false));
  for (const depth of [1, 32]) {
    await measure('write 4 KiB', ioCount, depth, writes(device, blockBytes, false));
    await measure('read 4 KiB', ioCount, depth, reads(device, blockBytes));
  }
  await measure('write 4 KiB durable', 5000, 32, writes(device, blockBytes, true));
  await measure('write 128 KiB', 4000, 8, writes(device, 32 * blockBytes, false));
  await measure('read 128 KiB', 4000, 8, reads(device, 32 * blockBytes));
  process.stdout.write(`${JSON.stringify(device.counters())}\n`);
  await new Promise<void>((resolve) => device.close(resolve));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
