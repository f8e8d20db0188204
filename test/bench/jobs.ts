/** The jobs that every target of the benchmarks runs, and the scale of a run. */
import type { FioJob } from '../tools/fio.ts';

/** Units of a result: I/Os per second for small blocks, 10⁶ bytes per second for large ones. */
export type JobUnit = 'IOPS' | 'MB/s';

export interface BenchJob {
  readonly name: JobName;
  readonly title: string;
  readonly unit: JobUnit;
  readonly fio: Pick<FioJob, 'rw' | 'blockBytes' | 'depth' | 'readPercent' | 'more'>;
}

export const jobNames = [
  'readDepth1',
  'readDepth32',
  'writeDepth1',
  'writeDepth32',
  'sequentialRead',
  'sequentialWrite',
  'mixedDepth32',
] as const;
export type JobName = (typeof jobNames)[number];

const small = 4096;
const large = 128 * 1024;

function job(name: JobName, title: string, unit: JobUnit, fio: BenchJob['fio']): BenchJob {
  return { name, title, unit, fio };
}

export const jobs: readonly BenchJob[] = [
  job('readDepth1', '4 KiB read\nd1', 'IOPS', { rw: 'randread', blockBytes: small, depth: 1 }),
  job('readDepth32', '4 KiB read\nd32', 'IOPS', { rw: 'randread', blockBytes: small, depth: 32 }),
  job('writeDepth1', '4 KiB write\nd1', 'IOPS', { rw: 'randwrite', blockBytes: small, depth: 1 }),
  job('writeDepth32', '4 KiB write\nd32', 'IOPS', {
    rw: 'randwrite',
    blockBytes: small,
    depth: 32,
  }),
  job('sequentialRead', '128 KiB seq\nread d32', 'MB/s', {
    rw: 'read',
    blockBytes: large,
    depth: 32,
  }),
  job('sequentialWrite', '128 KiB seq\nwrite d32', 'MB/s', {
    rw: 'write',
    blockBytes: large,
    depth: 32,
  }),
  job('mixedDepth32', '4 KiB 70/30\nd32', 'IOPS', {
    rw: 'randrw',
    blockBytes: small,
    depth: 32,
    readPercent: 70,
  }),
];

/** Every write is followed by a flush before the next one counts: what it costs to have data on the medium. */
export const flushedWrites: readonly BenchJob[] = jobs
  .filter(({ name }) => name === 'writeDepth1' || name === 'writeDepth32')
  .map((each) => ({ ...each, fio: { ...each.fio, more: ['--fsync=1'] } }));

export function jobNamed(name: JobName): BenchJob {
  const found = jobs.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no job ${name}`);
  return found;
}

/** How much and how long. */
export interface BenchScale {
  readonly seconds: number;
  readonly rampSeconds: number;
  /** The range of the volume that is used, filled before it is measured. */
  readonly areaBytes: number;
}

export const wholeScale: BenchScale = {
  seconds: 5,
  rampSeconds: 1,
  areaBytes: 256 * 1024 * 1024,
};

/** A look, not a measurement. */
export const shortScale: BenchScale = { seconds: 1, rampSeconds: 0, areaBytes: 64 * 1024 * 1024 };
