/**
 * The scrub of one volume: which range is next, who coordinates it, and what came of all of them. The machine says when.
 * How far it is dies with this virtualizer: who takes over begins none before it is asked for, or due by the last one that
 * came to its end, whoever had it done.
 */
import type { Actor as MachineActor } from 'xstate';
import { verbs } from '../../protocols/commands.ts';
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import type { Clock, Log, Timer } from '../../protocols/ports.ts';
import {
  type ScrubAnswer,
  type ScrubProgress,
  scrubAnswerSchema,
  scrubBytesMax,
} from '../../protocols/scrub.ts';
import type { ScrubPolicy } from '../../protocols/topology/policies.ts';
import {
  blockBytes,
  type Instant,
  roundUp,
  unitOf,
  type VolumeOffset,
} from '../../protocols/units.ts';
import type { Actor } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { type ScrubEvent, scrubMachine } from './scrub-machine.ts';
import type { ScrubTimes } from './scrub-times.ts';

export interface VolumeScrubParts {
  readonly volume: VolumeId;
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: ScrubPolicy;
  readonly times: ScrubTimes;
  /** There was another volume of this name, which was deleted. */
  readonly isNamesake: boolean;
  /** The decision that the volume serves by; null while it does not. */
  readonly servedBy: () => VolumeRecord | null;
  /** Whether one by schedule may begin: else it is looked again later. */
  readonly mayBegin: () => boolean;
}

/** Then it is asked for again: who still works at it answers when that is done. */
const answerTimeoutMs = 20_000;
const msPerHour = 3_600_000;
/** As soon as that a volume is due of which nobody knows when it was scrubbed last. */
const unknownMsMax = msPerHour;
/** By so much the clock of the process that scrubbed last may have been ahead. */
const aheadMsMax = msPerHour;
/** One that is due waits for others, and until its volume serves, in steps of this. */
const turnMs = 10_000;
/** Timers are no longer than this. */
const timerMsMax = 2_000_000_000;

const nothingFound: ScrubAnswer = {
  ...{ verifiedBytes: 0, skippedBytes: 0, repairedBlocks: 0, keptBlocks: 0 },
  ...{ keptAt: -1, keptReason: '' },
};

export class VolumeScrub {
  readonly #parts: VolumeScrubParts;
  #machine: MachineActor<typeof scrubMachine> | null = null;
  /** Of the rest, or of the schedule. */
  #timer: Timer | null = null;
  /** Counts scrubs that began. */
  #number = 0;
  #completed = 0;
  /** By wall time, for it outlives processes. */
  #completedAtMs: number | null = null;
  /** An operator ended the last one: the next is due as if it had come to its end then. */
  #isPutOff = false;
  /** What is asked for belongs to it; answers to an earlier question are of no use. */
  #question = 0;
  #atBytes = 0;
  #totalBytes = 0;
  #startedAt: Instant | null = null;
  #found: ScrubAnswer = nothingFound;
  /** Of the last range. */
  #rangeBytes = 0;

  constructor(parts: VolumeScrubParts) {
    this.#parts = parts;
  }

  start(): void {
    const { volume, actor, clock, log } = this.#parts;
    this.#machine = runMachine({
      machine: this.#wiredMachine(),
      name: `scrub:${volume}`,
      input: undefined,
      ...{ actor, clock, log },
      onFailure: () => this.stop(),
    });
    if (this.#parts.isNamesake) this.#parts.times.forget();
    else this.#parts.times.read((completedAtMs) => this.#toldOf(completedAtMs));
  }

  stop(): void {
    this.#end();
    this.#machine?.stop();
    this.#machine = null;
  }

  /** An operator wants one. One that goes on already is that. */
  request(): void {
    this.#send({ type: 'scrub.requested' });
  }

  /** An operator wants none. */
  cancel(): void {
    this.#isPutOff = this.isScrubbing;
    this.#send({ type: 'scrub.stopped' });
  }

  get progress(): ScrubProgress {
    const snapshot = this.#machine?.getSnapshot();
    return {
      state: snapshot === undefined ? 'stopped' : stateText(snapshot.value),
      reason: snapshot?.context.reason ?? '',
      number: this.#number,
      completed: this.#completed,
      completedAtMs: this.#completedAtMs,
      doneBytes: this.#atBytes,
      totalBytes: this.#totalBytes,
      etaSeconds: this.#etaSeconds,
      ...this.#found,
    };
  }

  get #etaSeconds(): number | null {
    if (!this.isScrubbing || this.#startedAt === null || this.#atBytes === 0) return null;
    const tookSeconds = (this.#parts.clock.now() - this.#startedAt) / 1000;
    return Math.ceil(((this.#totalBytes - this.#atBytes) * tookSeconds) / this.#atBytes);
  }

  #wiredMachine(): typeof scrubMachine {
    return scrubMachine.provide({
      actions: {
        awaitSchedule: () => this.#awaitSchedule(),
        beginScrub: () => this.#begin(),
        askRange: () => this.#askRange(),
        rest: () => this.#rest(),
        endScrub: () => this.#end(),
        noteComplete: () => this.#noteComplete(),
      },
    });
  }

  #send(event: ScrubEvent): void {
    this.#machine?.send(event);
  }

  /** What is known here already is newer. */
  #toldOf(completedAtMs: number): void {
    if (this.#machine === null || this.#completedAtMs !== null) return;
    this.#completedAtMs = completedAtMs;
    if (!this.isScrubbing) this.#awaitSchedule();
  }

  #noteComplete(): void {
    this.#completed = this.#number;
    this.#completedAtMs = this.#parts.clock.wallTimeMs();
    this.#parts.times.write(this.#completedAtMs);
  }

  #awaitSchedule(): void {
    const everyMs = this.#parts.policy.everyHours * msPerHour;
    if (everyMs > 0) this.#after(this.#dueInMs(everyMs), () => this.#due());
  }

  /** Wall time may have jumped: a time that is still to come was told by a clock that was wrong, and says nothing. */
  #dueInMs(everyMs: number): number {
    if (this.#isPutOff) return everyMs;
    const completedAtMs = this.#completedAtMs ?? Number.POSITIVE_INFINITY;
    const sinceMs = this.#parts.clock.wallTimeMs() - completedAtMs;
    if (sinceMs < -aheadMsMax) return Math.min(everyMs, unknownMsMax);
    return Math.max(0, everyMs - Math.max(0, sinceMs));
  }

  /** Volumes lie on the same disks: one after the other. */
  #due(): void {
    if (this.#parts.mayBegin()) this.#send({ type: 'scrub.due' });
    else this.#after(turnMs, () => this.#due());
  }

  get isScrubbing(): boolean {
    return this.#machine?.getSnapshot().matches('scrubbing') === true;
  }

  /** One that waits until its volume serves again, perhaps never, burdens no disk. */
  get isUnderWay(): boolean {
    return this.isScrubbing && this.#parts.servedBy() !== null;
  }

  #begin(): void {
    this.#clearTimer();
    this.#isPutOff = false;
    this.#number++;
    this.#atBytes = 0;
    this.#startedAt = this.#parts.clock.now();
    this.#found = nothingFound;
  }

  #end(): void {
    this.#question++;
    this.#clearTimer();
  }

  /** As much as one coordinator serves there, and is scrubbed at a time. */
  #askRange(): void {
    const { actor, clock, volume } = this.#parts;
    const question = ++this.#question;
    const answered = (event: ScrubEvent) => {
      if (question === this.#question) this.#send(event);
    };
    const record = this.#parts.servedBy();
    if (record === null) {
      clock.soon(() => answered({ type: 'range.refused', reason: 'the volume does not serve' }));
      return;
    }
    const { coordinatorMap, partitions, sizeBytes } = record;
    this.#totalBytes = roundUp(sizeBytes, blockBytes);
    const offset = unitOf<VolumeOffset>(this.#atBytes);
    const coordinator = partitions[partitionOf(coordinatorMap, offset)]?.coordinator;
    const end = Math.min(
      this.#totalBytes,
      partitionEnd(coordinatorMap, offset),
      offset + scrubBytesMax,
    );
    if (coordinator === undefined || end <= offset) {
      const reason = 'its record makes no sense';
      clock.soon(() => answered({ type: 'range.refused', reason }));
      return;
    }
    const body = { volume, offset, lengthBytes: end - offset };
    const receiver = { kind: 'switch', id: coordinator } as const;
    actor.ask(receiver, verbs.scrub, body, answerTimeoutMs, (answer) => {
      if (question !== this.#question) return;
      const told = answer.ok ? scrubAnswerSchema.safeParse(answer).data : undefined;
      const why = answer.ok ? 'its answer makes no sense' : answer.message;
      if (told === undefined)
        answered({ type: 'range.refused', reason: `switch ${coordinator}: ${why}` });
      else answered(this.#scrubbed(end, told));
    });
  }

  #scrubbed(end: number, told: ScrubAnswer): ScrubEvent {
    this.#rangeBytes = end - this.#atBytes;
    this.#atBytes = end;
    this.#found = added(this.#found, told);
    return { type: end === this.#totalBytes ? 'volume.scrubbed' : 'range.scrubbed' };
  }

  #rest(): void {
    const bytesPerMs = Math.max(blockBytes, this.#parts.policy.bytesPerSecond) / 1000;
    this.#after(this.#rangeBytes / bytesPerMs, () => this.#send({ type: 'rest.over' }));
  }

  #after(delayMs: number, run: () => void): void {
    const { clock } = this.#parts;
    this.#clearTimer();
    const stepMs = Math.min(delayMs, timerMsMax);
    this.#timer = clock.setTimeout(() => {
      this.#timer = null;
      if (delayMs > stepMs) this.#after(delayMs - stepMs, run);
      else run();
    }, stepMs);
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function added(one: ScrubAnswer, other: ScrubAnswer): ScrubAnswer {
  const isFirst = one.keptAt < 0;
  return {
    verifiedBytes: one.verifiedBytes + other.verifiedBytes,
    skippedBytes: one.skippedBytes + other.skippedBytes,
    repairedBlocks: one.repairedBlocks + other.repairedBlocks,
    keptBlocks: one.keptBlocks + other.keptBlocks,
    keptAt: isFirst ? other.keptAt : one.keptAt,
    keptReason: isFirst ? other.keptReason : one.keptReason,
  };
}
