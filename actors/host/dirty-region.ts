/** One region of a volume that a host may be writing to, and what it has to do with marks. */
import type { Operation, Status } from '../../protocols/codes.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { VolumeOffset } from '../../protocols/units.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { DriverPolicy } from './driver-policy.ts';
import type { WaitingWrite } from './waiting-writes.ts';

/** What the drivers of all volumes share. */
export interface DirtyRegionParts {
  readonly clock: Clock;
  readonly policy: Pick<DriverPolicy, 'dirtyIdleMs' | 'dirtyRegionsMax' | 'markChangesMax'>;
  /** Sends a write that waited. */
  submit(write: ConsumerIo): void;
}

/** What the driver of the volume does. */
export interface DirtyRegionDriver {
  /** Marks a range, or takes its marks back; `done` is called however that went. */
  order(
    operation: typeof Operation.mark | typeof Operation.unmark,
    offset: VolumeOffset,
    lengthBytes: number,
    done: (status: Status) => void,
  ): void;
  /** Makes durable what was acknowledged. */
  flush(): void;
  /** Ends a write of which nothing was sent. */
  end(write: ConsumerIo, status: Status): void;
}

export interface DirtyRegion {
  readonly number: number;
  /** Noted on all mirrors in sync. */
  isMarked: boolean;
  /** A mark or its end is under way. */
  isChanging: boolean;
  /** A write to it has failed: what it left is not known. */
  isUnsure: boolean;
  /** All that was written has been made durable. */
  isFlushed: boolean;
  openWrites: number;
  /** Counts writes that began or ended. */
  version: number;
  idleSinceMs: number;
  waiting: WaitingWrite[];
}

export function newRegion(number: number): DirtyRegion {
  return {
    number,
    isMarked: false,
    isChanging: false,
    isUnsure: false,
    isFlushed: true,
    openWrites: 0,
    version: 0,
    idleSinceMs: 0,
    waiting: [],
  };
}

/** True when nothing is to be remembered of it. */
export function isClean({ isMarked, isChanging, openWrites, waiting }: DirtyRegion): boolean {
  return !isMarked && !isChanging && openWrites === 0 && waiting.length === 0;
}

/** True when its mark may be taken back. */
export function mayBeTakenBack(
  { isMarked, isChanging, isFlushed, idleSinceMs }: DirtyRegion,
  idleUntilMs: number,
): boolean {
  return isMarked && !isChanging && isFlushed && idleSinceMs <= idleUntilMs;
}
