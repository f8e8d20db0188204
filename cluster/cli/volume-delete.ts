/** `sanctor volume delete`: asks once more, and then until the volume is gone. */
import { createInterface } from 'node:readline/promises';
import { verbs } from '../../protocols/commands.ts';
import { volumeProgressSchema } from '../../protocols/volume-definition.ts';
import { VolumeClient } from '../volume-client.ts';
import type { CommonOptions } from './common-options.ts';
import { type Look, waitUntil } from './volume-wait.ts';
import { withCluster } from './with-cluster.ts';

export interface DeleteOptions extends CommonOptions {
  readonly yes?: boolean;
}

const goneWithinMs = 60_000;

/** @throws Error when it must not be deleted, or is not gone in time; the message says why and what to do. */
export async function deleteVolume(name: string, options: DeleteOptions): Promise<void> {
  await withCluster(options.cluster, async ({ client, topology }) => {
    const volumes = new VolumeClient(client, topology);
    const { life, origin } = await volumes.find(name);
    const body = { volume: name, ...(origin === 'created' ? { life } : {}) };
    if (options.yes !== true) await confirm(name);
    let isTold = false;
    const look = async (): Promise<Look<null>> => {
      const answer = await volumes.ask(verbs.deleteVolume, body);
      if (answer.ok) {
        isTold = true;
        return { outcome: 'waiting', reason: waitReason(answer) };
      }
      if (answer.reason === 'unknown' && isTold) return { outcome: 'done', result: null };
      if (answer.reason === 'refused' || answer.reason === 'unknown')
        throw new Error(answer.message);
      return { outcome: 'waiting', reason: answer.message };
    };
    const seen = await waitUntil(look, goneWithinMs);
    if (seen.outcome === 'done') return;
    const fate = isTold
      ? 'it goes when that has changed'
      : 'nothing was done, as far as is known; try again';
    throw new Error(`volume ${name} is not deleted yet: ${seen.reason}; ${fate}`);
  });
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ volume: name, deleted: true }, null, 2)}\n`
      : `volume ${name} is deleted\n`,
  );
}

function waitReason(answer: unknown): string {
  const { waitingFor = '', reason = '' } = volumeProgressSchema.safeParse(answer).data ?? {};
  return waitingFor === '' ? reason : `${waitingFor} to let go of it`;
}

/** @throws Error when nobody is there to be asked, or says no. */
async function confirm(name: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new Error(`volume ${name} and all its data would be lost; say --yes if it shall be`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const said = await terminal.question(
    `volume ${name} and all its data will be lost. Type its name to delete it: `,
  );
  terminal.close();
  if (said.trim() !== name) throw new Error(`volume ${name} is not deleted`);
}
