/**
 * A proof: something that the project claims, shown by many steps that each stand alone. Every proof has a short form,
 * which is part of `npm test`, and a long one, which takes as long as it takes: `npm run proof:NAME -- --long`. Steps
 * are what a long proof that was interrupted does not do again.
 */

export type ProofLength = 'short' | 'long';

export interface ProofOptions {
  readonly length: ProofLength;
  /** Processes at a time, where a step can use several. */
  readonly jobs: number;
}

/** What became of a step. Plain JSON: it is kept in a file until the proof ends. */
export interface StepOutcome {
  /** What is not as it should be, as sentences; empty when all is. */
  readonly problems: readonly string[];
  /** One line for people. */
  readonly said: string;
  /** What the conclusion needs of it. */
  readonly data?: unknown;
}

export interface ProofStep {
  /** Names the step within its proof, the same in every run. */
  readonly id: string;
  run(): Promise<StepOutcome>;
}

export interface StepResult extends StepOutcome {
  readonly id: string;
  readonly seconds: number;
}

/** What all steps together show. */
export interface Conclusion {
  /** Beyond those of the steps. */
  readonly problems: readonly string[];
  readonly lines: readonly string[];
}

export interface Proof {
  readonly name: string;
  /** What is claimed, as a sentence without its end. */
  readonly shows: string;
  /** The test files that are its short form in `npm test`, relative to the root. */
  readonly shortForm: readonly string[];
  steps(options: ProofOptions): readonly ProofStep[];
  conclude?(results: readonly StepResult[], options: ProofOptions): Conclusion;
}
