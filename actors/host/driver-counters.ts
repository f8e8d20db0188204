/** What the driver counts, for status, tests and benchmarks. */
import { Operation, Status } from '../../protocols/codes.ts';
import type { ConsumerIo } from './consumer-io.ts';

export interface DriverCounters {
  /** I/Os that consumers began. */
  consumerIos: number;
  /** Physical I/Os, each counted once however often it is re-issued. */
  parts: number;
  /** Consumer I/Os that needed more than one part (DESIGN H1). */
  splits: number;
  /** I/Os refused because the volume was not serving, or because they make no sense. */
  refusals: number;
  /** I/Os that ended with an error after they were begun. */
  errors: number;
  reissues: number;
  /** "Nobody listens" and the special error code `path`. */
  pathErrors: number;
  timeouts: number;
  /** Answers whose bytes did not match their checksums. */
  checksumErrors: number;
  /** Answers that matched no slot: to earlier attempts, or to I/Os that have ended. */
  lateReplies: number;
  /** Reads that waited for an own write which they overlap. */
  heldReads: number;
  /** Those that had their answer, and waited for a write that came while they were under way. */
  keptAnswers: number;
  /** Answers that told to wait or to ask: busy, stale generation, not coordinator, fenced, not loaded. */
  deferrals: number;
  /** Decisions that refusals of an older generation brought, and that were taken over (DESIGN V2). */
  decisionsBrought: number;
  /** Attachments given up because a write or flush had no result. */
  losses: number;
  probes: number;
  /** Reads of another mirror after one that failed (DESIGN H5). */
  mirrorRetries: number;
  /** Ranges that coordinators were asked to make good on the bad mirror. */
  repairsAsked: number;
  /** Stretches of regions that were marked before they were written to (DESIGN H10). */
  marksAsked: number;
  marksTakenBack: number;
  /** Links and HBAs that failed under I/O, and who was silent under I/O: once each time, however much it hit. */
  failovers: number;
  /** Questions to the virtualizer which ways are left. */
  pathQueries: number;
  /** Reads that told a cache on their way not to answer: it was not clean, or they were written to meanwhile. */
  cacheBypasses: number;
  /** Commands to switches that told their caches to forget a volume. */
  invalidations: number;
  readBytes: number;
  writtenBytes: number;
}

export function newDriverCounters(): DriverCounters {
  return {
    consumerIos: 0,
    parts: 0,
    splits: 0,
    refusals: 0,
    errors: 0,
    reissues: 0,
    pathErrors: 0,
    timeouts: 0,
    checksumErrors: 0,
    lateReplies: 0,
    heldReads: 0,
    keptAnswers: 0,
    deferrals: 0,
    decisionsBrought: 0,
    losses: 0,
    probes: 0,
    mirrorRetries: 0,
    repairsAsked: 0,
    marksAsked: 0,
    marksTakenBack: 0,
    failovers: 0,
    pathQueries: 0,
    cacheBypasses: 0,
    invalidations: 0,
    readBytes: 0,
    writtenBytes: 0,
  };
}

export function countBegun(counters: DriverCounters, operation: Operation): void {
  if (operation === Operation.repair) counters.repairsAsked++;
  else if (operation === Operation.mark) counters.marksAsked++;
  else if (operation === Operation.unmark) counters.marksTakenBack++;
  else counters.consumerIos++;
}

/** A repair or mark is no I/O of a consumer. */
export function countEnded(counters: DriverCounters, io: ConsumerIo): void {
  const { operation, status, start, end, partsMade } = io;
  if (!isOfConsumer(operation)) return;
  if (status !== Status.ok) counters.errors++;
  else if (operation === Operation.read) counters.readBytes += end - start;
  else if (operation === Operation.write) counters.writtenBytes += end - start;
  if (partsMade > 1) counters.splits++;
}

function isOfConsumer(operation: Operation): boolean {
  return (
    operation !== Operation.repair && operation !== Operation.mark && operation !== Operation.unmark
  );
}
