/** `sanctor explain`: where a block of a volume is, which way its I/O takes, and why, as the hosts that use it see it. */
import { type Answer, verbs } from '../../protocols/commands.ts';
import {
  cachedAnswerSchema,
  type Explanation,
  explanationSchema,
  type Kept,
} from '../../protocols/explanation.ts';
import { isId } from '../../protocols/ids.ts';
import { parseSize, sizeHelp } from '../../protocols/topology/sizes.ts';
import type { ClusterClient } from '../cluster-client.ts';
import type { CommonOptions } from './common-options.ts';
import { explanationText } from './explain-text.ts';
import { type ConnectedCluster, withCluster } from './with-cluster.ts';

export interface ExplainOptions extends CommonOptions {
  readonly host?: string;
}

/** @throws Error when no host can explain it; the message says why. */
export async function explain(
  volume: string,
  offsetText: string,
  options: ExplainOptions,
): Promise<void> {
  const offset = parseSize(offsetText);
  if (offset === null) throw new Error(`${offsetText} is no offset; expected ${sizeHelp}`);
  if (!isId(volume)) throw new Error(`${volume} is no name of a volume`);
  const explanations = await withCluster(options.cluster, (connected) =>
    ask(connected, volume, offset, options.host),
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify(explanations, null, 2)}\n`);
  else process.stdout.write(`${explanations.map(explanationText).join('\n\n')}\n`);
}

/** The host that is named, or all of them; then those that do not attach the volume are passed over. */
async function ask(
  { client, topology }: ConnectedCluster,
  volume: string,
  offset: number,
  host: string | undefined,
): Promise<readonly Explanation[]> {
  const hosts = topology.hosts.filter(({ id }) => host === undefined || id === host);
  if (hosts.length === 0)
    throw new Error(
      `there is no host ${host}; there are ${topology.hosts.map(({ id }) => id).join(', ')}`,
    );
  const answers = await Promise.all(
    hosts.map(async ({ id }) => ({
      id,
      answer: await client.ask({ kind: 'host', id }, verbs.explain, { volume, offset }),
    })),
  );
  const explanations = answers.flatMap(({ answer }) =>
    answer.ok ? [explanationSchema.parse(answer)] : [],
  );
  if (explanations.length > 0)
    return Promise.all(explanations.map((each) => lookIntoCache(client, each)));
  const problems = answers.flatMap(({ id, answer }) => (answer.ok ? [] : [problemOf(id, answer)]));
  throw new Error([...new Set(problems)].join('; '));
}

/** What the host cannot know: whether the switch has kept the block. */
async function lookIntoCache(client: ClusterClient, found: Explanation): Promise<Explanation> {
  const { volume, offset, cache, attach } = found;
  if (!cache.mayAnswer || cache.switch === '') return found;
  const query = { volume, offset, attachEpoch: attach.epoch, regionWrites: cache.regionWrites };
  const answer = await client.ask({ kind: 'switch', id: cache.switch }, verbs.cached, query);
  const kept = answer.ok ? cachedAnswerSchema.safeParse(answer).data?.kept : undefined;
  return { ...found, cache: { ...cache, ...keptText(cache.switch, kept) } };
}

function keptText(id: string, kept: Kept | undefined) {
  switch (kept) {
    case 'yes':
      return {
        mayAnswer: true,
        why: `${id} has kept it, and nothing was written to its region since`,
      };
    case 'old':
      return {
        mayAnswer: false,
        why: `${id} has kept it, but it was read before the last write to its region`,
      };
    case 'unproven':
      return {
        mayAnswer: false,
        why: `${id} has kept it, and has one read go to the disk first: none has answered there of late`,
      };
    case 'no':
      return { mayAnswer: false, why: `${id} has not kept it; the next read brings it there` };
    default:
      return {
        mayAnswer: false,
        why: `whether ${id} has kept it is not known: it does not answer`,
      };
  }
}

function problemOf(host: string, { reason, message }: Extract<Answer, { ok: false }>): string {
  const isSilent = reason === 'no-responders' || reason === 'timeout';
  return isSilent ? `host ${host} does not answer; see sanctor status` : message;
}
