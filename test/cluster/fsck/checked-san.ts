/**
 * A small SAN of whole actors in virtual time, whose disks become files as those of a real cluster: what `sanctor fsck` is
 * tested on.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { homeBytes } from '../../../actors/disk/disk-layout.ts';
import { type CheckReport, checkCluster } from '../../../cluster/fsck/check.ts';
import { closeDiskFiles, openDiskFiles } from '../../../cluster/fsck/disk-files.ts';
import { packageFile } from '../../../cluster/package-root.ts';
import { createSystemClock } from '../../../cluster/system-clock.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { type Plain, SimulatedSan } from '../../tools/simulated-san.ts';

export const diskBytes = 8 * mebibyte;
export const volumeBytes = 2 * mebibyte;

/** The shipped default topology, made small: a stripe, in strips of 64 KiB, of the mirrors d1, d2 and d3, d4. */
const plain = plainTopology();
export const topology = topologyOf(plain);

function plainTopology(): Plain {
  const text = readFileSync(packageFile('cluster', 'topologies', 'default.yaml'), 'utf8');
  const shipped = parse(text) as Plain & { disks: Plain[]; volumes: Plain[] };
  const disks = shipped.disks.map((disk) => ({ ...disk, size: '8MiB' }));
  const volumes = shipped.volumes.map((volume) => ({ ...volume, size: '2MiB' }));
  return { ...shipped, disks, volumes };
}

function topologyOf(value: Plain): Topology {
  const read = parseTopology(value, homeBytes);
  if (read.ok) return read.topology;
  throw new Error(read.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`).join());
}

/** The topology as a file, for the command line. */
export function writeTopology(folder: string): string {
  const file = join(folder, 'topology.yaml');
  writeFileSync(file, stringify(plain));
  return file;
}

/** The same with something changed. */
export function changedTopology(change: (value: Plain) => Plain): Topology {
  return topologyOf(change(plain));
}

/** By disk, what its file holds. */
export type Images = ReadonlyMap<string, Uint8Array>;

export class CheckedSan {
  readonly san: SimulatedSan;

  constructor(seed: string | number = 1) {
    this.san = new SimulatedSan(topology, seed);
  }

  /** Writes to the first blocks of each MiB and flushes. */
  write(value: number, blocks = 32): void {
    const vol0 = this.san.volume('h1', 'vol0');
    const starts = [0, mebibyte].flatMap((start) =>
      Array.from({ length: blocks }, (_, block) => start + block * blockBytes),
    );
    this.san.finish(...starts.map((at) => this.san.write(vol0, at, blockBytes, value)));
    let isFlushed = false;
    vol0.flush(() => {
      isFlushed = true;
    });
    this.san.runUntil('it is flushed', () => isFlushed);
  }

  /** Brings home what lies in journals. */
  checkpoint(): void {
    for (const { id } of topology.disks) {
      let isHome = false;
      const opened = this.san.node(id).assembled?.disks[0]?.opened;
      opened?.device.writeBehind.drain(() => {
        isHome = true;
      });
      this.san.runUntil('the journal is home', () => isHome);
    }
  }

  /** Lets the volume go, and ends it in good order. */
  stop(): void {
    let isDetached = false;
    this.san.hostOf('h1').detach(idOf<VolumeId>('vol0'), () => {
      isDetached = true;
    });
    this.san.runUntil('the volume is let go', () => isDetached);
    // For the decision that makes it so.
    this.san.runFor(1000);
    let isStopped = false;
    this.san.world.stop(() => {
      isStopped = true;
    });
    this.san.runUntil('all has stopped', () => isStopped);
  }

  /** Starts it again after it was stopped, or has lost its power. */
  start(): void {
    this.san.world.powerCut();
    this.san.world.powerOn();
    this.san.runFor(1000);
    this.san.runUntil('all volumes serve', () => this.san.isServing);
  }

  /** What the disk files hold now. */
  images(): Images {
    const { media } = this.san.world;
    return new Map([...media].map(([disk, medium]) => [disk, medium.peek(0, diskBytes)]));
  }
}

/** Makes the files, as `sanctor up` has them in its data folder. */
export function writeImages(dataFolder: string, images: Images): void {
  mkdirSync(join(dataFolder, 'disks'), { recursive: true });
  for (const [disk, bytes] of images) writeFileSync(fileOf(dataFolder, disk), bytes);
}

export function fileOf(dataFolder: string, disk: string): string {
  return join(dataFolder, 'disks', `${disk}.disk`);
}

/** Damages a file. */
export function flipBit(file: string, at: number): void {
  overwrite(file, at, Uint8Array.of((readFileSync(file)[at] ?? 0) ^ 1));
}

export function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

/** Checks the files of a data folder. */
export async function check(dataFolder: string, checked = topology): Promise<CheckReport> {
  const files = await openDiskFiles(checked, join(dataFolder, 'disks'));
  try {
    return await checkCluster(checked, files, createSystemClock(), { stepped: () => {} });
  } finally {
    await closeDiskFiles(files);
  }
}

/** What was found, as `severity kind disk`. */
export function shortly({ findings }: CheckReport): readonly string[] {
  return findings.map(({ severity, kind, disk = '' }) => `${severity} ${kind} ${disk}`.trim());
}
