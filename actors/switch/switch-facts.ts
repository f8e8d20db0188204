/** What a switch says of itself in its description: plain facts and counters, for `status` and for people. */
import type { SwitchLoadFacts } from '../../protocols/load.ts';
import type { Answers } from './answers.ts';
import type { CachedReads } from './cached-reads.ts';
import type { Forwarding } from './forwarding.ts';
import type { LegCalls } from './leg-calls.ts';
import type { PartitionMode } from './partition.ts';
import type { SwitchOptions } from './switch.ts';
import type { Virtualizing } from './virtualizing.ts';

export interface SwitchCounters {
  receivedFrames: number;
  /** Received, and not a frame of the kind that belongs there. */
  invalidFrames: number;
  /** Received while the switch was isolated. */
  droppedFrames: number;
}

/** A partition that the switch coordinates. */
export interface CoordinatorFacts {
  readonly volume: string;
  readonly partition: number;
  readonly epoch: number;
  readonly mode: PartitionMode;
  /** I/Os that have not ended. */
  readonly open: number;
  readonly problem: string;
}

export interface SwitchParts {
  readonly options: SwitchOptions;
  readonly load: SwitchLoadFacts;
  readonly counters: SwitchCounters;
  readonly calls: LegCalls;
  readonly forwarding: Forwarding;
  readonly answers: Answers;
  readonly cachedReads: CachedReads | null;
  readonly virtualizing: Virtualizing;
}

/** More than these are not listed: a description is one message. */
const coordinatorsListedMax = 256;

export function switchFactsOf(parts: SwitchParts): Record<string, unknown> {
  const { options, virtualizing } = parts;
  const volumes = [...virtualizing.volumes];
  return {
    virtualizing: options.virtualizing,
    links: options.links.map(({ link, receiver }) => ({ link, receiver })),
    load: parts.load,
    layoutMemory: {
      usedBytes: virtualizing.memory.usedBytes,
      maxBytes: virtualizing.memory.bytesMax,
    },
    ...(parts.cachedReads === null ? {} : { cache: parts.cachedReads.facts() }),
    volumes: volumes.map((volume) => ({
      volume: volume.volume.load.volume,
      generation: volume.volume.load.generation,
      ...volume.settlingReport(),
      ...volume.coordinator.counters,
    })),
    coordinators: coordinatorsOf(virtualizing).slice(0, coordinatorsListedMax),
    counters: {
      ...parts.counters,
      forwards: parts.forwarding.forwarded,
      deadLinks: parts.forwarding.deadLinks,
      forgottenErrors: parts.forwarding.forgottenErrors,
      ...virtualizing.spanning.counters,
      acknowledgedWrites: parts.answers.acknowledged,
      refusals: { ...parts.answers.refusals },
      retransmissions: parts.calls.retransmissions,
      strayReplies: parts.calls.strayReplies,
      openCalls: parts.calls.openCount,
    },
  };
}

function coordinatorsOf(virtualizing: Virtualizing): readonly CoordinatorFacts[] {
  return [...virtualizing.volumes].flatMap(({ volume, coordinator }) =>
    coordinator.partitions.map(({ number, epoch, mode, open, problem }) => ({
      volume: volume.load.volume,
      partition: number,
      epoch,
      mode,
      open: open.length,
      problem,
    })),
  );
}
