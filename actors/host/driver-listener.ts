/** What an optimization driver is told when it is made, and whom it tells what it cannot decide by itself. */

import type { AlternatesAnswer, FailedMirror } from '../../protocols/commands.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { VolumeCaches } from './volume-caches.ts';

export interface DriverListener {
  /** An answer spoke of newer control data, or told to ask. */
  controlDataNeeded(): void;
  /** A refusal brought what was decided since the driver was told (DESIGN V2). */
  decisionBrought(bytes: Uint8Array): void;
  /** What is stored is not known any more. The listener must end the open I/O (`endOpen`). */
  lost(what: string): void;
  /** A disk that nothing is on alone cannot make durable what it holds. Told again while it is a member. */
  diskFailed(disk: DiskId, what: string): void;
  /** Asks which mirrors hold a range beside one that failed; no answer: nobody could tell. */
  alternatesNeeded(failed: FailedMirror, answered: (answer: AlternatesAnswer) => void): void;
  /** Nothing is open any more. */
  idle(): void;
}

export interface DriverOptions {
  readonly readOnly: boolean;
  /** True in shared attach: others write too, and only the coordinator knows when (DESIGN §6, Reads). */
  readonly readsThroughCoordinator: boolean;
  /** Null where no cache lies on the way of reads, or none may be used. */
  readonly caches: VolumeCaches | null;
}
