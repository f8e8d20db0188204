/** What a switch says of itself in its description: plain facts and counters, for `status` and for people. */
import type { SwitchLoadFacts } from '../../protocols/load.ts';
import type { Answers } from './answers.ts';
import type { CachedReads } from './cached-reads.ts';
import type { VolumeCoordinator } from './coordinator.ts';
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
    underWay: underWayOf(parts),
  };
}

/** What a switch has not ended: nothing, when nobody asks for anything and nothing is wrong. */
export interface SwitchUnderWay {
  /** Frames to disks that wait for their answers. */
  readonly calls: number;
  /** I/Os of hosts, as they are remembered. */
  readonly ios: number;
  /** I/Os of hosts, as they are counted against what may be open. */
  readonly countedIos: number;
  readonly spans: number;
  /** What holds blocks, or waits for them: I/Os, copies and repairs. */
  readonly holders: number;
}

function underWayOf({ calls, virtualizing }: SwitchParts): SwitchUnderWay {
  const coordinators = [...virtualizing.volumes].map(({ coordinator }) => coordinator);
  const sum = (of: (each: VolumeCoordinator) => number) =>
    coordinators.reduce((before, each) => before + of(each), 0);
  return {
    calls: calls.openCount,
    ios: sum(({ attachments }) => attachments.openIos),
    countedIos: sum(({ openIos }) => openIos),
    spans: sum(({ spans }) => spans.openCount),
    holders: sum(({ partitions }) => partitions.reduce((n, { open }) => n + open.length, 0)),
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
