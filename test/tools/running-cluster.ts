/**
 * A cluster as a user runs it, for tests and benchmarks: `sanctor up` as a process of its own, with a run folder of
 * its own, so that it meets no other cluster of this machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { descendantsOf, isRunning, type ProcessFacts } from './processes.ts';
import { runTool, runToolWell, type ToolResult } from './run-tool.ts';
import { until } from './until.ts';

/** This build's `sanctor`. */
export const sanctorProgram = fileURLToPath(new URL('../../cluster/cli/main.js', import.meta.url));
const readyTimeoutMs = 60_000;

/** What tests read of `sanctor status --json`. */
interface VolumeStatus {
  readonly name: string;
  readonly size: number;
  readonly state: string;
  readonly generation: number;
  readonly mirrors: readonly { readonly state: string; readonly disks: readonly string[] }[];
}

export interface ClusterStatus {
  readonly ready: boolean;
  readonly nats: {
    readonly url: string;
    readonly servers: readonly { fabric: string; pid: number | null; restarts: number }[];
  };
  readonly nodes: readonly { name: string; pid: number | null; state: string; actors: string[] }[];
  readonly actors: readonly { kind: string; id: string; state: string }[];
  readonly volumes: readonly VolumeStatus[];
  readonly exports: readonly { host: string; volume: string; uri: string; attach: string }[];
  readonly counters: Readonly<Record<string, number>>;
}

/** Whoever started a cluster takes it along, also when it ends in the middle. */
function endWithThisProcess(supervisor: ChildProcess): void {
  const end = () => supervisor.kill('SIGTERM');
  process.once('exit', end);
  supervisor.once('exit', () => process.off('exit', end));
}

export class RunningCluster {
  readonly supervisor: ChildProcess;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #runFolder: string;
  readonly #program: string;
  readonly #startedMs = performance.now();
  #readyMs = Number.NaN;
  #output = '';

  private constructor(
    supervisor: ChildProcess,
    parts: { environment: NodeJS.ProcessEnv; runFolder: string; program: string },
  ) {
    this.supervisor = supervisor;
    this.#environment = parts.environment;
    this.#runFolder = parts.runFolder;
    this.#program = parts.program;
    const collect = (data: Buffer) => {
      this.#output += data.toString('utf8');
      if (Number.isNaN(this.#readyMs) && /^ready\b/m.test(this.#output)) {
        this.#readyMs = performance.now() - this.#startedMs;
      }
    };
    supervisor.stdout?.on('data', collect);
    supervisor.stderr?.on('data', collect);
  }

  /** Begins to start a cluster, which may never become ready. `program`: another one than this build's `sanctor`. */
  static async launch(
    words: readonly string[],
    variables: NodeJS.ProcessEnv = {},
    program = sanctorProgram,
  ): Promise<RunningCluster> {
    const runFolder = await mkdtemp(join(tmpdir(), 'sanctor-run-'));
    const environment = { ...process.env, ...variables, SANCTOR_RUN_DIR: runFolder };
    const supervisor = spawn(process.execPath, [program, 'up', ...words], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endWithThisProcess(supervisor);
    return new RunningCluster(supervisor, { environment, runFolder, program });
  }

  /** Starts a cluster and waits until it says that it is ready. */
  static async start(
    words: readonly string[],
    variables: NodeJS.ProcessEnv = {},
  ): Promise<RunningCluster> {
    const cluster = await RunningCluster.launch(words, variables);
    await cluster.untilReady().catch(async (error: unknown) => {
      await cluster.kill();
      throw error;
    });
    return cluster;
  }

  /** Everything that `up` has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** How long `up` took until it said that it is ready; not a number before. */
  get readyMs(): number {
    return this.#readyMs;
  }

  get hasEnded(): boolean {
    return this.supervisor.exitCode !== null || this.supervisor.signalCode !== null;
  }

  /** The supervisor's descendants: NATS server, nodes, and what watches over them. */
  processes(): readonly ProcessFacts[] {
    return descendantsOf(this.supervisor.pid ?? 0);
  }

  /** Waits until `up` says that the cluster is ready. */
  async untilReady(): Promise<void> {
    const outcome = () => this.hasEnded || !Number.isNaN(this.#readyMs);
    await until(outcome, 'ready', readyTimeoutMs).catch(() => {});
    if (!Number.isNaN(this.#readyMs)) return;
    const why = this.hasEnded ? 'it ended' : 'it took too long';
    throw new Error(`the cluster did not become ready (${why}); it said:\n${this.#output}`);
  }

  /** Runs another `sanctor` command against this cluster, which must succeed. */
  sanctor(...words: readonly string[]): Promise<string> {
    return runToolWell(this.#command(), [this.#program, ...words]);
  }

  /** The same, however it ends. */
  trySanctor(...words: readonly string[]): Promise<ToolResult> {
    return runTool(this.#command(), [this.#program, ...words]);
  }

  /** Begins another command that goes on until it is killed. */
  begin(...words: readonly string[]): ChildProcess {
    const { command, environment } = this.#command();
    return spawn(command, [this.#program, ...words], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** Also while the cluster is not ready, which the command tells by its exit code. */
  async status(): Promise<ClusterStatus> {
    const { output, errors } = await this.trySanctor('status', '--json');
    if (output === '') throw new Error(`there is no status: ${errors}`);
    return JSON.parse(output) as ClusterStatus;
  }

  /** Asks it to stop as Ctrl-C does, and waits. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.supervisor.kill(signal);
    return this.ended();
  }

  /** Waits until it is ready, and asks it to stop. */
  async stopWhenReady(): Promise<number | null> {
    await this.untilReady();
    return this.stop();
  }

  /** Kills the supervisor as a crash would; its children must not outlive it. */
  async kill(): Promise<void> {
    const children = this.processes();
    this.supervisor.kill('SIGKILL');
    await this.ended();
    await until(() => children.every(({ id }) => !isRunning(id)), 'the children to end');
  }

  /** Kills every process of the cluster at once, as a power cut does to a machine. */
  async killEverything(): Promise<void> {
    const all = [this.supervisor.pid ?? 0, ...this.processes().map(({ id }) => id)];
    for (const id of all) process.kill(id, 'SIGKILL');
    await this.ended();
    await until(() => all.every((id) => !isRunning(id)), 'all processes to end');
  }

  async ended(): Promise<number | null> {
    if (!this.hasEnded) await once(this.supervisor, 'exit');
    await rm(this.#runFolder, { recursive: true, force: true });
    return this.supervisor.exitCode;
  }

  #command(): { command: string; environment: NodeJS.ProcessEnv } {
    return { command: process.execPath, environment: this.#environment };
  }
}
