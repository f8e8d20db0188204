/**
 * A NATS server that was started for a cluster: always the same one to its clients, at the same address and with the
 * same data, although its process may be made to end and to start again.
 */
import type { StrikableProcess } from '../faults/fault-desk.ts';
import { type NatsServerOptions, type RunningNatsServer, startNatsServer } from '../nats/server.ts';

export class NatsProcess implements StrikableProcess {
  readonly #options: NatsServerOptions;
  #server: RunningNatsServer;
  #state: 'running' | 'paused' | 'held' | 'stopped' = 'running';

  private constructor(options: NatsServerOptions, server: RunningNatsServer) {
    this.#options = { ...options, port: server.port };
    this.#server = server;
  }

  /** @throws as `startNatsServer`. */
  static async start(options: NatsServerOptions): Promise<NatsProcess> {
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

  get state(): 'running' | 'paused' | 'held' | 'stopped' {
    return this.#state;
  }

  async hold(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'held';
    this.#server.kill();
    await this.#server.exited;
  }

  /** Starts a held server again. @throws as `startNatsServer`; it is held still then. */
  async release(): Promise<void> {
    if (this.#state !== 'held') return;
    await this.#server.exited;
    this.#server = await startNatsServer(this.#options);
    this.#state = 'running';
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
    const wasHeld = this.#state === 'held';
    this.#state = 'stopped';
    if (!wasHeld) await this.#server.stop();
  }
}
