/** `sanctor volume move-coordinator`: has another switch coordinate partitions of a volume, and waits until it does. */
import { z } from 'zod';
import { verbs } from '../../protocols/commands.ts';
import { VolumeClient } from '../volume-client.ts';
import type { CommonOptions } from './common-options.ts';
import { tableOf } from './table.ts';
import { type Look, waitUntil } from './volume-wait.ts';
import { withCluster } from './with-cluster.ts';

export interface MoveOptions extends CommonOptions {
  readonly partition?: string;
  readonly to?: string;
}

const partitionsSchema = z.array(
  z.looseObject({ partition: z.number(), coordinator: z.string(), preferred: z.string() }),
);
type Partitions = z.infer<typeof partitionsSchema>;

const movedWithinMs = 30_000;

/** @throws Error when it cannot be, or is not done in time; the message says why. */
export async function moveCoordinator(volume: string, options: MoveOptions): Promise<void> {
  const partition = numberOf(options.partition);
  const seen = await withCluster(options.cluster, async ({ client, topology }) => {
    const volumes = new VolumeClient(client, topology);
    await volumes.find(volume);
    const body = {
      volume,
      ...(partition === undefined ? {} : { partition }),
      ...(options.to === undefined ? {} : { to: options.to }),
    };
    let isTaken = false;
    const look = async (): Promise<Look<Partitions>> => {
      if (!isTaken) {
        const answer = await volumes.ask(verbs.moveCoordinator, body);
        if (!answer.ok && (answer.reason === 'refused' || answer.reason === 'invalid'))
          throw new Error(answer.message);
        if (!answer.ok) return { outcome: 'waiting', reason: answer.message };
        isTaken = true;
      }
      const { partitions, state, reason } = await volumes.find(volume);
      const found = partitionsSchema.parse(partitions);
      const isMoved = found.every(({ coordinator, preferred }) => coordinator === preferred);
      return isMoved && state === 'serving'
        ? { outcome: 'done', result: found }
        : { outcome: 'waiting', reason: reason || 'its partitions are being moved' };
    };
    return waitUntil(look, movedWithinMs);
  });
  if (seen.outcome === 'waiting')
    throw new Error(
      `volume ${volume}: the move is not over yet: ${seen.reason}; see sanctor status`,
    );
  const rows = seen.result.map(({ partition: number, coordinator }) => ({
    partition: number,
    coordinator,
  }));
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ volume, partitions: rows }, null, 2)}\n`
      : `${tableOf(rows, ['partition', 'coordinator'])}\n`,
  );
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new Error(`${text} is no number of a partition; sanctor status lists them`);
  return Number(text);
}
