/** Policies of a topology: how hosts choose paths, and what they do when paths fail, come back, or grow slow. */
import { z } from 'zod';
import { count } from '../schema.ts';
import { kibibyte, mebibyte } from '../units.ts';
import { sizeSchema } from './sizes.ts';

const seconds = (most: number) => z.number().min(0).max(most);

/**
 * What happens to a path (a link, or an HBA with all its links) that failed and works again, and to partitions whose switch
 * is back (`followOver`: as `immediate`).
 */
export const failoverPolicySchema = z.strictObject({
  /**
   * - `immediate`: it is preferred again, once it has worked for the dwell time.
   * - `manual`: only after the host got the command `failback`.
   * - `followOver`: like `immediate` where this host's own I/O met the failure; a path that it only heard to have
   *   failed stays in reserve, so that hosts do not move each other back and forth.
   */
  failback: z.enum(['immediate', 'manual', 'followOver']).default('immediate'),
  /** A path that came back must have worked for so long before it is preferred again. */
  dwellSeconds: seconds(3600).default(1),
  /** A path that failed so often within a time is not used for a time, unless nothing else is left. */
  quarantine: z
    .strictObject({
      failures: z.int().min(2).max(100).default(3),
      withinSeconds: seconds(86_400).default(30),
      forSeconds: seconds(86_400).default(60),
    })
    .prefault({}),
});
export type FailoverPolicy = z.output<typeof failoverPolicySchema>;

/** When load alone makes a host leave a switch, and return to it. */
export const imbalancePolicySchema = z.strictObject({
  /**
   * - `answerTime`: how long answers through the switch take, as this host measures it.
   * - `queueDelay`: how long the switch says that work waits in it.
   * - `none`: load changes no paths.
   */
  metric: z.enum(['answerTime', 'queueDelay', 'none']).default('answerTime'),
  /** A switch so many times as slow as a way past it is left. */
  threshold: z.number().min(1.1).max(1000).default(3),
  /** It is returned to once it is better than this part of the threshold. */
  hysteresis: z.number().gt(0).lt(1).default(0.5),
  /** Differences below this never count. */
  floorMs: z.number().min(0).max(60_000).default(5),
  /** It must have been so for so long, both ways. */
  dwellSeconds: seconds(3600).default(3),
  /** A move that did not make answers faster by this part is not repeated soon. */
  minimumGain: z.number().min(0).lt(1).default(0.3),
});
export type ImbalancePolicy = z.output<typeof imbalancePolicySchema>;

/**
 * When a switch, disk or host that says nothing (a paused process, a half-open connection) counts as gone. It is judged
 * against others: pings go to it and to them, and only those count that they answered. So these times are the least that
 * pass; they grow by themselves where the machine, the bus or the virtualizer is slow.
 */
export const detectionPolicySchema = z
  .strictObject({
    /** A host reports a switch that owes an answer for so long, and for several times what it usually takes. */
    reportAfterMs: z.int().min(20).max(60_000).default(300),
    /** Between the pings to a suspect; no faster than others answer theirs. */
    pingIntervalMs: z.int().min(10).max(10_000).default(100),
    /** A suspect that answered none for so long is gone; longer where its heartbeats use to be late. */
    silenceMsMin: z.int().min(50).max(60_000).default(1000),
    /** The most that is waited on account of that. */
    silenceMsMax: z.int().min(50).max(600_000).default(2000),
    /**
     * A switch that answers commands, and a host none of its I/O for so long though others do, coordinates nothing for a
     * while, where another one can: a connection is open at one end only.
     */
    unansweredMsMax: z.int().min(50).max(600_000).default(2000),
    /** How many deviations from its mean lateness an actor's heartbeat is granted. */
    deviations: z.number().min(0).max(100).default(4),
  })
  .refine(({ silenceMsMin, silenceMsMax }) => silenceMsMin <= silenceMsMax, {
    path: ['silenceMsMax'],
    error: 'must not be less than silenceMsMin',
  });
export type DetectionPolicy = z.output<typeof detectionPolicySchema>;

/** When a mirror that is not there is gone on without, and how it is made good again when it is back. */
export const membershipPolicySchema = z.strictObject({
  /** A disk that restarts within this stays a member; I/O waits for it so long. */
  staleAfterMs: z.int().min(0).max(3_600_000).default(2000),
  /** The most that each coordinator copies to mirrors that are made good again, so that consumers' I/O goes on beside it. */
  resyncBytesPerSecond: sizeSchema.default(64 * mebibyte),
});
export type MembershipPolicy = z.output<typeof membershipPolicySchema>;

/** How soon one of several virtualizers takes over from another one that decides, and is gone without a word. */
const controlPolicySchema = z.strictObject({
  /** Who decides says so again three times in this; nobody takes over before it has not been heard for so long. */
  leaseMs: z.int().min(300).max(600_000).default(3000),
});

/** When volumes are scrubbed, and how fast. */
const scrubPolicySchema = z.strictObject({
  /** Hours between the end of one scrub of a volume and the next; 0: only when an operator asks for one. */
  everyHours: z.number().min(0).max(8760).default(168),
  /** The most of each volume that is scrubbed in a second, so that consumers' I/O goes on beside it. */
  bytesPerSecond: sizeSchema.default(32 * mebibyte),
});
export type ScrubPolicy = z.output<typeof scrubPolicySchema>;

export const policiesSchema = z.strictObject({
  /** How a path is chosen: the fewest hops, the fewest I/Os under way, or the soonest answer to expect. */
  path: z.enum(['hops', 'leastOutstanding', 'serviceTime']).default('hops'),
  /** How much of the way a host chooses: all of it, or its first link, and the switches behind it the rest. */
  route: z.enum(['whole', 'firstHop']).default('whole'),
  /** The most payload bytes of one frame. */
  frameBytesMax: sizeSchema.default(256 * kibibyte),
  /** An I/O that has not ended by then ends with an error. */
  ioDeadlineMs: count<number>().default(30_000),
  /** Seconds that I/O is held where no path at all is left; then it ends with an error. */
  noPathRetry: seconds(86_400).default(30),
  /** A mirror with more read errors than this within the time is proposed for removal, while another good one is left. */
  readErrorsMax: z.int().min(1).default(32),
  readErrorsWithinMs: z.int().min(1).default(600_000),
  detection: detectionPolicySchema.prefault({}),
  failover: failoverPolicySchema.prefault({}),
  imbalance: imbalancePolicySchema.prefault({}),
  membership: membershipPolicySchema.prefault({}),
  control: controlPolicySchema.prefault({}),
  scrub: scrubPolicySchema.prefault({}),
});
export type Policies = z.output<typeof policiesSchema>;
