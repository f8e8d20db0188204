/**
 * All consumers of a simulated cluster: one for each export of each host, and for each volume a workload that they share
 * and a history. They live outside the processes: when a host dies, its consumers get errors, and attach again when it
 * is back.
 */
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import type { AttachMode, VolumeRecord } from '../../protocols/control-data.ts';
import type { HostId, VolumeId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { Topology, Volume } from '../../protocols/topology.ts';
import { VolumeHistory } from '../history/volume-history.ts';
import { contend } from './contention.ts';
import { CreatedConsumers } from './created-consumers.ts';
import { ForcedLosses } from './forced-losses.ts';
import { patienceOf, refusalOf } from './given-up.ts';
import { handOver } from './handover.ts';
import { type HistoryVerdict, verdictOn } from './history-verdict.ts';
import { flushAtLast, oneByOne, readAll } from './last-requests.ts';
import { type FailedRead, failedRead } from './media-damage.ts';
import type { SeededRandom } from './random.ts';
import { RecordedVolume } from './recorded-volume.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { type Consumer, Workload, type WorkloadCounts, type WorkloadOptions } from './workload.ts';

/** What uses one volume through one host, or wants to. */
interface AttachedConsumer extends Consumer {
  readonly host: HostId;
  readonly volumeId: VolumeId;
  readonly sizeBytes: number;
  readonly mode: AttachMode;
  readonly readOnly: boolean;
  readonly volume: () => OptimizationDriver | null;
  /** Null while the host is down or has no control data. */
  attached: (() => OptimizationDriver | null) | null;
}

export type ConsumerCounts = WorkloadCounts;

/** What is known of their cluster from outside. */
export interface ConsumerWorld {
  /** Told of reads that ended with a media error. */
  readonly onMedia: (read: FailedRead) => void;
  /** Whether there really were ways for all I/O of a host to a volume, for so long until now. */
  readonly hadWays: (host: HostId, volume: VolumeId, forMs: number) => boolean;
}

/** DESIGN §8, "a seed that counts"; the span is the whole volume, and the gap grows with the number of volumes. */
const load: Omit<WorkloadOptions, 'spanBytes'> = {
  burstGapMsMean: 215,
  burstRequestsMax: 20,
  burstMsMax: 3,
  openMax: 64,
  hotBlocks: 64,
};
/** Of a volume that is created meanwhile: less, for it comes on top. */
const createdLoad = { ...load, burstGapMsMean: 600, burstRequestsMax: 12, hotBlocks: 16 };

/** `san.v1.<cluster>.ctl.<volume>.<host>` */
const toldVolume = /^san\.v1\.[^.]+\.ctl\.([^.]+)\.[^.]+$/;

export class Consumers {
  readonly #topology: Topology;
  readonly #clock: Clock;
  readonly #histories = new Map<VolumeId, VolumeHistory>();
  readonly #losses = new Map<VolumeId, ForcedLosses>();
  readonly #workloads: readonly Workload[];
  readonly #consumers: readonly AttachedConsumer[];
  readonly #world: ConsumerWorld;
  readonly #requestListeners: (() => void)[] = [];
  /** Those of volumes that are created meanwhile: theirs comes on top, and counts in everything but `counts`. */
  readonly created: CreatedConsumers;

  constructor(topology: Topology, clock: Clock, random: SeededRandom, world: ConsumerWorld) {
    this.#world = world;
    this.#topology = topology;
    this.#clock = clock;
    const { volumes } = topology;
    const consumersOf = new Map(
      volumes.map((volume) => [volume.id, this.#newConsumers(volume, clock)]),
    );
    this.#consumers = [...consumersOf.values()].flat();
    this.created = new CreatedConsumers({
      topology,
      clock,
      random: random.fork('created'),
      load: createdLoad,
      onRequest: () => this.#requestBegins(),
      hadWays: world.hadWays,
    });
    this.#workloads = volumes.map(({ id, sizeBytes }) => {
      const burstGapMsMean = load.burstGapMsMean * volumes.length;
      return new Workload(
        { ...load, burstGapMsMean, spanBytes: sizeBytes },
        {
          clock,
          random: random.fork(id),
          consumers: consumersOf.get(id) ?? [],
          onRequest: () => this.#requestBegins(),
          patience: patienceOf(topology),
        },
      );
    });
  }

  /** Requests that have not ended. */
  get open(): number {
    return this.#consumers.reduce((sum, { recorded }) => sum + recorded.open, this.created.open);
  }

  /** When the oldest of them began; Infinity when there is none. */
  get openSinceMs(): number {
    const sinceMs = this.#consumers.map(({ recorded }) => recorded.openSinceMs);
    return Math.min(this.created.openSinceMs, ...sinceMs);
  }

  get counts(): ConsumerCounts {
    const sum = { started: 0, succeeded: 0, succeededHot: 0, failed: 0 };
    for (const { counts } of this.#workloads) {
      sum.started += counts.started;
      sum.succeeded += counts.succeeded;
      sum.succeededHot += counts.succeededHot;
      sum.failed += counts.failed;
    }
    return sum;
  }

  /** Whether every volume serves all its consumers, or one of those that want it for themselves. */
  get isServed(): boolean {
    return this.#topology.volumes.every(({ id }) => {
      const consumers = this.#consumers.filter(({ volumeId }) => volumeId === id);
      return consumers[0]?.mode === 'exclusive'
        ? consumers.some(({ isOpen }) => isOpen())
        : consumers.every(({ isOpen }) => isOpen());
    });
  }

  /** Why not, for people. */
  get unservedText(): string {
    return this.#consumers
      .map(({ host, volumeId, volume }) => {
        const admission = volume()?.admission ?? 'not attached';
        return `volume ${volumeId} on host ${host}: ${JSON.stringify(admission)}`;
      })
      .join('; ');
  }

  /** The actors of a node run: attaches what its hosts export. */
  nodeStarted(node: SimulatedNode): void {
    this.created.nodeStarted(node);
    for (const host of node.assembled?.hosts ?? [])
      for (const consumer of this.#consumers) {
        if (consumer.host !== host.id) continue;
        const { volumeId: volume, mode, readOnly } = consumer;
        const attachment = host.attach({ volume, mode, readOnly });
        consumer.attached = () => attachment.volume;
      }
  }

  /** The process of a node is gone. */
  nodeDied(node: SimulatedNode): void {
    this.created.nodeDied(node);
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
    this.created.powerCut();
    for (const consumer of this.#consumers) {
      consumer.attached = null;
      consumer.recorded.powerCut();
    }
    for (const history of this.#histories.values()) history.powerCut();
  }

  /** A decision about a volume was written: an operator's force may lose something of it. */
  decided(record: VolumeRecord): void {
    this.#losses.get(record.volume)?.decided(record);
  }

  /** An actor publishes something: hosts may be told of a volume. */
  told(subject: string, data: Uint8Array): void {
    const [, volume = ''] = toldVolume.exec(subject) ?? [];
    this.#losses.get(volume as VolumeId)?.told(data);
  }

  /** Calls once, when the next request of a consumer begins. */
  onNextRequest(listener: () => void): void {
    this.#requestListeners.push(listener);
  }

  start(): void {
    for (const workload of this.#workloads) workload.start();
  }

  /** No new requests. */
  stop(): void {
    this.created.stop();
    for (const workload of this.#workloads) workload.stop();
  }

  /** What one consumer of a volume writes another one flushes. @returns whose; null when nobody's */
  handOver(random: SeededRandom, flushed: () => void): string | null {
    const index = random.integer(this.#topology.volumes.length);
    const workload = this.#workloads[index];
    const volume = this.#topology.volumes[index]?.id;
    const open = this.#consumers.filter((each) => each.volumeId === volume && each.isOpen());
    if (workload === undefined || open.length === 0) return null;
    return handOver({ consumers: open, workload, random }, flushed);
  }

  /** Where a host is writing volumes that it shares, others read and write, too, for so long. */
  contend(host: HostId, random: SeededRandom, forMs: number): void {
    for (const [index, workload] of this.#workloads.entries()) {
      const volume = this.#topology.volumes[index]?.id;
      const consumers = this.#consumers.filter(({ volumeId }) => volumeId === volume);
      const own = random.fork(String(index));
      contend({ clock: this.#clock, random: own, workload, host, consumers, forMs });
    }
  }

  /** Flushes everything and then, after `flushed`, reads it back, through one host after the other; `done` gets what failed. */
  readBack(flushed: () => void, done: (problems: readonly string[]) => void): void {
    const problems: string[] = [];
    const served = this.#consumers.filter(({ isOpen }) => isOpen());
    const failed = ({ volumeId, host }: AttachedConsumer, what: string) =>
      problems.push(`volume ${volumeId} on host ${host}: ${what}`);
    const read = (consumer: AttachedConsumer, next: () => void) =>
      readAll(consumer, consumer.sizeBytes, (count) => {
        if (count > 0) failed(consumer, `${count} reads of the read-back failed`);
        next();
      });
    const flush = (consumer: AttachedConsumer, next: () => void) =>
      flushAtLast(consumer, (isOk) => {
        if (!isOk) failed(consumer, 'the last flush failed');
        next();
      });
    oneByOne(served, flush, () => {
      flushed();
      oneByOne(served, read, () => done(problems));
    });
  }

  /** What the histories do not explain, and what was given up too soon. */
  judge(): HistoryVerdict {
    const { violations, judged } = verdictOn([...this.#histories, ...this.created.histories]);
    const givenUp = this.#workloads.flatMap((workload) => workload.givenUp);
    return { violations: [...violations, ...givenUp, ...this.created.givenUp], judged };
  }

  #requestBegins(): void {
    for (const listener of this.#requestListeners.splice(0)) listener();
  }

  #newConsumers({ id, sizeBytes, hosts }: Volume, clock: Clock): readonly AttachedConsumer[] {
    const history = new VolumeHistory();
    const count = { moment: 0, value: 0 };
    this.#histories.set(id, history);
    this.#losses.set(id, new ForcedLosses(history, count));
    const exported = this.#topology.hosts.flatMap(({ exports }) =>
      exports.filter(({ volume }) => volume === id),
    );
    const [first] = exported;
    if (first === undefined) return [];
    // What one host has for itself, every other one that may use it would have as well: only one at a time gets it.
    const isShared = first.attach === 'shared';
    const wanting = this.#topology.hosts.filter((host) =>
      isShared ? host.exports.some(({ volume }) => volume === id) : hosts.includes(host.id),
    );
    return wanting.map(({ id: host }): AttachedConsumer => {
      const consumer: AttachedConsumer = {
        host,
        volumeId: id,
        sizeBytes,
        mode: first.attach,
        readOnly: first.readOnly,
        recorded: new RecordedVolume(history, clock, count, (place, beganMs) =>
          this.#world.onMedia(failedRead(id, place, beganMs, clock.now())),
        ),
        volume: () => (consumer.attached === null ? null : consumer.attached()),
        isOpen: () => consumer.volume()?.admission.open === true,
        refusal: () => refusalOf(consumer.volume()),
        hadWays: (forMs) => this.#world.hadWays(host, id, forMs),
        attached: null,
      };
      return consumer;
    });
  }
}
