/** `sanctor failback`: hosts prefer links and HBAs again that failed, work again, and are kept in reserve or in quarantine. */
import { z } from 'zod';
import { verbs } from '../../protocols/commands.ts';
import type { CommonOptions } from './common-options.ts';
import { withCluster } from './with-cluster.ts';

export interface FailbackOptions extends CommonOptions {
  readonly link?: string;
  readonly hba?: string;
}

const answerSchema = z.looseObject({ links: z.array(z.string()), hbas: z.array(z.string()) });

/** @param host all hosts when left out. @throws Error when one does not do it; the message says why and what to do. */
export async function failback(host: string | undefined, options: FailbackOptions): Promise<void> {
  const { link, hba } = options;
  const done = await withCluster(options.cluster, async ({ client, topology }) => {
    const ids = topology.hosts.map(({ id }) => id);
    const asked = ids.filter((id) => host === undefined || id === host);
    if (asked.length === 0)
      throw new Error(`there is no host ${host}; there are ${ids.join(', ')}`);
    return Promise.all(
      asked.map(async (id) => {
        const body = {
          ...(link === undefined ? {} : { link }),
          ...(hba === undefined ? {} : { hba }),
        };
        const answer = await client.ask({ kind: 'host', id }, verbs.failback, body);
        if (answer.ok) return { host: id, ...answerSchema.parse(answer), problem: '' };
        const isSilent = answer.reason === 'no-responders' || answer.reason === 'timeout';
        const problem = isSilent
          ? `host ${id} does not answer; see sanctor status`
          : `${answer.message}; sanctor status --paths shows its HBAs and links`;
        return { host: id, links: [], hbas: [], problem };
      }),
    );
  });
  const failed = done.filter(({ problem }) => problem !== '');
  // Where all hosts are asked, a link or HBA is one host's.
  const isOneOnly = link !== undefined || hba !== undefined;
  const isEnough = isOneOnly && host === undefined && failed.length < done.length;
  if (failed.length > 0 && !isEnough)
    throw new Error(failed.map(({ problem }) => problem).join('; '));
  const results = done
    .filter(({ problem }) => problem === '')
    .map(({ host: id, links, hbas }) => ({ host: id, links, hbas }));
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(results, null, 2)}\n`
      : results.map(({ host: id, links, hbas }) => `${textOf(id, [...hbas, ...links])}\n`).join(''),
  );
}

function textOf(host: string, parts: readonly string[]): string {
  return parts.length === 0
    ? `host ${host}: no path is in reserve or in quarantine`
    : `host ${host} prefers again what leads over ${parts.join(', ')}`;
}
