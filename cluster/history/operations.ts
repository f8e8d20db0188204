/** What consumers did to a volume and saw of it, as its history keeps it. */
import type { ForcedLoss } from './forced-loss.ts';

/** A number that a read saw and that is no write's: bytes that do not belong there. */
export const alienValue = -1;

export interface WriteOperation {
  /** Which consumer it is, for people; '' when there is no need to tell them apart. */
  readonly by: string;
  /** The number that it puts into each of its sectors; zeros are 0. */
  readonly value: number;
  readonly firstSector: number;
  readonly sectorCount: number;
  readonly startedAt: number;
  /** Infinity while it may still happen: it is open, was never answered, or ended in an error. */
  endedAt: number;
  /** When it was made durable by FUA or a flush; Infinity if never. */
  durableAt: number;
  /** When the flush began that told its own consumer, who had seen no error since, that it is durable; Infinity if none did. */
  vouchedAt: number;
  /** It has no answer that says it happened, and will not get one. */
  failed: boolean;
}

/** A read that succeeded. */
export interface ReadOperation {
  readonly by: string;
  readonly firstSector: number;
  /** What each sector held. */
  readonly values: readonly number[];
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A stretch between power cuts. */
export interface Era {
  readonly writes: WriteOperation[];
  readonly reads: ReadOperation[];
  /** In the order in which they were decided. */
  readonly losses: ForcedLoss[];
}

/** Only what was acknowledged has certainly happened. */
export function isCertain({ failed, endedAt }: WriteOperation): boolean {
  return !failed && endedAt !== Number.POSITIVE_INFINITY;
}
