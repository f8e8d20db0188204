/**
 * One node of the cluster as a supervised process: started behind the guard, restarted with back-off when it ends,
 * stopped when asked. Who must hear of it is told by callbacks; which nodes there are is the supervisor's business.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { ChildGuard } from '../child-guard.ts';
import { RestartBackOff } from './restart-back-off.ts';

/**
 * - `running`: the process is there.
 * - `paused`: it is there, and stands still until `resume` (a fault that an operator asked for).
 * - `waiting`: it ended and will be started again after the back-off.
 * - `held`: it ended and stays down until `release` (a fault that an operator asked for).
 * - `stopped`: it was asked to end, and has.
 */
export type NodeState = 'running' | 'paused' | 'waiting' | 'held' | 'stopped';

export interface NodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when nobody had asked for it. */
  readonly unexpected: boolean;
}

export interface NodeProcessOptions {
  readonly name: string;
  readonly guard: ChildGuard;
  readonly command: string;
  /** Asked for at each start. */
  readonly arguments: () => readonly string[];
  /** What the process prints goes to the end of this file. */
  readonly logFile: string;
  readonly onStart: (pid: number) => void;
  readonly onExit: (exit: NodeExit) => void;
}

const stopTimeoutMs = 15_000;

export class NodeProcess {
  readonly name: string;
  readonly #options: NodeProcessOptions;
  #state: NodeState = 'stopped';
  #child: ChildProcess | null = null;
  readonly #backOff = new RestartBackOff();
  #restartTimer: NodeJS.Timeout | null = null;
  #restarts = 0;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: NodeProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** null when there is no process. */
  get pid(): number | null {
    return this.#isThere ? (this.#child?.pid ?? null) : null;
  }

  get #isThere(): boolean {
    return this.#state === 'running' || this.#state === 'paused';
  }

  /** How often it was started again after it had ended by itself. */
  get restarts(): number {
    return this.#restarts;
  }

  start(): void {
    if (this.#isThere) return;
    this.#clearRestart();
    const { guard, command, logFile, onStart } = this.#options;
    const log = openSync(logFile, 'a');
    const child = guard.start({
      command,
      arguments: this.#options.arguments(),
      output: log,
      errors: log,
    });
    closeSync(log);
    this.#child = child;
    this.#state = 'running';
    const startedAt = performance.now();
    this.#ended = new Promise((resolve) => {
      child.once('error', resolve);
      child.once('exit', (code, signal) => {
        resolve();
        this.#onExit(code, signal, performance.now() - startedAt);
      });
    });
    onStart(child.pid ?? 0);
  }

  /** Asks the process to end, and makes it after a while. */
  async stop(): Promise<void> {
    this.#clearRestart();
    const child = this.#child;
    const wasThere = this.#isThere;
    this.#state = 'stopped';
    if (!wasThere || child === null) return;
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await this.#ended;
    clearTimeout(impatience);
  }

  /** Ends the process as a crash would, and keeps it down until `release`. Resolves when it has ended. */
  async hold(): Promise<void> {
    this.#clearRestart();
    const wasThere = this.#isThere;
    this.#state = 'held';
    if (wasThere) this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Starts a held process again. */
  async release(): Promise<void> {
    if (this.#state !== 'held') return;
    await this.#ended;
    if (this.#state === 'held') this.start();
  }

  /** Lets a running process stand still. */
  pause(): void {
    if (this.#state !== 'running') return;
    this.#child?.kill('SIGSTOP');
    this.#state = 'paused';
  }

  /** Lets a paused process go on. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#child?.kill('SIGCONT');
    this.#state = 'running';
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null, ranForMs: number): void {
    const unexpected = this.#isThere;
    this.#child = null;
    if (unexpected) {
      this.#state = 'waiting';
      this.#restartTimer = setTimeout(() => {
        this.#restarts++;
        this.start();
      }, this.#backOff.delayMs(ranForMs));
    }
    this.#options.onExit({ code, signal, unexpected });
  }

  #clearRestart(): void {
    if (this.#restartTimer) clearTimeout(this.#restartTimer);
    this.#restartTimer = null;
  }
}
