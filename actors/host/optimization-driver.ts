/**
 * The optimization driver of one volume: what a consumer attaches to. Checks what is asked, holds what overlaps other
 * own I/Os, answers once; what an I/O is cut into and how it travels is left to `issuer` and `dispatcher`, and
 * whether the volume serves is decided by the attachment's machine.
 */
import {
  type AllocationStretch,
  type AttachedVolume,
  type ConsumerDone,
  joinedStretches,
} from '../../protocols/attached-volume.ts';
import { Operation, Status } from '../../protocols/codes.ts';
import type { AlternatesAnswer, FailedMirror } from '../../protocols/commands.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { blockBytes, roundDown, roundUp, type VolumeOffset } from '../../protocols/units.ts';
import type { Admission } from './admission.ts';
import type { AllocationDone, ConsumerIo } from './consumer-io.ts';
import { DirtyRegions } from './dirty-regions.ts';
import type { Dispatcher } from './dispatcher.ts';
import { countEnded } from './driver-counters.ts';
import type { DriverListener, DriverOptions } from './driver-listener.ts';
import { FlushLedger } from './flush-ledger.ts';
import { HeldReads } from './held-reads.ts';
import { OpenIos } from './open-ios.ts';
import { emptyRouteTable, type RouteParts, type RouteTable, routeTableOf } from './route-table.ts';
import type { VolumeCaches } from './volume-caches.ts';
import { type Decided, epochsDiffer, isNewer, type VolumeView } from './volume-view.ts';
import { WritesInDoubt } from './writes-in-doubt.ts';

const noPieces: readonly Uint8Array[] = [];
const noStretches: readonly AllocationStretch[] = [];

export class OptimizationDriver implements AttachedVolume {
  readonly name: VolumeId;
  readonly readOnly: boolean;
  readonly readsThroughCoordinator: boolean;
  readonly caches: VolumeCaches | null;
  readonly ledger = new FlushLedger();
  readonly inDoubt: WritesInDoubt;
  readonly dirty: DirtyRegions;
  /** Of what was adopted last. */
  view: VolumeView;
  routes: RouteTable = emptyRouteTable;
  frameBytesMax = blockBytes;
  /** Parts of TRIM and WRITE_ZEROES under way. */
  rangePartsOpen = 0;
  /** Published by the attachment's machine: whether I/O may begin. */
  admission: Admission;
  /** True while nothing may be sent: what is open, and what begins, waits for other control data. */
  isSuspended = false;
  readonly #dispatcher: Dispatcher;
  readonly #routeParts: RouteParts;
  readonly listener: DriverListener;
  readonly #held: HeldReads;
  readonly #ios: OpenIos;

  constructor(
    view: VolumeView,
    admission: Admission,
    options: DriverOptions,
    dispatcher: Dispatcher,
    routeParts: RouteParts,
    listener: DriverListener,
  ) {
    this.name = view.data.volume;
    this.view = view;
    this.admission = admission;
    this.readOnly = options.readOnly;
    this.readsThroughCoordinator = options.readsThroughCoordinator;
    this.caches = options.caches;
    this.#ios = new OpenIos(this, dispatcher);
    this.#held = new HeldReads(options, dispatcher.counters);
    this.#dispatcher = dispatcher;
    this.#routeParts = routeParts;
    this.listener = listener;
    this.inDoubt = new WritesInDoubt(dispatcher, (io) => this.finish(io));
    this.dirty = new DirtyRegions(view, dispatcher, {
      order: this.order.bind(this),
      // That something is lost is for a consumer's own flush to tell.
      flush: () => this.#sendFlush(this.#beginFlush(null)),
      end: (io, status) => this.#end(io, status),
    });
    dispatcher.add(this);
    this.#use(view);
  }

  get sizeBytes(): number {
    return this.view.data.sizeBytes;
  }

  get logicalBlockBytes(): number {
    return this.view.data.logicalBlockBytes;
  }

  get ioBytesMax(): number {
    return this.#dispatcher.policy.ioBytesMax;
  }

  /** I/Os of consumers that have not ended. */
  get openIos(): number {
    return this.#ios.count;
  }

  /** True while a write is open that is not in doubt yet, and would be if it ended with an error. */
  get hasOpenWrites(): boolean {
    return this.#held.unsettledWrites > this.inDoubt.count;
  }

  read(offset: VolumeOffset, lengthBytes: number, done: ConsumerDone): void {
    const io = this.#ios.begin(Operation.read, offset, lengthBytes, done);
    io.results = [];
    this.#admit(io);
  }

  write(
    offset: VolumeOffset,
    pieces: readonly Uint8Array[],
    fua: boolean,
    done: ConsumerDone,
  ): void {
    let lengthBytes = 0;
    for (const piece of pieces) lengthBytes += piece.length;
    const io = this.#ios.begin(Operation.write, offset, lengthBytes, done, fua);
    io.pieces = pieces;
    this.#admit(io);
  }

  writeZeroes(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: ConsumerDone): void {
    this.#admit(this.#ios.begin(Operation.writeZeroes, offset, lengthBytes, done, fua));
  }

  trim(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: ConsumerDone): void {
    this.#admit(this.#ios.begin(Operation.trim, offset, lengthBytes, done, fua));
  }

  flush(done: ConsumerDone): void {
    const io = this.#beginFlush(done);
    if (!this.admission.open) this.#refuse(io, this.admission.status);
    else this.#submitFlush(io);
  }

  /** The flush before a detach: goes out although no other I/O is admitted any more. Then nothing is dirty. */
  flushLast(done: () => void): void {
    this.#submitFlush(this.#beginFlush(() => this.dirty.takeAllBack(done)));
  }

  allocation(offset: VolumeOffset, lengthBytes: number, done: AllocationDone): void {
    const io = this.#ios.begin(Operation.allocation, offset, lengthBytes, null);
    io.allocationDone = done;
    io.stretches = [];
    this.#admit(io);
  }

  /**
   * Asks the coordinators for what is no I/O of a consumer: to make whole blocks good again on every mirror, to mark them,
   * or to take marks back. `done` is called however that went.
   */
  order(
    operation: typeof Operation.repair | typeof Operation.mark | typeof Operation.unmark,
    offset: VolumeOffset,
    lengthBytes: number,
    done: ConsumerDone,
  ): void {
    this.#dispatcher.submit(this.#ios.begin(operation, offset, lengthBytes, done));
  }

  queryAlternates(failed: FailedMirror, answered: (answer: AlternatesAnswer) => void): void {
    this.listener.alternatesNeeded(failed, answered);
  }

  /** Sends nothing any more until `adopt`. */
  suspend(): void {
    this.isSuspended = true;
  }

  /** Takes control data; if it is newer, its numbers, routes and sizes count from now on, and what waited goes on. */
  adopt(view: VolumeView): void {
    const isRenewed = epochsDiffer(this.view, view);
    const isOther = isRenewed || isNewer(view.data, this.view.data);
    if (!isOther && !this.isSuspended) return;
    this.isSuspended = false;
    if (isOther) this.#use(view);
    this.#dispatcher.resume(this, isRenewed);
  }

  /** True when newer control data was adopted after `request` was sent: what it met may be over. */
  hasAdoptedSince(request: Decided): boolean {
    return isNewer(this.view.data, request);
  }

  rebuildRoutes(): void {
    const { routeScope, pathOrder } = this.#dispatcher.policy;
    this.routes = routeTableOf(this.view, this.#routeParts, routeScope);
    this.caches?.routesChanged(this.view, this.routes, pathOrder);
  }

  needControlData(): void {
    this.listener.controlDataNeeded();
  }

  /** What is stored is not known any more. Nothing is under way any more when this returns. */
  lose(what: string): void {
    this.#dispatcher.counters.losses++;
    this.listener.lost(what);
  }

  /** Ends with an error what is open; writes that were sent stay in doubt. To be called with admission closed. */
  endOpen(status: Status): void {
    const ending = new Set([...this.#held.takeAll(), ...this.dirty.waiting.takeAll()]);
    this.#dispatcher.abandon(this, ending);
    this.inDoubt.lose(ending, status, this.admission.open ? '' : this.admission.reason);
  }

  /** Ends held reads that are past their deadline. A write that could not be sent by then is the end of all of them. */
  expireHeld(nowMs: number): void {
    for (const io of this.#held.takeExpired(nowMs)) {
      io.fail(Status.path);
      this.finish(io);
    }
    if (this.dirty.waiting.isExpired(nowMs)) this.lose('a region could not be marked in time');
  }

  /** Nothing of it is used any more. */
  stop(): void {
    this.caches?.stop();
    this.dirty.stop();
  }

  /** Tells the consumer how its I/O ended. */
  finish(io: ConsumerIo): void {
    if (this.#held.keeps(io, this.#ios.nextArrival())) return;
    const { status, done, allocationDone, results, stretches } = io;
    countEnded(this.#dispatcher.counters, io);
    if (io.operation === Operation.flush) this.ledger.ended(io);
    this.dirty.ended(io);
    const freed = this.#held.writeEnded(io);
    this.#ios.ended(io);
    for (const read of freed)
      if (read.isAnswered) this.#dispatcher.endSoon(read);
      else this.#dispatcher.submit(read);
    if (done !== null) done(status, status === Status.ok ? results : noPieces);
    else if (allocationDone !== null)
      allocationDone(status, status === Status.ok ? joinedStretches(stretches) : noStretches);
    if (this.openIos === 0) this.listener.idle();
  }

  #use(view: VolumeView): void {
    this.view = view;
    this.dirty.adopt(view);
    this.ledger.adopt(view, this.readsThroughCoordinator);
    this.frameBytesMax = Math.min(view.data.frameBytesMax, this.#dispatcher.payloadBytesMax);
    this.rebuildRoutes();
  }

  #beginFlush(done: ConsumerDone | null): ConsumerIo {
    return this.#ios.begin(Operation.flush, 0, this.ledger.entries.length, done);
  }

  #admit(io: ConsumerIo): void {
    const carriesData = io.operation === Operation.read || io.operation === Operation.write;
    if (!io.isWithin(this.sizeBytes)) this.#refuse(io, Status.range);
    else if (carriesData && io.end - io.start > this.ioBytesMax) this.#refuse(io, Status.invalid);
    else if (!this.admission.open) this.#refuse(io, this.admission.status);
    else if (io.isWrite && this.readOnly) this.#refuse(io, Status.masked);
    else this.#accept(io);
  }

  #accept(io: ConsumerIo): void {
    if (io.operation === Operation.trim) {
      io.start = roundUp(io.start, blockBytes);
      io.end = Math.max(io.start, roundDown(io.end, blockBytes));
      io.cursor = io.start;
    } else if (io.operation === Operation.allocation)
      io.end = Math.min(io.end, io.start + this.#dispatcher.policy.allocationBytesMax);
    if (io.isWrite) this.#held.writeBegan(io);
    if (io.isWrite ? this.dirty.holds(io) : this.#held.holds(io)) return;
    this.#dispatcher.submit(io);
  }

  #submitFlush(io: ConsumerIo): void {
    if (this.ledger.begin(io)) this.#sendFlush(io);
    else this.#end(io, Status.media);
  }

  #sendFlush(io: ConsumerIo): void {
    this.dirty.flushBegan(io);
    this.#dispatcher.submit(io);
  }

  #refuse(io: ConsumerIo, status: Status): void {
    this.#dispatcher.counters.refusals++;
    this.#end(io, status);
  }

  #end(io: ConsumerIo, status: Status): void {
    io.fail(status);
    this.#dispatcher.endSoon(io);
  }
}
