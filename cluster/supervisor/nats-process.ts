/**
 * A NATS server that was started for a cluster: always the same one to its clients, at the same address and with the
 * same data. When its process ends by itself it is started again, so that everybody who was connected finds it again,
 * and the config database with it; a fault may make it end, or stand still, until it is healed.
 */
import type { FabricId } from '../../protocols/topology.ts';
import type { StrikableProcess } from '../faults/fault-desk.ts';
import {
  type ExitNotice,
  type NatsServerOptions,
  type RunningNatsServer,
  startNatsServer,
} from '../nats/server.ts';
import type { NodeState } from './node-process.ts';
import { RestartBackOff } from './restart-back-off.ts';

export interface NatsProcessOptions extends NatsServerOptions {
  readonly fabric: FabricId;
  /** Told in words what happens to it. */
  readonly say: (what: string) => void;
}

/** What `status` shows of it. */
export interface NatsProcessFacts {
  readonly fabric: FabricId;
  readonly url: string;
  readonly version: string;
  readonly state: NodeState;
  /** null when there is no process. */
  readonly pid: number | null;
  /** How often it was started again after it had ended by itself. */
  readonly restarts: number;
}

export class NatsProcess implements StrikableProcess {
  readonly #options: NatsProcessOptions;
  readonly #backOff = new RestartBackOff();
  #server: RunningNatsServer;
  #state: NodeState = 'running';
  /** A start that is under way. */
  #starting: Promise<void> | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  #restarts = 0;
  #said = '';

  private constructor(options: NatsProcessOptions, server: RunningNatsServer) {
    this.#options = { ...options, port: server.port };
    this.#server = server;
    this.#watch(server);
  }

  /** @throws as `startNatsServer`, when it does not come up the first time. */
  static async start(options: NatsProcessOptions): Promise<NatsProcess> {
    return new NatsProcess(options, await startNatsServer(options));
  }

  get url(): string {
    return this.#server.url;
  }

  get version(): string {
    return this.#server.version;
  }

  get syncsEveryWrite(): boolean {
    return this.#server.syncsEveryWrite;
  }

  get state(): NodeState {
    return this.#state;
  }

  facts(): NatsProcessFacts {
    const isThere = this.#state === 'running' || this.#state === 'paused';
    return {
      fabric: this.#options.fabric,
      url: this.url,
      version: this.version,
      state: this.#state,
      pid: isThere ? this.#server.pid : null,
      restarts: this.#restarts,
    };
  }

  async hold(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'held';
    this.#clearRestart();
    this.#server.kill();
    await this.#server.exited;
  }

  /** Starts a held server again. @throws as `startNatsServer`; it is held still then. */
  async release(): Promise<void> {
    if (this.#state !== 'held') return;
    await this.#server.exited;
    await this.#starting?.catch(() => {});
    // Another one who asked may have brought it back meanwhile.
    if (this.#state === 'held') await this.#startOnce();
  }

  pause(): void {
    if (this.#state !== 'running') return;
    process.kill(this.#server.pid, 'SIGSTOP');
    this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    process.kill(this.#server.pid, 'SIGCONT');
    this.#state = 'running';
  }

  /** Asks it to end, and makes it after a while. */
  async stop(): Promise<void> {
    this.resume();
    this.#state = 'stopped';
    this.#clearRestart();
    await this.#starting?.catch(() => {});
    await this.#server.stop();
  }

  #watch(server: RunningNatsServer): void {
    this.#server = server;
    const startedAt = performance.now();
    void server.exited.then((exit) => {
      if (this.#state !== 'running' && this.#state !== 'paused') return;
      this.#state = 'waiting';
      this.#say(`ended by itself (${reasonOf(exit)}); starting it again`);
      this.#startLater(performance.now() - startedAt);
    });
  }

  #startLater(ranForMs: number): void {
    this.#restartTimer = setTimeout(() => {
      this.#startOnce().catch((error: Error) => {
        this.#say(`cannot be started again: ${error.message}`);
        if (this.#state === 'waiting') this.#startLater(0);
      });
    }, this.#backOff.delayMs(ranForMs));
  }

  /** Whoever asks while a start is under way waits for the same one. */
  #startOnce(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  /** A server that is not wanted any more when it is up is ended again. */
  async #start(): Promise<void> {
    const before = this.#state;
    const server = await startNatsServer(this.#options);
    if (this.#state !== before) {
      server.kill();
      await server.exited;
      return;
    }
    if (before === 'waiting') this.#restarts++;
    this.#state = 'running';
    this.#watch(server);
    this.#say(`runs again at ${server.url}`);
  }

  #clearRestart(): void {
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    this.#restartTimer = null;
  }

  /** Once, however often the same thing happens behind each other. */
  #say(what: string): void {
    if (what === this.#said) return;
    this.#said = what;
    this.#options.say(`the NATS server for fabric ${this.#options.fabric} ${what}`);
  }
}

function reasonOf({ code, signal }: ExitNotice): string {
  return signal ?? `exit code ${code}`;
}
