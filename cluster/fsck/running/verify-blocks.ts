/**
 * Has the disks of a running cluster verify what they have stored, with the command that compares mirrors: it only reads. One
 * range after the other with a rest after each, as a scrub goes, so that consumers' I/O goes on beside it. What is being
 * written may differ for a moment: mirrors are told to differ only when they still do after several looks.
 */
import { z } from 'zod';
import {
  type Answer,
  checksumChunkBytes,
  type RefusalReason,
  verbs,
} from '../../../protocols/commands.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { inSyncDisksOf } from '../../../protocols/layout/extent-states.ts';
import { sizeOf } from '../../../protocols/layout/layout.ts';
import type { Clock } from '../../../protocols/ports.ts';
import { scrubBytesMax } from '../../../protocols/scrub.ts';
import type { ScrubPolicy } from '../../../protocols/topology/policies.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { type FindingList, listedMax } from '../finding.ts';
import { type BadRange, badBlock, notVerified, unequal } from './block-findings.ts';
import type { Ask } from './told-cluster.ts';
import { type RunLeg, runsOf, type VerifiedRun } from './verified-runs.ts';

export interface VerifyParts {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly policy: ScrubPolicy;
  readonly findings: FindingList;
  /** True when no more time is left. */
  readonly isOver: () => boolean;
  /** True while the decision is the one that the volume is verified by. */
  readonly isDecidedStill: () => Promise<boolean>;
  readonly stepped: (bytes: number) => void;
}

/** How far it came. */
export interface Verified {
  /** On all mirrors in sync together. */
  readonly bytes: number;
  /** Of the volume. */
  readonly doneBytes: number;
}

type Refused = Extract<Answer, { readonly ok: false }>;

/** So answers who knows nothing of the range. */
const notThere: readonly RefusalReason[] = ['unknown', 'invalid'];
const checksumsSchema = z.array(z.number());
const answerTimeoutMs = 20_000;
const looks = 4;
const lookPauseMs = 300;

/** Verifies a volume from its beginning on, for as long as there is time. */
export async function verifyVolume(record: VolumeRecord, parts: VerifyParts): Promise<Verified> {
  const verifier = new VolumeVerifier(record, parts);
  const totalBytes = sizeOf(record.layout);
  let doneBytes = 0;
  while (doneBytes < totalBytes && !parts.isOver() && !verifier.isOutdated) {
    const lengthBytes = Math.min(scrubBytesMax, totalBytes - doneBytes);
    const range = { start: unitOf<VolumeOffset>(doneBytes), lengthBytes };
    for (const run of runsOf(record, range)) await verifier.verify(run);
    if (verifier.isOutdated || verifier.isAlone) break;
    doneBytes += lengthBytes;
    parts.stepped(lengthBytes);
    if (doneBytes < totalBytes) await verifier.rest(lengthBytes);
  }
  return { bytes: verifier.verifiedBytes, doneBytes };
}

class VolumeVerifier {
  /** In ranges that are whole on a disk. */
  verifiedBytes = 0;
  /** Something was decided meanwhile. */
  isOutdated = false;
  readonly #record: VolumeRecord;
  readonly #parts: VerifyParts;
  /** Disks that do not verify any more. */
  readonly #givenUp = new Set<DiskId>();
  readonly #badRanges = new Map<DiskId, number>();

  constructor(record: VolumeRecord, parts: VerifyParts) {
    this.#record = record;
    this.#parts = parts;
  }

  /** No disk is left that verifies. */
  get isAlone(): boolean {
    const { layout, mirrorSets } = this.#record;
    return inSyncDisksOf(layout, mirrorSets).every((disk) => this.#givenUp.has(disk));
  }

  /** As long as a scrub rests behind a range. */
  async rest(lengthBytes: number): Promise<void> {
    const bytesPerMs = Math.max(blockBytes, this.#parts.policy.bytesPerSecond) / 1000;
    await this.#wait(lengthBytes / bytesPerMs);
  }

  async verify(run: VerifiedRun): Promise<void> {
    const whole = { atBytes: 0, lengthBytes: run.lengthBytes };
    const sums = await this.#sumsOf(run, whole);
    const [first, ...others] = sums;
    this.verifiedBytes += sums.length * run.lengthBytes;
    if (first === undefined) return;
    for (const [chunk, sum] of first.entries()) {
      if (others.every((other) => other[chunk] === sum)) continue;
      const atBytes = chunk * checksumChunkBytes;
      const lengthBytes = Math.min(checksumChunkBytes, run.lengthBytes - atBytes);
      await this.#lookAgain(run, { atBytes, lengthBytes });
      if (this.isOutdated) return;
    }
  }

  /** By mirror that has all of the range whole. */
  async #sumsOf(run: VerifiedRun, range: Range): Promise<readonly (readonly number[])[]> {
    const sums = await Promise.all(run.legs.map((leg) => this.#verifyLeg(run, leg, range)));
    return sums.filter((each) => each !== null);
  }

  /** Consumers may be writing there: one equal look is enough. */
  async #lookAgain(run: VerifiedRun, range: Range): Promise<void> {
    for (let look = 1; look < looks; look++) {
      await this.#wait(lookPauseMs);
      const [first, ...others] = await this.#sumsOf(run, range);
      if (first === undefined || others.every((other) => other[0] === first[0])) return;
    }
    if (await this.#parts.isDecidedStill())
      this.#parts.findings.add(unequal(this.#record.volume, run, range.atBytes));
    else this.isOutdated = true;
  }

  /** Null when the disk does not have all of it whole. */
  async #verifyLeg(
    run: VerifiedRun,
    leg: RunLeg,
    { atBytes, lengthBytes }: Range,
  ): Promise<readonly number[] | null> {
    if (this.#givenUp.has(leg.disk)) return null;
    const { volume } = this.#record;
    const query = { volume, extent: leg.extent, atBytes: leg.atBytes + atBytes, lengthBytes };
    const receiver = { kind: 'disk', id: leg.disk } as const;
    const answer = await this.#parts.ask(receiver, verbs.checksums, query, answerTimeoutMs);
    if (answer.ok) return checksumsSchema.safeParse(answer.checksums).data ?? null;
    if (answer.reason === 'refused')
      await this.#narrow({ run, leg, atBytes, lengthBytes, why: answer.message });
    else await this.#giveUp(leg.disk, answer);
    return null;
  }

  /** A disk that does not have what it was asked for was perhaps told to give it up: then nothing is wrong. */
  async #giveUp(disk: DiskId, { reason, message }: Refused): Promise<void> {
    if (this.#givenUp.has(disk)) return;
    this.#givenUp.add(disk);
    if (notThere.includes(reason) && !(await this.#parts.isDecidedStill())) this.isOutdated = true;
    else this.#parts.findings.add(notVerified(this.#record.volume, disk, message));
  }

  /** Finds the blocks that are bad, as long as there are not many: else the range is told as a whole. */
  async #narrow(bad: BadRange): Promise<void> {
    const { run, leg, atBytes, lengthBytes } = bad;
    const known = this.#badRanges.get(leg.disk) ?? 0;
    if (lengthBytes <= blockBytes || known >= listedMax) {
      this.#badRanges.set(leg.disk, known + 1);
      this.#parts.findings.add(badBlock(this.#record.volume, bad));
      return;
    }
    const half = Math.ceil(lengthBytes / 2 / blockBytes) * blockBytes;
    await this.#verifyLeg(run, leg, { atBytes, lengthBytes: half });
    await this.#verifyLeg(run, leg, {
      atBytes: atBytes + half,
      lengthBytes: lengthBytes - half,
    });
  }

  #wait(ms: number): Promise<void> {
    return new Promise((done) => this.#parts.clock.setTimeout(done, ms));
  }
}

interface Range {
  readonly atBytes: number;
  readonly lengthBytes: number;
}
