/** A cluster whose disk files are damaged under load: what all steps of a round of rot use. */

import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { verbs } from '../../../protocols/commands.ts';
import { controlDataSchema } from '../../../protocols/control-data.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { ClusterOperator } from '../../tools/cluster-operator.ts';
import { type ClusterPlace, ClusterPlace as Place } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { replaced } from '../../tools/test-topology.ts';
import { untilAsync } from '../../tools/until.ts';
import { countersOf } from '../../tools/ways-in-use.ts';
import { HistoryLoad } from '../real/history-load.ts';
import { type DamageKind, damaged, damageKindNames } from './damage-kinds.ts';
import { type BlockCopyPlace, DiskBlocks } from './disk-blocks.ts';
import { StillArea } from './still-area.ts';
import { ToldDamage } from './told-damage.ts';

export const volumeBytes = 32 * mebibyte;
const volume = idOf<VolumeId>('vol0');
const volumeBlocks = volumeBytes / blockBytes;
/** What the history clients write, what is only read, and what is written so that disks bring home what they have. */
const writtenBlocks = (8 * mebibyte) / blockBytes;
const stillBlocks = (6 * mebibyte) / blockBytes;
const paddingBlocks = (2 * mebibyte) / blockBytes;
const homeTimeoutMs = 60_000;

/** One corruption: of one block, on one mirror or on all. */
export interface Struck {
  readonly kind: DamageKind;
  readonly block: number;
  readonly copies: readonly BlockCopyPlace[];
}

export interface ScrubReport {
  readonly repairedBlocks: number;
  readonly keptBlocks: number;
  readonly skippedBytes: number;
}

export interface SiteParts {
  readonly place: ClusterPlace;
  readonly cluster: RunningCluster;
  readonly operator: ClusterOperator;
  readonly blocks: DiskBlocks;
  readonly random: SeededRandom;
}

/** Small disks bring home soon what they have; a scrub looks at all of them at once. */
export function openPlace(): Promise<ClusterPlace> {
  return Place.open({
    changed: (text) =>
      replaced(
        replaced(
          replaced(text, /size: 512MiB/g, 'size: 64MiB'),
          /size: 896MiB/,
          `size: ${volumeBytes / mebibyte}MiB`,
        ),
        /^ {2}path: \w+$/m,
        '  path: hops\n  scrub: { bytesPerSecond: 4GiB }',
      ),
  });
}

export class RotSite {
  readonly place: ClusterPlace;
  cluster: RunningCluster;
  operator: ClusterOperator;
  readonly blocks: DiskBlocks;
  readonly random: SeededRandom;
  readonly still: StillArea;
  readonly load: HistoryLoad;
  readonly told = new ToldDamage();
  readonly struck: Struck[] = [];
  readonly problems: string[] = [];
  readonly #padding: StillArea;
  readonly #used = new Set<number>();

  constructor({ place, cluster, operator, blocks, random }: SiteParts) {
    this.place = place;
    this.cluster = cluster;
    this.operator = operator;
    this.blocks = blocks;
    this.random = random;
    const { uri } = place;
    const area = { uri, random: random.fork('still') };
    const firstBlock = writtenBlocks;
    this.still = new StillArea({ ...area, firstBlock, blocks: stillBlocks });
    this.#padding = new StillArea({
      ...area,
      firstBlock: firstBlock + stillBlocks,
      blocks: paddingBlocks,
    });
    this.load = new HistoryLoad({
      uris: [uri],
      // Few: what is looked at is what lies on disks, and much I/O would only overwrite it.
      clientsPerUri: 1,
      depth: 2,
      startBytes: 0,
      lengthBytes: writtenBlocks * blockBytes,
    });
    operator.listen((event) => this.told.hear(event));
  }

  /** Starts a cluster and connects to it. @param program another one than this build's */
  static async start(
    place: ClusterPlace,
    random: SeededRandom,
    program?: string,
  ): Promise<RotSite> {
    const cluster = await place.start(program === undefined ? {} : { program });
    const operator = await ClusterOperator.connect(cluster, place.topology);
    const [host] = operator.topology.hosts;
    const answer = await operator.order(verbs.controlData, { host: host?.id, volume });
    const { layout } = controlDataSchema.parse(answer.ok ? answer.controlData : null);
    const blocks = new DiskBlocks(place.dataFolder, layout);
    const site = new RotSite({ place, cluster, operator, blocks, random });
    await site.still.connect();
    await site.#padding.connect();
    return site;
  }

  /** Starts the cluster again after it was stopped. */
  async resume(): Promise<void> {
    this.cluster = await this.place.start();
    this.operator = await ClusterOperator.connect(this.cluster, this.place.topology);
    this.operator.listen((event) => this.told.hear(event));
    await this.still.connect();
    await this.#padding.connect();
  }

  async close(): Promise<void> {
    this.still.disconnect();
    this.#padding.disconnect();
    await this.operator.close();
  }

  /** Notes what is not as it should be. */
  check(holds: boolean, problem: string): void {
    if (!holds) this.problems.push(problem);
  }

  /** Waits until all that was written before lies at home on these disks: two checkpoints end meanwhile. */
  async bringHome(disks: readonly string[] = this.#disks): Promise<void> {
    const checkpoints = () =>
      Promise.all(
        disks.map(async (id) => (await countersOf(this.operator, 'disk', id)).checkpoints ?? 0),
      );
    const before = await checkpoints();
    const areHome = async () => {
      await this.#padding.fill();
      const now = await checkpoints();
      return now.every((count, index) => count >= (before[index] ?? 0) + 2);
    };
    await untilAsync(areHome, 'disks to bring home what they have', homeTimeoutMs);
  }

  /** Something was done to the block. */
  isUsed(block: number): boolean {
    return this.#used.has(block);
  }

  use(block: number): void {
    this.#used.add(block);
  }

  /** What a block must hold now; null where that is known to the history only. */
  contentOf(block: number): Buffer | null {
    const { still } = this;
    if (block < still.firstBlock) return null;
    const isStill = block < still.firstBlock + still.blocks;
    return (isStill ? still : this.#padding).contentOf(block);
  }

  /** A block of the part that is only read, which nothing was done to. */
  drawStill(isWanted: (block: number) => boolean = () => true): number {
    return this.#draw(this.still.firstBlock, this.still.blocks, isWanted);
  }

  /** A block of the part that is written all the time. */
  drawWritten(): number {
    return this.#draw(0, writtenBlocks, () => true);
  }

  /** One of a block's mirrors. */
  drawCopy(block: number): readonly BlockCopyPlace[] {
    return [this.random.pick(this.blocks.copiesOf(block))];
  }

  /** Damages these copies of a block where they lie. @param kinds the one to take, or one of all */
  strike(block: number, copies: readonly BlockCopyPlace[], kind?: DamageKind): void {
    const drawn = kind ?? this.random.pick(damageKindNames);
    for (const copy of copies) {
      const current = this.blocks.readHome(copy);
      const elsewhere = this.blocks.readHome({ ...copy, homeBlock: this.#otherHome(copy, block) });
      const bytes =
        damaged(drawn, { current, elsewhere, older: this.#olderOf(block) }, this.random) ??
        damaged('garbage', { current, elsewhere, older: current }, this.random);
      if (bytes !== null) this.blocks.writeHome(copy, bytes);
    }
    this.struck.push({ kind: drawn, block, copies });
  }

  /** Damages a block of the part that is only read, whose good copy must lie at home. */
  strikeStill(block: number, copies: readonly BlockCopyPlace[], kind?: DamageKind): void {
    for (const copy of copies)
      this.check(
        this.blocks.readHome(copy).equals(this.still.contentOf(block)),
        `block ${block} is not at home on ${copy.disk} when it is to be damaged there`,
      );
    this.strike(block, copies, kind);
  }

  async scrub(): Promise<ScrubReport> {
    const { output, errors } = await this.cluster.trySanctor('scrub', volume, '--json');
    if (output === '') throw new Error(`there was no scrub: ${errors}`);
    return JSON.parse(output) as ScrubReport;
  }

  get #disks(): readonly string[] {
    return this.operator.topology.disks.map(({ id }) => id);
  }

  #draw(first: number, count: number, isWanted: (block: number) => boolean): number {
    for (;;) {
      const block = first + this.random.integer(count);
      if (this.#used.has(block) || !isWanted(block)) continue;
      this.#used.add(block);
      return block;
    }
  }

  /** A place of the same disk that holds something else. */
  #otherHome({ disk }: BlockCopyPlace, block: number): number {
    const { firstBlock, blocks } = this.still;
    for (;;) {
      const other = firstBlock + this.random.integer(blocks);
      const copy = this.blocks.copiesOf(other).find((each) => each.disk === disk);
      if (copy !== undefined && other !== block) return copy.homeBlock;
    }
  }

  /** Of the part that is only read: the version before; of others: another one that was never there. */
  #olderOf(block: number): Buffer {
    const inArea = block >= this.still.firstBlock && block < volumeBlocks;
    return this.still.contentOf(block, inArea ? 1 : 255);
  }
}
