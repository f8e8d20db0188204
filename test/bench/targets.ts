/** What is measured: an address that speaks NBD, measured with the same jobs whoever serves it. */

import type { Tool } from '../tools/fetch-tool.ts';
import { type FioResult, runFio } from '../tools/fio.ts';
import { type BenchJob, type BenchScale, flushedWrites, type JobName, jobs } from './jobs.ts';

/** One row of the report. */
export interface BenchRow {
  readonly name: string;
  /** What an answered write means in this row. */
  readonly durable: string;
  readonly results: Readonly<Partial<Record<JobName, FioResult>>>;
}

export interface Target {
  readonly name: string;
  readonly uri: string;
  /** What an answered write means; the row with a flush behind every write is measured when `medium` is named. */
  readonly durable: string;
  /** What holds the data after a flush; null: nothing does. */
  readonly medium: string | null;
}

export interface Measuring {
  readonly fio: Tool;
  readonly scale: BenchScale;
  readonly say: (what: string) => void;
}

/** Writes the whole range once, so that reads find data and writes find space. */
export async function fill(target: Pick<Target, 'uri' | 'name'>, by: Measuring): Promise<void> {
  by.say(`${target.name}: filling ${by.scale.areaBytes / 1024 / 1024} MiB`);
  await runFio(by.fio, {
    uri: target.uri,
    rw: 'write',
    blockBytes: 256 * 1024,
    depth: 8,
    sizeBytes: by.scale.areaBytes,
    more: ['--end_fsync=1'],
  });
}

/** Runs one job against a range that was filled before. */
export function runJob(uri: string, job: BenchJob, by: Measuring): Promise<FioResult> {
  return runFio(by.fio, {
    ...job.fio,
    uri,
    sizeBytes: by.scale.areaBytes,
    runtimeSeconds: by.scale.seconds,
    ...(by.scale.rampSeconds > 0 ? { rampSeconds: by.scale.rampSeconds } : {}),
  });
}

/** Measures a target: one row, and another one with flushes when it has a medium. */
export async function measureTarget(target: Target, by: Measuring): Promise<readonly BenchRow[]> {
  await fill(target, by);
  const rows = [await row(target.name, target.durable, target, jobs, by)];
  if (target.medium !== null) {
    const name = `${target.name}, flush after each write`;
    rows.push(await row(name, `on ${target.medium}`, target, flushedWrites, by));
  }
  return rows;
}

async function row(
  name: string,
  durable: string,
  target: Target,
  list: readonly BenchJob[],
  by: Measuring,
): Promise<BenchRow> {
  const results: Partial<Record<JobName, FioResult>> = {};
  for (const job of list) {
    by.say(`${name}: ${job.title.replace('\n', ' ')}`);
    results[job.name] = await runJob(target.uri, job, by);
  }
  return { name, durable, results };
}
