/**
 * NATS in memory, for the simulation: servers by name, and what can go wrong between the processes that use them.
 * Faults of one connection are methods of `SimulatedBus`, those of a server of `SimulatedServer`, and a process is
 * paused or killed through `SimulatedProcess`; partitions between processes are here.
 */
import type { Message, NetworkCounters } from './message.ts';
import { type NetworkOptions, NetworkParts } from './network-parts.ts';
import { SimulatedServer } from './server.ts';

export class SimulatedNetwork {
  readonly #parts: NetworkParts;
  readonly #servers = new Map<string, SimulatedServer>();

  constructor(options: NetworkOptions) {
    this.#parts = new NetworkParts(options);
  }

  get counters(): Readonly<NetworkCounters> {
    return this.#parts.counters;
  }

  get servers(): readonly SimulatedServer[] {
    return [...this.#servers.values()];
  }

  /** The server with this name; made when it is asked for first. */
  server(name: string): SimulatedServer {
    let server = this.#servers.get(name);
    if (server === undefined) {
      server = new SimulatedServer(this.#parts, name);
      this.#servers.set(name, server);
    }
    return server;
  }

  /** Whether any process cannot hear another one. */
  get isPartitioned(): boolean {
    return this.#parts.hasPartitions;
  }

  /** Whether nothing arrives at a subject that is published to it. */
  isSilenced(subject: string): boolean {
    return this.#parts.isSilenced(subject);
  }

  /** What process `from` publishes does not reach process `to`, also later ones of these names. One way. */
  partition(from: string, to: string): void {
    this.#parts.setPartition({ from, to }, true);
  }

  heal(from: string, to: string): void {
    this.#parts.setPartition({ from, to }, false);
  }

  /** What is published to this subject reaches nobody, although they listen: no publisher is told. */
  silence(subject: string): void {
    this.#parts.setSilence(subject, true);
  }

  endSilence(subject: string): void {
    this.#parts.setSilence(subject, false);
  }

  /** Messages of a kind are lost, until what is returned is called. */
  lose(isLost: (message: Message) => boolean): () => void {
    this.#parts.setLoss(isLost, true);
    return () => this.#parts.setLoss(isLost, false);
  }

  healAll(): void {
    this.#parts.clearPartitions();
  }
}
