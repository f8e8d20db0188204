/**
 * One volume on a switch: reads that it virtualizes, the partitions that it coordinates, their settling, and the resync
 * of mirrors that are to be in sync.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import type { UnfinishedWrite } from '../../protocols/commands.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId, HostId, LinkId } from '../../protocols/ids.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import { partitionOf } from '../../protocols/layout/regions.ts';
import { VolumeCoordinator } from './coordinator.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { addressRead, isWriting } from './leg-request.ts';
import { holdsRange, type LoadedVolume, onlyPartOf } from './loaded-volume.ts';
import { mirrorOutcomeOf } from './mirror-outcome.ts';
import { OwedWrite } from './owed-write.ts';
import type { Partition } from './partition.ts';
import { changesMarks } from './region-marks.ts';
import { attachmentRefusal, generationRefusal, rangeRefusal } from './request-rules.ts';
import { type ResyncReport, Resyncs } from './resyncs.ts';
import { Scrubs } from './scrubs.ts';
import { Settling, type SettlingCounters } from './settling.ts';
import { type HostWrites, type OwedTo, UnfinishedWrites } from './unfinished-writes.ts';
import { yieldPartitions } from './yielding.ts';

/** How far the partitions of a volume that this switch owns are. */
export interface SettlingReport {
  readonly settled: boolean;
  /** What is in the way, for people; '' when nothing is. */
  readonly problem: string;
  readonly remainingBytes: number;
  /** Hosts that do not say what they have open, although everybody waits for it. */
  readonly silentHosts: readonly HostId[];
  /** Since the volume was loaded for the first time. */
  readonly comparedBytes: number;
  readonly copiedBlocks: number;
  readonly resync: ResyncReport;
}

export class SwitchVolume {
  readonly coordinator: VolumeCoordinator;
  readonly #parts: CoordinatorParts;
  readonly #onSettled: () => void;
  readonly #cut = new PartList();
  readonly #settlingCounters: SettlingCounters = { comparedBytes: 0, copiedBlocks: 0 };
  #unfinished: UnfinishedWrites | null = null;
  #settling: Settling | null = null;
  readonly #resyncs: Resyncs;
  readonly scrubs: Scrubs;

  /** @param onSettled called when a settling or a resync ended, well or not */
  constructor(parts: CoordinatorParts, volume: LoadedVolume, onSettled: () => void) {
    this.#parts = parts;
    this.#onSettled = onSettled;
    this.coordinator = new VolumeCoordinator(parts, volume, (partition, range) =>
      this.#resyncs.compareAgain(partition, range),
    );
    this.scrubs = new Scrubs(parts, this.coordinator);
    this.#resyncs = new Resyncs(parts, {
      trouble: (partition, what) => this.coordinator.trouble(partition, what),
      ended: onSettled,
    });
  }

  /** Begins to settle what is this switch's to settle. */
  start(): void {
    this.#settle();
  }

  get volume(): LoadedVolume {
    return this.coordinator.volume;
  }

  /** Those that said, since the volume was decided about last, that they cannot do what was asked of them. */
  get failedDisks(): ReadonlySet<DiskId> {
    return this.#parts.failedDisks;
  }

  /** Takes a newer decision over. */
  load(volume: LoadedVolume): void {
    this.#stopSettling();
    this.scrubs.stop();
    this.#resyncs.load(volume);
    this.#parts.failedDisks.clear();
    this.#parts.refusals.decided(volume.load);
    this.#parts.cachedReads?.forget(volume.load.volume);
    this.coordinator.spans.dropReads();
    this.coordinator.load(volume);
    for (const partition of this.coordinator.partitions) this.#parts.steering.kept(partition);
    this.#resyncs.goOn();
    this.#settle();
  }

  /** Others are to take its partitions over. `done` is called once nothing is open in them any more. */
  yield(done: () => void): void {
    yieldPartitions(this.coordinator.partitions, this.#parts.steering, done);
  }

  unload(): void {
    this.#stopSettling();
    this.scrubs.stop();
    this.#resyncs.stop();
    this.#parts.cachedReads?.drop(this.volume.load.volume);
    this.coordinator.spans.dropReads();
    this.coordinator.unload();
  }

  settlingReport(): SettlingReport {
    const { partitions } = this.coordinator;
    const troubled = partitions.find(({ problem }) => problem !== '');
    return {
      settled: partitions.every(({ mode }) => mode === 'serving'),
      problem: troubled?.problem ?? '',
      remainingBytes: this.#settling?.remainingBytes ?? 0,
      silentHosts: this.#unfinished?.silentHosts ?? [],
      ...this.#settlingCounters,
      resync: this.#resyncs.report(this.volume, partitions),
    };
  }

  /** Carries out a volume-addressed request. */
  request(request: Request, data: FrameData): void {
    const { answers, refusals, forwarding, cachedReads } = this.#parts;
    const { operation } = request;
    if (isWriting(operation)) {
      cachedReads?.written(request);
      const onward = this.#onwardRoute(request);
      if (onward.length > 0) forwarding.forward(request, data, onward);
      else this.coordinator.write(request, data);
      return;
    }
    if (
      operation === Operation.repair ||
      changesMarks(operation) ||
      (operation === Operation.read && this.#isShared(request))
    ) {
      const onward = this.#onwardRoute(request);
      if (onward.length > 0) forwarding.forward(request, data, onward);
      else this.coordinator.order(request);
    } else if (operation !== Operation.read && operation !== Operation.allocation) {
      const what = 'this operation is addressed to a disk, not to a volume';
      answers.end(request, plainError(Status.invalid, what));
    } else {
      const refusal = this.#refusalOf(request);
      if (refusal !== null) refusals.end(request, refusal);
      else this.#read(request, data);
    }
  }

  /**
   * How a request gets to its coordinator from here; empty when that is this switch, or the request must be refused.
   * One that does not say it (`policies.route: firstHop`) is given a whole way, that every switch behind follows, and
   * only when it was made under what is loaded here: all who have loaded that agree on who coordinates, so that it is
   * sent round in no circle.
   */
  #onwardRoute(request: Request): readonly LinkId[] {
    const { self, forwarding } = this.#parts;
    const { route, partition } = request;
    const coordinator = this.volume.partitions[partition]?.coordinator ?? self;
    if (route.length > 0) forwarding.learn(request, coordinator);
    if (route.length > 0 || coordinator === self) return route;
    const isAgreed = generationRefusal(this.volume, request) === null;
    return isAgreed ? (forwarding.routeTo(coordinator, request) ?? route) : route;
  }

  /** What the host of a read is told whose disk could not carry it out; `failed` when no other mirror is in sync. */
  mirrorOutcome(request: Request, failed: Outcome): Outcome {
    return mirrorOutcomeOf(this.volume, request, failed, this.#parts.namesAlternates);
  }

  #isShared({ host }: Request): boolean {
    return host !== '' && this.volume.attachments.get(host)?.mode === 'shared';
  }

  #refusalOf(request: Request): Outcome | null {
    const { volume } = this;
    return (
      generationRefusal(volume, request) ??
      attachmentRefusal(volume, request, false) ??
      rangeRefusal(volume, request)
    );
  }

  /**
   * A read for which any switch will do: from this switch's cache if it has it, else filled in where the bytes are, so
   * that the disk answers.
   */
  #read(request: Request, data: FrameData): void {
    const { answers, forwarding } = this.#parts;
    const { volume } = this;
    // What a disk says of its own, such as what is allocated, is not kept.
    const cachedReads = request.operation === Operation.read ? this.#parts.cachedReads : null;
    if (cachedReads?.answer(request)) return;
    const part = onlyPartOf(volume, request.offset, request.lengthBytes, this.#cut);
    if (part === null) {
      this.coordinator.spans.read(request);
      return;
    }
    const refusal = addressRead(request, volume, part);
    if (refusal !== null) {
      answers.end(request, refusal);
      return;
    }
    cachedReads?.follow(request);
    forwarding.forwardToDisk(request, data, null);
  }

  #settle(): void {
    const unsettled = this.coordinator.partitions.filter(({ mode }) => mode === 'settling');
    if (unsettled.length === 0) return;
    this.#unfinished = new UnfinishedWrites(this.#parts.commands, this.volume, {
      found: (hosts) => {
        this.#unfinished = null;
        this.#makeEqual(unsettled, hosts);
      },
      silent: (disks) => this.#cannotAsk(unsettled, disks),
    });
    this.#unfinished.start();
  }

  /** What these disks have done is not known, and cannot be: others may hear them. */
  #cannotAsk(partitions: readonly Partition[], disks: readonly DiskId[]): void {
    this.#unfinished = null;
    for (const disk of disks) this.#parts.calls.silentDisks.add(disk);
    for (const partition of partitions)
      this.coordinator.trouble(partition, `disk ${disks.join(', ')} does not answer`);
    this.#onSettled();
  }

  #stopSettling(): void {
    this.#unfinished?.stop();
    this.#unfinished = null;
    this.#settling?.stop();
    this.#settling = null;
  }

  /** Then what was done counts as done, and the rest has no effect yet, and will have it once (DESIGN I6). */
  #makeEqual(partitions: readonly Partition[], hosts: readonly HostWrites[]): void {
    const writes = hosts.flatMap((each) => each.writes);
    const told = hosts.map((each) => ({ ...each, writes: this.#writesOfOnePart(each.writes) }));
    const { compared } = this.volume.load;
    this.#settling = new Settling(this.#parts, this.volume, {
      partitions,
      where: compared === 'unfinished' ? writes : compared,
      hosts: told,
      // What one mirror kept through a power cut, and is read from now on, must not be lost with the next one and that mirror.
      fua: compared !== 'unfinished' || writes.some(({ fua }) => fua),
      counters: this.#settlingCounters,
      onEnd: (result) => {
        if (result.kind === 'equal') {
          this.coordinator.restore(told, result.owed);
          for (const owed of result.owed) this.#owe(owed);
          for (const partition of partitions) this.#parts.steering.settled(partition);
          this.#resyncs.begin(this.volume, partitions);
        }
        this.#onSettled();
      },
    });
    this.#settling.start();
  }

  /** A disk knows of its own part of a spanning write, and nothing of the others: those are carried out again. */
  #writesOfOnePart(writes: readonly UnfinishedWrite[]): readonly UnfinishedWrite[] {
    return writes.filter(
      ({ offset, lengthBytes }) =>
        holdsRange(this.volume, offset, lengthBytes) &&
        onlyPartOf(this.volume, offset, lengthBytes, this.#cut) !== null,
    );
  }

  #owe(owed: OwedTo): void {
    const { coordinatorMap } = this.volume.load;
    const partition = this.coordinator.partition(partitionOf(coordinatorMap, owed.write.offset));
    partition?.owe(new OwedWrite(owed));
  }
}
