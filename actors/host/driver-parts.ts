/** What the optimization driver of a volume is given: how it is attached, and whom it tells what it cannot decide. */

/** What the driver cannot decide by itself. */
export interface DriverListener {
  /** An answer spoke of newer control data, or told to ask. */
  controlDataNeeded(): void;
  /** What is stored is not known any more. The listener must end the open I/O (`endOpen`). */
  lost(what: string): void;
  /** Nothing is open any more. */
  idle(): void;
}

export interface DriverOptions {
  readonly readOnly: boolean;
  /** True in shared attach: others write too, and only the coordinator knows when (DESIGN §6, Reads). */
  readonly readsThroughCoordinator: boolean;
}
