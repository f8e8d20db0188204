/** What a host has not ended: all of it comes to nothing when its consumers ask for nothing and nothing is wrong. */
import type { Attachment } from './attachment.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Paths } from './paths.ts';

export interface HostUnderWay {
  /** Of consumers. */
  readonly ios: number;
  /** Of these: wait for a slot or credits. */
  readonly queuedIos: number;
  /** With writes whose end is not known yet. */
  readonly volumesInWrite: number;
  /** Physical I/Os: each holds a slot. */
  readonly parts: number;
  /** Frames that count as sent, at the links that they left by and at where they go to. */
  readonly outstandingFrames: number;
  /** Machines that handle trouble. */
  readonly failovers: number;
  readonly mirrorRetries: number;
  readonly cacheCleanups: number;
}

export function underWayOf(
  { open, failovers, mirrorRetries }: Dispatcher,
  paths: Paths,
  attachments: readonly Attachment[],
): HostUnderWay {
  const volumes = attachments.flatMap(({ volume }) => (volume === null ? [] : [volume]));
  return {
    ios: volumes.reduce((sum, { openIos }) => sum + openIos, 0),
    volumesInWrite: volumes.filter(({ hasOpenWrites }) => hasOpenWrites).length,
    ...open,
    outstandingFrames: paths.outstandingFrames,
    failovers: [...failovers].length,
    mirrorRetries: mirrorRetries.machines.length,
    cacheCleanups: volumes.flatMap(({ caches }) => caches?.facts() ?? []).length,
  };
}
