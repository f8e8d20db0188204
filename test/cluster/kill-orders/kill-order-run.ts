/**
 * Carries one kill order out in the simulation, and says after each step whether the volume does what it must: with a
 * disk that is in sync it serves, soon, and gives what was acknowledged; without one it serves nothing, whoever restarts
 * meanwhile, and says which disk must come back. In the end all disks run, and are equal.
 */
import type { DescribedVolume } from '../../../actors/virtualizer/volume-status.ts';
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { stackOf } from '../../../cluster/simulation/trace.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import { type DiskId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';
import { ExpectedMembers, statesOf } from './expected-members.ts';
import { type KillOrder, type Moment, type MomentsMet, orderNamed } from './orders.ts';
import { ioDeadlineMs, mirrorTopology, staleAfterMs } from './small-san.ts';
import { VolumeMoments } from './volume-moments.ts';
import { blocksCount, Writers } from './writers.ts';

export interface KillOrderReport {
  readonly name: string;
  /** What is not as it must be, as sentences. */
  readonly problems: readonly string[];
  readonly steps: number;
  /** Steps after which nothing was served. */
  readonly refusals: number;
  readonly acknowledged: number;
  readonly reads: number;
  readonly virtualMs: number;
  readonly met: MomentsMet;
}

type Expectation = 'serves' | 'refuses' | 'either';
type Rest = 'serving' | 'refusing';

const volumeId = idOf<VolumeId>('vol0');
/** How soon a volume serves that can, mirrors that are equal again included. */
const restMsMax = 15_000;
/** A volume that still waits after this is not going to do anything else by itself. */
const refusingMs = staleAfterMs + 250;
/** Nor is one whose virtualizer has just begun to listen, and calls nobody missing for a while. */
const refusingAnewMs = 3000 + refusingMs;
/** How soon the virtualizer says what is lacking, whatever else it is told. */
const reasonMsMax = 5000;
const stepMs = 5;
/** How long before a disk is killed the writes begin that are under way then. */
const writesAheadMsMax = 1.5;
/** In this time a mirror is made equal, or nearly. */
const copyingMsMax = 120;
const writesBetween = 8;
/** Of a volume, when its decision is known to all disks that it names. */
const confirmedStates = ['expiring', 'loading', 'settling', 'serving', 'yielding'];

/** @throws RangeError when it names no order. */
export function runKillOrder(name: string): KillOrderReport {
  return new KillOrderRun(orderNamed(name)).run();
}

class KillOrderRun {
  readonly #order: KillOrder;
  readonly #san: SimulatedSan;
  readonly #random: SeededRandom;
  readonly #members = new ExpectedMembers();
  readonly #moments: VolumeMoments;
  readonly #writers: Writers;
  readonly #problems: string[] = [];
  readonly #met: (readonly Moment[])[] = [];
  #refusals = 0;
  /** Decided last, whatever the database has forgotten since. */
  #record: VolumeRecord | null = null;
  #writtenCount = 0;
  /** Of what the database held when it was looked at last. */
  #seenMark = '';
  /**
   * The virtualizer that runs now has decided itself, and all disks that the decision names know it: whatever the database
   * forgets, one that comes back says who had everything.
   */
  #hasDecided = true;
  #restingSinceMs: number | null = null;

  constructor(order: KillOrder) {
    this.#order = order;
    // The same for an order with a step moved: up to there it is the same.
    const [seed = ''] = order.name.split('@');
    this.#random = new SeededRandom(seed).fork('kill order');
    this.#san = new SimulatedSan(mirrorTopology(order.mirrors), seed);
    const { clock, database } = this.#san.world;
    // A cluster older than its database's sync interval: losing its very creation is beyond what it can mend.
    database.sync();
    this.#moments = new VolumeMoments(this.#san.world);
    clock.afterEach(() => {
      this.#takeDecision();
      if (!this.#hasDecided) this.#noteConfirmed();
    });
    this.#writers = new Writers({
      san: this.#san,
      volume: () => this.#san.volume('h1', volumeId),
      acknowledged: (begunMs) => this.#acknowledged(begunMs),
    });
  }

  run(): KillOrderReport {
    const { name, steps } = this.#order;
    try {
      this.#carryOut();
    } catch (error) {
      this.#problems.push(stackOf(error));
    }
    const { acknowledged, reads } = this.#writers;
    return {
      name,
      problems: this.#problems,
      steps: steps.length,
      refusals: this.#refusals,
      acknowledged,
      reads,
      virtualMs: this.#san.world.clock.now(),
      met: this.#met.slice(0, steps.length),
    };
  }

  #carryOut(): void {
    const { steps, moved } = this.#order;
    this.#writers.resume();
    this.#awaitWrites();
    const left = [...steps];
    for (let step = 1; left.length > 0; step++) {
      this.#writers.hurry();
      this.#san.runFor(this.#random.between(0, writesAheadMsMax));
      this.#toggle(left.shift() ?? 0);
      this.#moments.begin();
      if (moved?.step === step + 1) this.#toggleAt(moved.moment, left.shift() ?? 0);
      if (this.#problems.length > 0) return;
      this.#comeToRest();
      if (this.#problems.length > 0) return;
    }
    this.#end();
  }

  #toggle(number: number): void {
    const { world } = this.#san;
    const disk = idOf<DiskId>(`d${number}`);
    const node = this.#san.node(disk);
    if (this.#members.isAway(disk)) {
      this.#members.started(disk);
      world.release(node);
    } else {
      this.#members.killed(disk, world.clock.now());
      world.holdDown(node);
      if (this.#order.kill === 'process') return;
      world.media.get(disk)?.powerCut();
      this.#writers.powerLost();
    }
  }

  #toggleAt(moment: Moment, number: number): void {
    let isDone = false;
    const laterMs = this.#random.fork(moment).between(0, copyingMsMax);
    this.#moments.once(moment, laterMs, () => {
      this.#writers.hurry();
      this.#toggle(number);
      isDone = true;
    });
    if (!this.#runUntil(restMsMax, () => isDone)) this.#problems.push(`there was no ${moment}`);
  }

  /** Everything runs again: nothing may be left of what happened. */
  #end(): void {
    const { world } = this.#san;
    const numbers = world.topology.disks.map((_, index) => index + 1);
    for (const number of numbers)
      if (this.#members.isAway(idOf<DiskId>(`d${number}`))) this.#toggle(number);
    this.#comeToRest();
    this.#writers.pause();
    this.#runUntil(2 * ioDeadlineMs, () => this.#writers.isQuiet);
    if (this.#problems.length === 0) this.#problems.push(...this.#san.stopAndCompare());
  }

  /** Waits until nothing more is going to happen, and looks whether that is what must be. */
  #comeToRest(): void {
    const rest = this.#awaitRest();
    this.#met.push(this.#moments.met());
    if (rest === 'serving') this.#checkServing();
    else if (rest === 'refusing') this.#checkRefusing();
    this.#problems.push(...this.#san.complaints.splice(0));
  }

  #awaitRest(): Rest | null {
    let rest: Rest | null = null;
    this.#restingSinceMs = null;
    const isOver = this.#runUntil(restMsMax, () => {
      rest = this.#rest();
      return rest !== null;
    });
    if (!isOver) this.#problems.push(this.#unrestText());
    return rest;
  }

  #rest(): Rest | null {
    const { nodes, clock } = this.#san.world;
    const isAway = (id: string) => this.#members.isAway(idOf<DiskId>(id));
    const isAsWanted = nodes.every(({ node, isRunning }) => isRunning !== isAway(node.id));
    const status = this.#status;
    if (!isAsWanted || status?.state.startsWith('gathering') !== true) this.#restingSinceMs = null;
    else this.#restingSinceMs ??= clock.now();
    if (!isAsWanted) return null;
    const expected = this.#expectation();
    const restedMs = clock.now() - (this.#restingSinceMs ?? clock.now());
    const isRefusing = restedMs >= (this.#hasDecided ? refusingMs : refusingAnewMs);
    if (expected !== 'serves' && isRefusing) return 'refusing';
    return expected !== 'refuses' && this.#isServingWell(status) ? 'serving' : null;
  }

  /** Also: mirrors are in sync on all disks that run, and on no others. */
  #isServingWell(status: DescribedVolume | undefined): boolean {
    const { admission, isSuspended } = this.#san.volume('h1', volumeId);
    const isSettled = [...this.#states].every(
      ([disk, state]) => (state === 'in-sync') !== this.#members.isAway(disk),
    );
    return isSettled && status?.state === 'serving' && admission.open && !isSuspended;
  }

  #expectation(): Expectation {
    const there = [...this.#states].filter(([disk]) => !this.#members.isAway(disk));
    if (there.every(([disk]) => this.#members.isLacking(disk))) return 'refuses';
    if (there.length === this.#states.size) return 'serves';
    // Who remembers what was decided last is among those that are away, or is not.
    if (this.#mayHaveForgotten) return 'either';
    return there.some(([, state]) => state === 'in-sync') ? 'serves' : 'refuses';
  }

  /** The config database lost what was decided last, or may have. */
  get #mayHaveForgotten(): boolean {
    return !this.#san.world.database.syncsEveryWrite && !this.#hasDecided;
  }

  #checkServing(): void {
    this.#writers.pause();
    if (!this.#runUntil(2 * ioDeadlineMs, () => this.#writers.isQuiet))
      this.#problems.push('writes do not end while the volume serves');
    const { failed } = this.#readAll();
    if (failed > 0) this.#problems.push(`${failed} reads failed while the volume served`);
    this.#writers.resume();
    this.#awaitWrites();
  }

  #checkRefusing(): void {
    this.#refusals += 1;
    this.#checkReason();
    const { acknowledged } = this.#writers;
    this.#checkNothingServed(acknowledged);
    this.#restartVirtualizer();
    const rest = this.#awaitRest();
    if (rest === 'refusing') this.#checkReason();
    if (rest === 'refusing') this.#checkNothingServed(acknowledged);
  }

  /** A host that tells of its trouble meanwhile has its say first. */
  #checkReason(): void {
    const isForgetful = this.#mayHaveForgotten;
    const wanted = [...this.#states]
      .filter(([disk, state]) => this.#members.isAway(disk) && (isForgetful || state === 'in-sync'))
      .map(([disk]) => disk);
    const isTold = () => wanted.some((disk) => this.#status?.reason.includes(disk));
    if (!this.#runUntil(reasonMsMax, isTold))
      this.#problems.push(
        `nobody is told that ${wanted.join(' or ')} must come back: ${this.#status?.reason}`,
      );
  }

  #checkNothingServed(acknowledged: number): void {
    const { failed } = this.#readAll();
    if (failed < blocksCount)
      this.#problems.push(
        `${blocksCount - failed} reads were answered by disks that are not in sync`,
      );
    if (this.#writers.acknowledged > acknowledged)
      this.#problems.push('a write was acknowledged while no disk was in sync');
  }

  /** And takes from the config database what that had not made durable. */
  #restartVirtualizer(): void {
    const { world } = this.#san;
    const virtualizer = this.#san.node('v1');
    world.holdDown(virtualizer);
    if (!world.database.syncsEveryWrite) {
      world.database.powerCut();
      world.database.start();
      this.#seenMark = markOf(recordOf(world.database, volumeId));
    }
    world.release(virtualizer);
    this.#hasDecided = false;
  }

  #readAll(): { readonly failed: number } {
    let failures: number | null = null;
    this.#writers.readAll((problems, failed) => {
      this.#problems.push(...problems);
      failures = failed;
    });
    if (!this.#runUntil(2 * ioDeadlineMs, () => failures !== null))
      this.#problems.push('reads do not end');
    return { failed: failures ?? blocksCount };
  }

  #awaitWrites(): void {
    const wanted = this.#writers.acknowledged + writesBetween;
    if (!this.#runUntil(ioDeadlineMs, () => this.#writers.acknowledged >= wanted))
      this.#problems.push('writes are not acknowledged while the volume serves');
  }

  #acknowledged(begunMs: number): void {
    if (this.#record !== null)
      this.#problems.push(...this.#members.acknowledged(begunMs, this.#record));
  }

  #takeDecision(): void {
    const { database, clock } = this.#san.world;
    if (this.#writtenCount === database.counts.written) return;
    this.#writtenCount = database.counts.written;
    const { syncsEveryWrite } = database;
    const record = recordOf(database, volumeId);
    const mark = markOf(record);
    if (record === null || mark === this.#seenMark) return;
    this.#seenMark = mark;
    this.#record = record;
    this.#hasDecided = syncsEveryWrite;
    this.#problems.push(...this.#members.decided(record, clock.now(), syncsEveryWrite));
  }

  /** Switches are told of a decision once all disks have confirmed it. */
  #noteConfirmed(): void {
    const { state = '', generation = 0 } = this.#status ?? {};
    const isConfirmed = confirmedStates.some((each) => state.startsWith(each));
    if (isConfirmed && generation === this.#record?.generation) this.#hasDecided = true;
  }

  get #states(): ReadonlyMap<DiskId, string> {
    return this.#record === null ? new Map() : statesOf(this.#record);
  }

  get #status(): DescribedVolume | undefined {
    return this.#san.node('v1').assembled?.virtualizers[0]?.volumes[0];
  }

  #unrestText(): string {
    const { state, reason } = this.#status ?? { state: 'unknown', reason: '' };
    const mirrors = [...this.#states].map(([disk, each]) => {
      const presence = this.#members.isAway(disk) ? 'away' : 'there';
      return `${disk} is ${presence} and ${each}`;
    });
    const text = `${mirrors.join(', ')}; the volume is ${state}: ${reason}`;
    return `does not come to rest within ${restMsMax} ms: ${text}`;
  }

  /** @returns false when it has not come to that in time */
  #runUntil(limitMs: number, isSo: () => boolean): boolean {
    const { clock } = this.#san.world;
    const endMs = clock.now() + limitMs;
    while (!isSo()) {
      if (clock.now() >= endMs) return false;
      this.#san.runFor(stepMs);
    }
    return true;
  }
}

/** Tells one decision from another. */
function markOf(record: VolumeRecord | null): string {
  return `${record?.controlEpoch} ${record?.generation}`;
}
