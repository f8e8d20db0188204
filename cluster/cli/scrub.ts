/** `sanctor scrub`: has a volume verified and repaired where it is bad, while it is in use, and waits for the end. */
import { verbs } from '../../protocols/commands.ts';
import { type ScrubOrder, type ScrubProgress, scrubProgressSchema } from '../../protocols/scrub.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';
import { VolumeClient } from '../volume-client.ts';
import { ByteProgress } from './byte-progress.ts';
import type { CommonOptions } from './common-options.ts';
import { type Look, waitUntil } from './volume-wait.ts';
import { withCluster } from './with-cluster.ts';

export interface ScrubOptions extends CommonOptions {
  /** Only begins it. */
  readonly detach?: boolean;
  /** Ends one that goes on. */
  readonly stop?: boolean;
}

/** A volume of any size comes to its end, as long as it serves. */
const scrubWithinMs = Number.POSITIVE_INFINITY;

/**
 * Prints what was found; the exit code is 1 when blocks had to be left as they were.
 *
 * @throws Error when it cannot be begun, or was ended by others; the message says why.
 */
export async function scrub(volume: string, options: ScrubOptions): Promise<void> {
  const progress = await withCluster(options.cluster, async ({ client, topology }) => {
    const volumes = new VolumeClient(client, topology);
    await volumes.find(volume);
    const ask = (action: ScrubOrder['action']) => askedOf(volumes, volume, action);
    if (options.stop === true) return ask('stop');
    const begun = await ask('start');
    return options.detach === true ? begun : finished(ask, begun);
  });
  const text = progressText(volume, progress, options.detach === true);
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ volume, ...progress }, null, 2)}\n` : text,
  );
  if (progress.keptBlocks > 0) process.exitCode = 1;
}

type Ask = (action: ScrubOrder['action']) => Promise<ScrubProgress>;

async function finished(ask: Ask, begun: ScrubProgress): Promise<ScrubProgress> {
  const shown = new ByteProgress(process.stderr);
  if (begun.doneBytes > 0)
    process.stderr.write(
      `it is being scrubbed already: ${sizeText(begun.doneBytes)} were done before; sanctor scrub --stop ends that one\n`,
    );
  const look = async (): Promise<Look<ScrubProgress>> => {
    const progress = await ask('look');
    const { number, completed, doneBytes, totalBytes, state, reason } = progress;
    if (completed >= begun.number) return { outcome: 'done', result: progress };
    if (number !== begun.number)
      throw new Error(
        'the virtualizer that had the volume scrubbed is not in charge any more; begin again',
      );
    if (state === 'idle' || state === 'stopped')
      throw new Error(`the scrub has ended before its end: ${reason}`);
    if (doneBytes > 0) shown.stepped(doneBytes, totalBytes);
    return { outcome: 'waiting', reason };
  };
  try {
    const seen = await waitUntil(look, scrubWithinMs);
    if (seen.outcome === 'done') return seen.result;
    throw new Error(seen.reason);
  } finally {
    shown.clear();
  }
}

async function askedOf(
  volumes: VolumeClient,
  volume: string,
  action: ScrubOrder['action'],
): Promise<ScrubProgress> {
  const answer = await volumes.ask(verbs.scrubVolume, { volume, action });
  const progress = scrubProgressSchema.safeParse(answer.ok ? answer : null).data;
  if (progress !== undefined) return progress;
  const why = answer.ok ? 'its answer is of another version' : answer.message;
  throw new Error(`the virtualizer cannot have volume ${volume} scrubbed: ${why}`);
}

/** What was found, or how far it is, for people. */
export function progressText(volume: string, progress: ScrubProgress, isBegun: boolean): string {
  const { state, reason, number, completed, doneBytes, totalBytes } = progress;
  const { verifiedBytes, skippedBytes, repairedBlocks, keptBlocks, keptAt, keptReason } = progress;
  const isOver = state === 'idle';
  const how = isBegun && !isOver ? 'is being scrubbed' : 'was scrubbed';
  const upTo =
    completed === number ? '' : ` up to ${sizeText(doneBytes)} of ${sizeText(totalBytes)}`;
  const why = reason === '' ? '' : ` (${reason})`;
  const verified = `${sizeText(verifiedBytes)} verified on all mirrors in sync together`;
  const repaired = `${repairedBlocks} ${repairedBlocks === 1 ? 'block' : 'blocks'} repaired`;
  const skipped =
    skippedBytes === 0
      ? []
      : [`  ${sizeText(skippedBytes)} on mirrors that are not in sync were not looked at`];
  const kept =
    keptBlocks === 0
      ? []
      : [
          `  ${keptBlocks} ${keptBlocks === 1 ? 'block' : 'blocks'} could not be repaired, the first at ${sizeText(keptAt)}: ${keptReason}`,
          '  what is written there anew is good again; sanctor watch names each as it is found',
        ];
  if (number === 0) return `${volume}: no scrub was begun\n`;
  return `${[`${volume} ${how}${upTo}${why}: ${verified}, ${repaired}`, ...skipped, ...kept].join('\n')}\n`;
}
