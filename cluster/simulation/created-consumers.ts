/**
 * Consumers of volumes that are created while a simulated cluster runs: a workload for each of their exports, for as
 * long as it is served, and a history for each life of a volume. A new life begins with zeros: whatever a namesake or
 * a former owner of the space wrote would be a violation.
 */
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import type { HostId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { CreatedExports, type ExportServer } from '../exports/created-exports.ts';
import type { CreatedExport } from '../exports/export-feed.ts';
import { VolumeHistory } from '../history/volume-history.ts';
import type { ConsumerWorld } from './consumers.ts';
import { patienceOf, refusalOf } from './given-up.ts';
import type { SeededRandom } from './random.ts';
import { RecordedVolume, type VolumeCount } from './recorded-volume.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { type Consumer, Workload, type WorkloadCounts, type WorkloadOptions } from './workload.ts';

export interface CreatedConsumersParts {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** The span is the whole volume. */
  readonly load: Omit<WorkloadOptions, 'spanBytes'>;
  /** Told when a request begins. */
  readonly onRequest: () => void;
  readonly hadWays: ConsumerWorld['hadWays'];
}

interface Life {
  readonly name: string;
  readonly history: VolumeHistory;
  readonly count: VolumeCount;
}

/** One export of one life, with a workload of its own. */
interface CreatedConsumer extends Consumer {
  readonly host: HostId;
  readonly workload: Workload;
  /** Null while its host is down. */
  attached: OptimizationDriver | null;
}

/** How often is looked whether all requests of an export that ends have been answered. */
const idlePollMs = 10;

export class CreatedConsumers {
  readonly #parts: CreatedConsumersParts;
  readonly #lives = new Map<string, Life>();
  /** By export and life: a host that comes back goes on with them. */
  readonly #consumers = new Map<string, CreatedConsumer>();
  #isStopped = false;

  constructor(parts: CreatedConsumersParts) {
    this.#parts = parts;
  }

  /** Requests that have not ended. */
  get open(): number {
    return [...this.#consumers.values()].reduce((sum, { recorded }) => sum + recorded.open, 0);
  }

  /** When the oldest of them began; Infinity when there is none. */
  get openSinceMs(): number {
    return Math.min(...[...this.#consumers.values()].map(({ recorded }) => recorded.openSinceMs));
  }

  /** All requests so far. */
  get counts(): WorkloadCounts {
    const sum = { started: 0, succeeded: 0, succeededHot: 0, failed: 0 };
    for (const { workload } of this.#consumers.values()) {
      sum.started += workload.counts.started;
      sum.succeeded += workload.counts.succeeded;
      sum.succeededHot += workload.counts.succeededHot;
      sum.failed += workload.counts.failed;
    }
    return sum;
  }

  /** The actors of a node run: their hosts serve what the virtualizer tells them. */
  nodeStarted(node: SimulatedNode): void {
    const { assembled, ports } = node;
    const virtualizers = this.#parts.topology.virtualizers.map(({ id }) => id);
    if (ports === null) return;
    for (const host of assembled?.hosts ?? [])
      new CreatedExports({
        host,
        virtualizers,
        ...ports,
        control: ports.controlOf({ kind: 'host', id: host.id }),
        server: this.#server(host.id, ports.clock),
      }).start();
  }

  /** No new requests, whatever is served from now on. */
  stop(): void {
    this.#isStopped = true;
    for (const { workload } of this.#consumers.values()) workload.stop();
  }

  /** The process of a node is gone. */
  nodeDied(node: SimulatedNode): void {
    const hosts = node.node.actors.filter(({ kind }) => kind === 'host').map(({ id }) => id);
    for (const consumer of this.#consumers.values())
      if (hosts.includes(consumer.host)) lose(consumer);
  }

  /** Power failed everywhere. */
  powerCut(): void {
    for (const consumer of this.#consumers.values()) {
      lose(consumer);
      consumer.recorded.powerCut();
    }
    for (const { history } of this.#lives.values()) history.powerCut();
  }

  /** By life of a volume. */
  get histories(): readonly (readonly [string, VolumeHistory])[] {
    return [...this.#lives.values()].map(({ name, history }) => [name, history]);
  }

  /** What was given up too soon, as sentences. */
  get givenUp(): readonly string[] {
    return [...this.#consumers.values()].flatMap(({ workload }) => workload.givenUp);
  }

  #server(host: HostId, clock: Clock): ExportServer {
    return {
      begin: () => true,
      offer: (wanted, volume) => {
        const consumer = this.#consumerOf(host, wanted, volume.sizeBytes);
        consumer.attached = volume;
        if (!this.#isStopped) consumer.workload.start();
      },
      end: (wanted, done) => {
        const consumer = this.#consumers.get(nameOf(host, wanted));
        consumer?.workload.stop();
        const endIfIdle = (): void => {
          if ((consumer?.recorded.open ?? 0) > 0) clock.setTimeout(endIfIdle, idlePollMs);
          else done();
        };
        endIfIdle();
      },
    };
  }

  #consumerOf(host: HostId, wanted: CreatedExport, spanBytes: number): CreatedConsumer {
    const name = nameOf(host, wanted);
    const known = this.#consumers.get(name);
    if (known !== undefined) return known;
    const { topology, clock, random, load, onRequest, hadWays } = this.#parts;
    const { history, count } = this.#lifeOf(wanted);
    const way = {
      host,
      recorded: new RecordedVolume(history, clock, count),
      attached: null as OptimizationDriver | null,
      volume: () => way.attached,
      isOpen: () => way.attached?.admission.open === true,
      refusal: () => refusalOf(way.attached),
      hadWays: (forMs: number) => hadWays(host, wanted.volume, forMs),
    };
    const patience = patienceOf(topology);
    const parts = { clock, random: random.fork(name), consumers: [way], onRequest, patience };
    const workload = new Workload({ ...load, spanBytes }, parts);
    const consumer: CreatedConsumer = Object.assign(way, { workload });
    this.#consumers.set(name, consumer);
    return consumer;
  }

  #lifeOf({ volume, life }: CreatedExport): Life {
    const name = `${volume}/${life}`;
    const known = this.#lives.get(name);
    const found = known ?? { name, history: new VolumeHistory(), count: { moment: 0, value: 0 } };
    this.#lives.set(name, found);
    return found;
  }
}

function nameOf(host: HostId, { volume, life }: CreatedExport): string {
  return `${host}/${volume}/${life}`;
}

function lose(consumer: CreatedConsumer): void {
  consumer.workload.stop();
  consumer.attached = null;
  consumer.recorded.hostDied();
}
