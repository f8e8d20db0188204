/** Volumes of a running cluster, as its virtualizer and its hosts tell of them: for the command line and tests. */
import { z } from 'zod';
import {
  type Answer,
  descriptionSchema,
  type RefusalReason,
  verbs,
} from '../protocols/commands.ts';
import type { Topology } from '../protocols/topology.ts';
import { type ListedVolume, listedVolumeSchema } from '../protocols/volume-definition.ts';
import type { ClusterClient } from './cluster-client.ts';

/** An export as its host serves it. */
const servedExportSchema = z.looseObject({
  volume: z.string(),
  name: z.string(),
  /** '' while nobody can connect. */
  uri: z.string(),
  problem: z.string(),
});
export type ServedExport = z.infer<typeof servedExportSchema> & { readonly host: string };
const hostFactsSchema = z.looseObject({ exports: z.array(servedExportSchema).default([]) });

const lastLifeSchema = z.looseObject({ lastLife: z.number() });
const answersSchema = z.looseObject({ volumes: z.array(listedVolumeSchema) });

/** Long enough for a config database that has to be asked again. */
const answerTimeoutMs = 10_000;

export class VolumeClient {
  readonly #client: ClusterClient;
  readonly #topology: Topology;

  constructor(client: ClusterClient, topology: Topology) {
    this.#client = client;
    this.#topology = topology;
  }

  /** Asks the virtualizers, one after the other until one decides. */
  async ask(verb: string, body: object = {}): Promise<Answer> {
    let last: Answer = { ok: false, reason: 'no-responders', message: 'there is no virtualizer' };
    for (const { id } of this.#topology.virtualizers) {
      last = await this.#client.ask({ kind: 'virtualizer', id }, verb, body, answerTimeoutMs);
      if (last.ok || !makesWay(last.reason)) return last;
    }
    return last;
  }

  /** All volumes, by name. @throws Error when no virtualizer says which there are. */
  async list(): Promise<readonly ListedVolume[]> {
    const answer = await this.ask(verbs.listVolumes);
    const parsed = answersSchema.safeParse(answer.ok ? answer : null);
    if (parsed.success)
      return parsed.data.volumes.toSorted((a, b) => (a.volume < b.volume ? -1 : 1));
    const why = answer.ok ? 'its answer is of another version' : answer.message;
    throw new Error(`no virtualizer says which volumes there are: ${why}; see sanctor status`);
  }

  /** Of the last volume of that name, for `create-volume`. @throws Error as `list` does */
  async lastLife(name: string): Promise<number> {
    const answer = await this.ask(verbs.listVolumes, { volume: name });
    const parsed = lastLifeSchema.safeParse(answer.ok ? answer : null);
    if (parsed.success) return parsed.data.lastLife;
    const why = answer.ok ? 'its answer is of another version' : answer.message;
    throw new Error(`no virtualizer says whether there was a volume ${name}: ${why}`);
  }

  /** @throws Error with the names that there are when there is no such volume. */
  async find(name: string): Promise<ListedVolume> {
    const volumes = await this.list();
    const found = volumes.find(({ volume }) => volume === name);
    if (found !== undefined) return found;
    const names = volumes.map(({ volume }) => volume).join(', ') || 'none';
    throw new Error(`there is no volume ${name}; there are: ${names}`);
  }

  /** What the hosts serve now. A host that does not answer serves nothing. */
  async served(): Promise<readonly ServedExport[]> {
    const answers = await Promise.all(
      this.#topology.hosts.map(async ({ id }) => {
        const answer = await this.#client.ask({ kind: 'host', id }, verbs.describe);
        const facts = descriptionSchema.safeParse(answer).data?.facts;
        const exports = hostFactsSchema.safeParse(facts).data?.exports ?? [];
        return exports.map((each) => ({ ...each, host: id }));
      }),
    );
    return answers.flat();
  }
}

function makesWay(reason: RefusalReason): boolean {
  return reason === 'inactive' || reason === 'no-responders' || reason === 'timeout';
}
