/** fio jobs through its NBD engine, and what they measured. */
import { z } from 'zod';
import type { Tool } from './fetch-tool.ts';
import { beginTool, runTool, type ToolResult } from './run-tool.ts';

const fioTimeoutMs = 600_000;
/** Longer than an I/O may take until it ends with an error. */
const stopTimeoutMs = 45_000;

export interface FioJob {
  readonly uri: string;
  readonly rw: 'read' | 'write' | 'randread' | 'randwrite' | 'randrw';
  readonly blockBytes: number;
  readonly depth: number;
  /** Of the volume's beginning. */
  readonly sizeBytes: number;
  /** Undefined: until `sizeBytes` are through. */
  readonly runtimeSeconds?: number;
  readonly rampSeconds?: number;
  /** Percentage of reads in `randrw`. */
  readonly readPercent?: number;
  /** Reads again what it wrote once all is written, and fails where that is not what it wrote last. */
  readonly verify?: boolean;
  readonly more?: readonly string[];
}

export interface FioResult {
  readonly iops: number;
  readonly bytesPerSecond: number;
  readonly latencyMeanMs: number;
  readonly latencyMedianMs: number;
  readonly latency99Ms: number;
  readonly errors: number;
}

const sideSchema = z.looseObject({
  iops: z.number(),
  bw_bytes: z.number(),
  total_ios: z.number(),
  clat_ns: z.looseObject({
    mean: z.number(),
    percentile: z.record(z.string(), z.number()).optional(),
  }),
});
const reportSchema = z.looseObject({
  jobs: z.array(
    z.looseObject({
      read: sideSchema,
      write: sideSchema,
      error: z.number(),
    }),
  ),
});

/** A job that goes on until it is stopped. */
export interface RunningFio {
  /** Lets it end, and gives what it measured. @throws Error when anything was wrong, also before */
  stop(): Promise<FioResult>;
  /** True once it has ended by itself: it should not have. */
  readonly hasEnded: boolean;
}

/** fio's exit code when it was asked to end, by its signal 2, and has. */
const interruptedCode = 128;
/** A job that goes on does so many writes before it reads them again: what is under way, twice. */
const backlogWrites = 64;
/** More passes than it ever comes to: it ends when it is told to. */
const passesMax = 1_000_000;
/** A running job that nobody stops ends by itself. */
const secondsMax = 1800;

/** Runs one job; a verify failure or an I/O error makes it fail. */
export async function runFio(fio: Tool, job: FioJob): Promise<FioResult> {
  const words = wordsOf(job);
  return resultOf(words, await runTool(fio, words, fioTimeoutMs), [0]);
}

/**
 * Begins a job that writes its area over and over and, with `verify`, reads each write again soon after it, and what is
 * left at the end of each pass. It looks at the bytes, and that no write before the last is read: fio numbers its writes.
 * A mix's other reads are only read, for fio looks at what it reads only where it is to verify. What was written last
 * when it is stopped is not read again: `verifyWritten` does that.
 *
 * A pass over and over, and not `runtimeSeconds`: with that fio compares no numbers.
 */
export function beginFio(fio: Tool, job: Omit<FioJob, 'runtimeSeconds'>): RunningFio {
  const words = [
    ...wordsOf(job),
    `--loops=${passesMax}`,
    `--runtime=${secondsMax}`,
    // Else each pass of a mix writes the same blocks as the one before, and never the others.
    '--randrepeat=0',
    ...(job.verify ? [`--verify_backlog=${backlogWrites}`] : []),
  ];
  const { child, ended } = beginTool(fio, words);
  return {
    get hasEnded() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    stop: async () => {
      child.kill('SIGINT');
      const impatience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      const result = await ended;
      clearTimeout(impatience);
      return resultOf(words, result, [0, interruptedCode]);
    },
  };
}

/** How much one I/O of `fillArea` and `verifyWritten` carries: they are done when nothing else is. */
const areaIoBytes = 128 * 1024;

/** A part of a volume that jobs with `verify` write. */
export interface FioArea {
  readonly uri: string;
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** Of the writes of those who write it; they fill it all. */
  readonly blockBytes: number;
}

/** Writes an area once, in the form that jobs with `verify` write, and reads it again. */
export async function fillArea(fio: Tool, area: FioArea): Promise<void> {
  await runFio(fio, areaJob('write', area));
}

/**
 * Reads all of an area that was filled, whoever has written there since. Every block says in itself where it belongs and
 * what its checksum is, and is written as a whole: so each must be one that was once written there, whichever was the
 * last. That it was the last does not show: a block that fell back to what it was before passes.
 *
 * @throws Error when a block is anything else
 */
export async function verifyWritten(fio: Tool, area: FioArea): Promise<void> {
  await runFio(fio, areaJob('read', area));
}

function areaJob(rw: 'read' | 'write', area: FioArea): FioJob {
  const { uri, startBytes, lengthBytes, blockBytes } = area;
  const more = [`--offset=${startBytes}`, `--verify_interval=${blockBytes}`];
  const sizes = { blockBytes: areaIoBytes, depth: 4, sizeBytes: lengthBytes };
  return { uri, rw, ...sizes, verify: true, more };
}

function wordsOf(job: FioJob): readonly string[] {
  return [
    '--name=job',
    '--ioengine=nbd',
    `--uri=${job.uri}`,
    `--rw=${job.rw}`,
    `--bs=${job.blockBytes}`,
    `--iodepth=${job.depth}`,
    `--size=${job.sizeBytes}`,
    '--output-format=json',
    '--randrepeat=1',
    // Else fio leaves a file behind wherever it was started.
    '--verify_state_save=0',
    '--group_reporting',
    ...(job.runtimeSeconds === undefined
      ? []
      : ['--time_based', `--runtime=${job.runtimeSeconds}`]),
    ...(job.rampSeconds === undefined ? [] : [`--ramp_time=${job.rampSeconds}`]),
    ...(job.readPercent === undefined ? [] : [`--rwmixread=${job.readPercent}`]),
    ...(job.verify ? ['--verify=crc32c', '--verify_fatal=1', '--do_verify=1'] : []),
    ...(job.more ?? []),
  ];
}

/** @throws Error with what fio said, when it ended otherwise than is well or reports an error */
function resultOf(
  words: readonly string[],
  { code, output, errors }: ToolResult,
  wellCodes: readonly number[],
): FioResult {
  const reportStart = output.search(/^\{$/m);
  if (code === null || !wellCodes.includes(code) || reportStart < 0) {
    const said = `${errors}${reportStart < 0 ? output : output.slice(0, reportStart)}`.trim();
    throw new Error(`fio ${words.join(' ')} ended with ${code}: ${said}`);
  }
  const report = reportSchema.parse(JSON.parse(output.slice(reportStart)));
  const [only] = report.jobs;
  if (only === undefined) throw new Error('fio reported no job');
  if (only.error !== 0)
    throw new Error(`fio ${words.join(' ')} met error ${only.error}: ${errors}`);
  const { read, write } = only;
  const total = read.total_ios + write.total_ios;
  const mean =
    (read.clat_ns.mean * read.total_ios + write.clat_ns.mean * write.total_ios) / (total || 1);
  return {
    iops: read.iops + write.iops,
    bytesPerSecond: read.bw_bytes + write.bw_bytes,
    latencyMeanMs: mean / 1e6,
    latencyMedianMs: Math.max(percentile(read, 50), percentile(write, 50)) / 1e6,
    latency99Ms: Math.max(percentile(read, 99), percentile(write, 99)) / 1e6,
    errors: only.error,
  };
}

function percentile(side: z.infer<typeof sideSchema>, percent: number): number {
  return side.clat_ns.percentile?.[percent.toFixed(6)] ?? 0;
}
