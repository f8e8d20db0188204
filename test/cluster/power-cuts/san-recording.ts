/**
 * A whole SAN at work, with a log of everything that its disks do to their media, what its config database makes
 * durable, and what its consumers ask for and are told, in one order. From its first start on: the power may fail while
 * volumes are made, too.
 */
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { SectorImage } from '../../../cluster/simulation/sector-image.ts';
import type { SimulatedNode } from '../../../cluster/simulation/simulated-node.ts';
import type { MemoryMedium } from '../../../cluster/simulation/store.ts';
import type { World } from '../../../cluster/simulation/world.ts';
import type { VolumeId } from '../../../protocols/ids.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';
import { WriteLog } from '../../tools/write-log.ts';
import { Consumer, type VolumeCount } from './consumer.ts';
import type { Lie } from './disk-recording.ts';
import type { ConsumerMark } from './expected-sectors.ts';
import { imageOf } from './medium-image.ts';
import { areInSync, type SanName, smallSan } from './small-sans.ts';

export type SanMark =
  | { readonly kind: 'consumer'; readonly volume: VolumeId; readonly mark: ConsumerMark }
  | { readonly kind: 'database'; readonly change: DatabaseChange };

/** A compare-and-set that succeeded. */
export interface DatabaseChange {
  readonly key: string;
  readonly value: string;
  readonly expectedRevision: number;
}

export interface SanRecording {
  readonly topology: Topology;
  readonly log: WriteLog<SanMark>;
  readonly bases: ReadonlyMap<string, SectorImage>;
}

/** Of all consumers together. */
const operations = 150;
/** Between two disturbances. */
const momentMsMax = 30;
/** In this time everything is moved home. */
const homeMs = 100;
/** How long the process that was killed is away: some disks are back before they are gone on without. */
const awayMsMax = 5000;

export function recordSan(name: SanName, seed: string, lie: Lie = (store) => store): SanRecording {
  return new RecordedSan(name, seed, lie).recorded();
}

class RecordedSan {
  readonly #topology: Topology;
  readonly #random: SeededRandom;
  readonly #log = new WriteLog<SanMark>();
  readonly #bases = new Map<string, SectorImage>();
  #media: ReadonlyMap<string, MemoryMedium> = new Map();
  readonly #revisions = new Map<string, number>();
  readonly #counts = new Map<VolumeId, VolumeCount>();
  readonly #san: SimulatedSan;

  constructor(name: SanName, seed: string, lie: Lie) {
    this.#topology = smallSan(name);
    this.#random = new SeededRandom(`${name} ${seed}`).fork('recording');
    this.#san = new SimulatedSan(this.#topology, `${name} ${seed}`, {
      syncsEveryWrite: true,
      prepare: (world) => this.#prepare(world),
      wrapStore: (disk, store) => {
        const shown = (at: number, length: number) => this.#mediumOf(disk).peek(at, length);
        return lie(this.#log.around(disk, store, shown));
      },
    });
  }

  recorded(): SanRecording {
    const consumers = this.#topology.hosts.flatMap(({ id, exports }) =>
      exports.map(({ volume }) => this.#consumerOf(id, volume)),
    );
    const share = Math.ceil(operations / consumers.length);
    for (const consumer of consumers) consumer.begin(share);
    this.#disturb();
    const { world, complaints } = this.#san;
    this.#san.runUntil(
      'consumers have ended and mirrors are equal',
      () => consumers.every(({ isDone }) => isDone) && world.isWhole && areInSync(world),
    );
    this.#bringHome();
    if (complaints.length > 0) throw new Error(complaints.join('; '));
    return { topology: this.#topology, log: this.#log, bases: this.#bases };
  }

  #consumerOf(host: string, volume: VolumeId): Consumer {
    const count = this.#counts.get(volume) ?? { value: 0 };
    this.#counts.set(volume, count);
    return new Consumer({
      clock: this.#san.world.clock,
      random: this.#random.fork(`${host} ${volume}`),
      driver: () => this.#san.volume(host, volume),
      count,
      mark: (mark) => this.#log.mark({ kind: 'consumer', volume, mark }),
    });
  }

  /** Disks move home what their journals hold; the process of a disk or switch is killed, and comes back. */
  #disturb(): void {
    const random = this.#random.fork('disturbance');
    const { world } = this.#san;
    const disks = world.nodes.filter(({ kind }) => kind === 'disk');
    const victim = random.pick(
      world.nodes.filter(({ kind }) => kind === 'disk' || kind === 'switch'),
    );
    const killedAfter = random.integer(disks.length);
    for (const [index, { assembled }] of disks.entries()) {
      this.#san.runFor(random.between(0, momentMsMax));
      assembled?.disks[0]?.opened?.device.writeBehind.drain(() => {});
      if (index === killedAfter) this.#kill(victim, random.between(0, awayMsMax));
    }
  }

  /** At the end all of it: what nobody writes any more is read from its home location then. */
  #bringHome(): void {
    for (const { assembled } of this.#san.world.nodes)
      for (const disk of assembled?.disks ?? []) disk.opened?.device.writeBehind.drain(() => {});
    this.#san.runFor(homeMs);
  }

  #kill(node: SimulatedNode, awayMs: number): void {
    const { world } = this.#san;
    world.holdDown(node);
    world.clock.setTimeout(() => world.release(node), awayMs);
  }

  #prepare(world: World): void {
    this.#media = world.media;
    world.format();
    for (const [disk, medium] of world.media) this.#bases.set(disk, imageOf(medium));
    world.clock.afterEach(() => this.#noteDatabase(world));
  }

  #noteDatabase({ database }: World): void {
    const known = [...this.#revisions.values()].reduce((most, each) => Math.max(most, each), 0);
    if (database.counts.written === known) return;
    for (const key of database.peekKeys('')) {
      const found = database.peek(key);
      const expectedRevision = this.#revisions.get(key) ?? 0;
      if (found.outcome !== 'found' || found.revision === expectedRevision) continue;
      this.#revisions.set(key, found.revision);
      const change = { key, value: found.value, expectedRevision };
      this.#log.mark({ kind: 'database', change });
    }
  }

  #mediumOf(disk: string): MemoryMedium {
    const medium = this.#media.get(disk);
    if (medium === undefined) throw new RangeError(`there is no medium for disk ${disk}`);
    return medium;
  }
}
