/**
 * A cluster as a user runs it, for tests and benchmarks: `sanctor up` as a process of its own, with a run folder of
 * its own, so that it meets no other cluster of this machine.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageFile } from '../../cluster/package-root.ts';

const run = promisify(execFile);
const readyTimeoutMs = 60_000;

/** What tests read of `sanctor status --json`. */
export interface ClusterStatus {
  readonly ready: boolean;
  readonly nats: { readonly url: string };
  readonly nodes: readonly { name: string; pid: number | null; state: string; actors: string[] }[];
  readonly volumes: readonly { name: string; size: number; state: string; generation: number }[];
  readonly exports: readonly { host: string; volume: string; uri: string; attach: string }[];
  readonly counters: Readonly<Record<string, number>>;
}

export class RunningCluster {
  readonly supervisor: ChildProcess;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #runFolder: string;
  #output = '';

  private constructor(supervisor: ChildProcess, environment: NodeJS.ProcessEnv, runFolder: string) {
    this.supervisor = supervisor;
    this.#environment = environment;
    this.#runFolder = runFolder;
  }

  /** Starts a cluster and waits until it says that it is ready. */
  static async start(words: readonly string[]): Promise<RunningCluster> {
    const runFolder = await mkdtemp(join(tmpdir(), 'sanctor-run-'));
    const environment = { ...process.env, SANCTOR_RUN_DIR: runFolder };
    const supervisor = spawn(process.execPath, [program(), 'up', ...words], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const cluster = new RunningCluster(supervisor, environment, runFolder);
    await cluster.#ready();
    return cluster;
  }

  /** Everything that `up` has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Runs another `sanctor` command against this cluster. */
  async sanctor(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(process.execPath, [program(), ...words], {
      env: this.#environment,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  async status(): Promise<ClusterStatus> {
    return JSON.parse(await this.sanctor('status', '--json')) as ClusterStatus;
  }

  /** Asks it to stop as Ctrl-C does, and waits. */
  async stop(): Promise<number | null> {
    this.supervisor.kill('SIGINT');
    return this.ended();
  }

  /** Kills the supervisor as a crash would; its children must not outlive it. */
  async kill(): Promise<void> {
    this.supervisor.kill('SIGKILL');
    await this.ended();
  }

  async ended(): Promise<number | null> {
    if (this.supervisor.exitCode === null && this.supervisor.signalCode === null) {
      await once(this.supervisor, 'exit');
    }
    await rm(this.#runFolder, { recursive: true, force: true });
    return this.supervisor.exitCode;
  }

  async #ready(): Promise<void> {
    let onReady = () => {};
    const ready = new Promise<void>((resolve) => {
      onReady = resolve;
    });
    const collect = (data: Buffer) => {
      this.#output += data.toString('utf8');
      if (/^ready\b/m.test(this.#output)) onReady();
    };
    this.supervisor.stdout?.on('data', collect);
    this.supervisor.stderr?.on('data', collect);
    let impatience: NodeJS.Timeout | undefined;
    const outcome = await Promise.race([
      ready.then(() => 'ready'),
      once(this.supervisor, 'exit').then(() => 'it ended'),
      new Promise<string>((resolve) => {
        impatience = setTimeout(() => resolve('it took too long'), readyTimeoutMs);
      }),
    ]);
    clearTimeout(impatience);
    if (outcome === 'ready') return;
    this.supervisor.kill('SIGTERM');
    throw new Error(`the cluster did not become ready (${outcome}); it said:\n${this.#output}`);
  }
}

function program(): string {
  return packageFile('dist', 'cluster', 'cli', 'main.js');
}
