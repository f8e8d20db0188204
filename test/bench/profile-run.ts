/**
 * The profile that explains where the time of an I/O goes: a cluster whose nodes record what they do, under one load
 * after the other, and for every process the processor time that an I/O costs there.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processorMsOf } from '../tools/processes.ts';
import type { RunningCluster } from '../tools/running-cluster.ts';
import { type JobName, jobNamed } from './jobs.ts';
import { type CpuProfile, type ProfileSpan, readProfile, spanOf } from './profile-samples.ts';
import { fill, type Measuring, runJob } from './targets.ts';
import { withCluster } from './volume.ts';

const loads: readonly JobName[] = [
  'readDepth32',
  'writeDepth32',
  'readDepth1',
  'sequentialRead',
  'sequentialWrite',
];
const functionsMax = 12;
/** Sampling costs time itself, also in idle processes. */
const sampleUs = 1000;

/** What one process did while a load ran. */
export interface ProcessProfile {
  readonly process: string;
  /** Processor time, of all threads; null where the system does not tell. */
  readonly processorUs: number | null;
  /** null for processes that are not Node's. */
  readonly span: ProfileSpan | null;
}

export interface LoadProfile {
  readonly load: string;
  readonly iops: number;
  readonly ios: number;
  readonly processes: readonly ProcessProfile[];
}

interface Observed {
  readonly name: string;
  readonly pid: number;
}

interface MeasuredLoad {
  readonly load: string;
  readonly iops: number;
  readonly fromUs: number;
  readonly toUs: number;
  readonly processorUs: ReadonlyMap<number, number | null>;
}

/** Runs the loads on disks in files. The recording makes everything slower: rows are measured without it. */
export async function measureProfiles(by: Measuring): Promise<readonly LoadProfile[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sanctor-profile-'));
  try {
    const recording = `--cpu-prof --cpu-prof-interval=${sampleUs} --cpu-prof-dir=${folder}`;
    const variables = { SANCTOR_NODE_OPTIONS: recording };
    let observed: readonly Observed[] = [];
    const measured: MeasuredLoad[] = [];
    await withCluster('file', variables, async ({ cluster, topology: { uri } }) => {
      await fill({ name: 'profile', uri }, by);
      observed = await observedOf(cluster);
      for (const name of loads) measured.push(await measureLoad(name, uri, observed, by));
    });
    const profiles = await profilesIn(folder);
    return measured.map((each) => loadProfileOf(each, observed, profiles));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function observedOf(cluster: RunningCluster): Promise<readonly Observed[]> {
  const { nodes } = await cluster.status();
  const servers = cluster
    .processes()
    .filter(({ name }) => name.startsWith('nats-server'))
    .map(({ id, name }) => ({ name, pid: id }));
  return [...servers, ...nodes.map(({ name, pid }) => ({ name, pid: pid ?? 0 }))];
}

async function measureLoad(
  name: JobName,
  uri: string,
  observed: readonly Observed[],
  by: Measuring,
): Promise<MeasuredLoad> {
  const job = jobNamed(name);
  const load = job.title.replace('\n', ' ');
  by.say(`profile: ${load}`);
  const before = observed.map(({ pid }) => processorMsOf(pid));
  const fromUs = nowUs();
  const { iops } = await runJob(uri, job, { ...by, scale: { ...by.scale, rampSeconds: 0 } });
  const toUs = nowUs();
  const processorUs = new Map(
    observed.map(({ pid }, index) => {
      const [startMs, endMs] = [before[index] ?? null, processorMsOf(pid)];
      return [pid, startMs === null || endMs === null ? null : (endMs - startMs) * 1000];
    }),
  );
  return { load, iops, fromUs, toUs, processorUs };
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** By process id, which is part of a file's name: `CPU.20250102.030405.PID.0.001.cpuprofile`. */
async function profilesIn(folder: string): Promise<ReadonlyMap<number, CpuProfile>> {
  const profiles = new Map<number, CpuProfile>();
  for (const name of await readdir(folder)) {
    const [, pid] = /^CPU\.\d+\.\d+\.(\d+)\..*\.cpuprofile$/.exec(name) ?? [];
    if (pid === undefined) continue;
    profiles.set(Number(pid), readProfile(await readFile(join(folder, name), 'utf8')));
  }
  return profiles;
}

function loadProfileOf(
  measured: MeasuredLoad,
  observed: readonly Observed[],
  profiles: ReadonlyMap<number, CpuProfile>,
): LoadProfile {
  const { load, iops, fromUs, toUs } = measured;
  const processes = observed.map(({ name, pid }): ProcessProfile => {
    const profile = profiles.get(pid);
    return {
      process: name,
      processorUs: measured.processorUs.get(pid) ?? null,
      span: profile === undefined ? null : spanOf(profile, { fromUs, toUs }, functionsMax),
    };
  });
  return { load, iops, ios: (iops * (toUs - fromUs)) / 1e6, processes };
}
