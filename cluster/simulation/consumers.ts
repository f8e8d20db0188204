/**
 * All consumers of a simulated cluster: a workload for each export of each host, and a history for each volume. They
 * live outside the processes: when a host dies, its consumers get errors, and attach again when it is back.
 */
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import type { HostId, VolumeId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { type Violation, VolumeHistory } from '../history/volume-history.ts';
import type { SeededRandom } from './random.ts';
import { RecordedVolume } from './recorded-volume.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { Workload, type WorkloadOptions } from './workload.ts';

/** What uses one volume through one host. */
interface Consumer {
  readonly host: HostId;
  readonly volume: VolumeId;
  readonly recorded: RecordedVolume;
  readonly workload: Workload;
  /** Null while the host is down or has no control data. */
  attached: (() => OptimizationDriver | null) | null;
}

export interface ConsumerCounts {
  started: number;
  succeeded: number;
  failed: number;
}

/** DESIGN §8, "a seed that counts", for one host; the span is the whole volume. */
const load: Omit<WorkloadOptions, 'spanBytes'> = {
  burstGapMsMean: 200,
  burstRequestsMax: 20,
  burstMsMax: 3,
  openMax: 64,
  hotBlocks: 64,
};
/** A last flush fails, and says so, once for every disk that met a restart unflushed; then it must succeed. */
const lastFlushesMax = 3;

export class Consumers {
  readonly #topology: Topology;
  readonly #histories = new Map<VolumeId, VolumeHistory>();
  readonly #consumers: readonly Consumer[];
  readonly #requestListeners: (() => void)[] = [];

  constructor(topology: Topology, clock: Clock, random: SeededRandom) {
    this.#topology = topology;
    this.#consumers = topology.volumes.flatMap(({ id: volume, sizeBytes }) => {
      const history = new VolumeHistory();
      const count = { moment: 0, value: 0 };
      this.#histories.set(volume, history);
      const hosts = topology.hosts.filter((host) =>
        host.exports.some((each) => each.volume === volume),
      );
      return hosts.map(({ id: host }): Consumer => {
        const recorded = new RecordedVolume(history, clock, count);
        const workload = new Workload(
          { ...load, spanBytes: sizeBytes },
          {
            clock,
            random: random.fork(`${host}/${volume}`),
            recorded,
            volume: () => (consumer.attached === null ? null : consumer.attached()),
            onRequest: () => this.#requestBegins(),
          },
        );
        const consumer: Consumer = { host, volume, recorded, workload, attached: null };
        return consumer;
      });
    });
  }

  /** Requests that have not ended. */
  get open(): number {
    return this.#consumers.reduce((sum, { recorded }) => sum + recorded.open, 0);
  }

  /** When the oldest of them began; Infinity when there is none. */
  get openSinceMs(): number {
    return Math.min(...this.#consumers.map(({ recorded }) => recorded.openSinceMs));
  }

  get counts(): ConsumerCounts {
    const sum = { started: 0, succeeded: 0, failed: 0 };
    for (const { counts } of this.#consumers.map(({ workload }) => workload)) {
      sum.started += counts.started;
      sum.succeeded += counts.succeeded;
      sum.failed += counts.failed;
    }
    return sum;
  }

  /** Whether every volume serves every one of its consumers. */
  get isServed(): boolean {
    return this.#consumers.every(({ attached }) => attached?.()?.admission.open === true);
  }

  /** Why not, for people. */
  get unservedText(): string {
    return this.#consumers
      .map(({ host, volume, attached }) => {
        const admission = attached?.()?.admission;
        return `volume ${volume} on host ${host}: ${JSON.stringify(admission ?? 'not attached')}`;
      })
      .join('; ');
  }

  /** The actors of a node run: attaches what its hosts export. */
  nodeStarted(node: SimulatedNode): void {
    for (const host of node.assembled?.hosts ?? []) {
      const wanted = this.#topology.hosts.find(({ id }) => id === host.id)?.exports ?? [];
      for (const { volume, attach, readOnly } of wanted) {
        const attachment = host.attach({ volume, mode: attach, readOnly });
        const consumer = this.#of(host.id, volume);
        if (consumer !== undefined) consumer.attached = () => attachment.volume;
      }
    }
  }

  /** The process of a node is gone. */
  nodeDied(node: SimulatedNode): void {
    for (const { kind, id } of node.node.actors) {
      if (kind !== 'host') continue;
      for (const consumer of this.#consumers) {
        if (consumer.host !== id) continue;
        consumer.attached = null;
        consumer.recorded.hostDied();
      }
    }
  }

  /** Power failed everywhere. */
  powerCut(): void {
    for (const consumer of this.#consumers) {
      consumer.attached = null;
      consumer.recorded.hostDied();
    }
    for (const history of this.#histories.values()) history.powerCut();
  }

  /** Calls once, when the next request of a consumer begins. */
  onNextRequest(listener: () => void): void {
    this.#requestListeners.push(listener);
  }

  start(): void {
    for (const { workload } of this.#consumers) workload.start();
  }

  /** No new requests. */
  stop(): void {
    for (const { workload } of this.#consumers) workload.stop();
  }

  /** Flushes and reads back everything, one consumer after the other; `done` gets what failed. */
  readBack(done: (problems: readonly string[]) => void): void {
    const problems: string[] = [];
    const next = (at: number): void => {
      const consumer = this.#consumers[at];
      if (consumer === undefined) {
        done(problems);
        return;
      }
      const name = `volume ${consumer.volume} on host ${consumer.host}`;
      flushAtLast(consumer.workload, lastFlushesMax, (isOk) => {
        if (!isOk) problems.push(`${name}: the last flush failed`);
        consumer.workload.readAll((failed) => {
          if (failed > 0) problems.push(`${name}: ${failed} reads of the read-back failed`);
          next(at + 1);
        });
      });
    };
    next(0);
  }

  /** What the histories do not explain, as sentences. */
  violations(): readonly string[] {
    return [...this.#histories].flatMap(([volume, history]) =>
      history.violations().map((violation) => violationText(volume, violation)),
    );
  }

  #requestBegins(): void {
    for (const listener of this.#requestListeners.splice(0)) listener();
  }

  #of(host: HostId, volume: VolumeId): Consumer | undefined {
    return this.#consumers.find((each) => each.host === host && each.volume === volume);
  }
}

function flushAtLast(workload: Workload, times: number, done: (isOk: boolean) => void): void {
  workload.flushAll((isOk) => {
    if (isOk || times <= 1) done(isOk);
    else flushAtLast(workload, times - 1, done);
  });
}

function violationText(volume: VolumeId, { sector, what }: Violation): string {
  return `volume ${volume}, sector ${sector}: ${what}`;
}
