/** `sanctor volume assemble`: has a volume assembled without a mirror that has all that was written, and will not be back. */
import { type Answer, verbs } from '../../protocols/commands.ts';
import { VolumeClient } from '../volume-client.ts';
import type { CommonOptions } from './common-options.ts';
import { type Look, waitUntil } from './volume-wait.ts';
import { withCluster } from './with-cluster.ts';

export interface AssembleOptions extends CommonOptions {
  /** The disks whose mirrors are right, as in `d2` or `d2,d4`. */
  readonly from: string;
  /** Else it is only said what would be lost. */
  readonly force?: boolean;
}

const servesWithinMs = 60_000;

/**
 * Says what is lost, or would be. Without `--force` nothing is changed.
 *
 * @throws Error when it cannot be, or does not serve in time; the message says why.
 */
export async function assemble(volume: string, options: AssembleOptions): Promise<void> {
  const isForced = options.force === true;
  const disks = options.from.split(',').map((each) => each.trim());
  const { what, unserved } = await withCluster(options.cluster, async ({ client, topology }) => {
    const volumes = new VolumeClient(client, topology);
    await volumes.find(volume);
    const order = async (body: object): Promise<Answer & { ok: true }> => {
      const answer = await volumes.ask(verbs.assembleVolume, { volume, disks, ...body });
      if (answer.ok) return answer;
      const from = disks.join(', ');
      throw new Error(`volume ${volume} is not assembled from ${from}: ${answer.message}`);
    };
    const { what, generation } = await order({ isForced: false });
    if (!isForced) return { what: String(what), unserved: '' };
    await order({ isForced: true, generation });
    const seen = await untilServing(volumes, volume);
    return { what: String(what), unserved: seen.outcome === 'waiting' ? seen.reason : '' };
  });
  const text = isForced
    ? `volume ${volume} is assembled: ${what}\n`
    : `volume ${volume} would be assembled like this: ${what}\nNothing was changed; --force does it.\n`;
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ volume, isForced, what }, null, 2)}\n` : text,
  );
  if (unserved !== '')
    throw new Error(`volume ${volume} does not serve yet: ${unserved}; see sanctor status`);
}

function untilServing(volumes: VolumeClient, volume: string): Promise<Look<true>> {
  return waitUntil(async (): Promise<Look<true>> => {
    const { state, reason } = await volumes.find(volume);
    if (state === 'serving') return { outcome: 'done', result: true };
    return { outcome: 'waiting', reason: reason || `it is ${state}` };
  }, servesWithinMs);
}
