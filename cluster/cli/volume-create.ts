/** `sanctor volume create`: asks for a volume until it serves, and prints where its consumers find it. */
import { parse } from 'yaml';
import { type Answer, verbs } from '../../protocols/commands.ts';
import { isId } from '../../protocols/ids.ts';
import { nbdPortDefault } from '../../protocols/topology/listen.ts';
import type { Topology } from '../../protocols/topology.ts';
import { type CreateVolume, volumeProgressSchema } from '../../protocols/volume-definition.ts';
import { type ServedExport, VolumeClient } from '../volume-client.ts';
import type { CommonOptions } from './common-options.ts';
import { type Look, waitUntil } from './volume-wait.ts';
import { withCluster } from './with-cluster.ts';

export interface CreateOptions extends CommonOptions {
  readonly size: string;
  readonly layout: string;
  readonly export?: string;
  readonly attach: string;
  readonly readOnly?: boolean;
  readonly listen?: readonly string[];
  readonly coordinators?: string;
  readonly hosts?: string;
  readonly logicalBlock: string;
  /** Seconds. */
  readonly wait: number;
}

/** @throws Error when the volume cannot be made, or does not serve in time; the message says why and what to do. */
export async function createVolume(name: string, options: CreateOptions): Promise<void> {
  const exports = await withCluster(options.cluster, async ({ client, topology }) => {
    const volumes = new VolumeClient(client, topology);
    const body = bodyOf(name, options, topology);
    let follows: number | undefined;
    const seen = await waitUntil(async (): Promise<Look<readonly ServedExport[]>> => {
      // What is no name at all is for the virtualizer to refuse.
      if (isId(name)) follows ??= await volumes.lastLife(name).catch(() => undefined);
      if (isId(name) && follows === undefined)
        return { outcome: 'waiting', reason: 'no virtualizer decides' };
      return look(volumes, name, follows === undefined ? body : { ...body, follows });
    }, options.wait * 1000);
    if (seen.outcome === 'done') return seen.result;
    throw new Error(
      `volume ${name} does not serve yet: ${seen.reason}; it is made when that has changed ` +
        `(see sanctor volume list), or goes with sanctor volume delete ${name}`,
    );
  });
  const shown = exports.map(({ host, name: exportName, uri }) => ({ host, name: exportName, uri }));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ volume: name, exports: shown }, null, 2)}\n`);
    return;
  }
  for (const { uri } of shown) process.stdout.write(`volume ${name}: ${uri}\n`);
  if (shown.length === 0) process.stdout.write(`volume ${name} is made; no host exports it\n`);
}

/** Asking again does no harm: the same volume is made once. */
async function look(
  volumes: VolumeClient,
  name: string,
  body: CreateVolume,
): Promise<Look<readonly ServedExport[]>> {
  const answer = await volumes.ask(verbs.createVolume, body);
  const reason = waitReason(name, answer);
  if (reason !== '') return { outcome: 'waiting', reason };
  const served = (await volumes.served()).filter(({ volume }) => volume === name);
  const missing = body.exports.find(({ host }) => !served.some((each) => each.host === host));
  if (missing !== undefined)
    return { outcome: 'waiting', reason: `host ${missing.host} has not heard of it yet` };
  const closed = served.find(({ uri }) => uri === '');
  return closed === undefined
    ? { outcome: 'done', result: served }
    : { outcome: 'waiting', reason: `export on host ${closed.host}: ${closed.problem}` };
}

/** '' when the volume serves. @throws Error when it never will. */
function waitReason(name: string, answer: Answer): string {
  if (!answer.ok) {
    if (answer.reason === 'not-ready' || isUndecided(answer)) return answer.message;
    throw new Error(`volume ${name} is not created: ${answer.message.replaceAll('\n', '\n  ')}`);
  }
  const progress = volumeProgressSchema.safeParse(answer).data;
  if (progress?.state === 'serving') return '';
  const { waitingFor = '', reason = '', state = '' } = progress ?? {};
  return waitingFor === '' ? reason || `it is ${state}` : `${waitingFor} to confirm`;
}

/** No virtualizer decides now, as far as can be told. */
function isUndecided(answer: Answer): boolean {
  return !answer.ok && ['inactive', 'no-responders', 'timeout'].includes(answer.reason);
}

function bodyOf(name: string, options: CreateOptions, topology: Topology): CreateVolume {
  const { size, attach, readOnly = false } = options;
  const exporting = exportingHosts(options, topology);
  const listens = listensOf(options.listen ?? [], exporting);
  const hosts = namesOf(options.hosts) ?? (exporting.length > 0 ? exporting : ['all']);
  return {
    volume: {
      id: name,
      size,
      layout: yamlOf('--layout', options.layout),
      logicalBlockBytes: Number(options.logicalBlock),
      hosts: hosts.length === 1 && hosts[0] === 'all' ? 'all' : hosts,
      ...(options.coordinators === undefined ? {} : coordinatorsOf(options.coordinators)),
    },
    exports: exporting.map((host) => {
      const listen = listens.get(host);
      return { host, attach, readOnly, ...(listen === undefined ? {} : { listen }) };
    }),
  };
}

/** @throws Error when several hosts could be meant. */
function exportingHosts(options: CreateOptions, topology: Topology): readonly string[] {
  const named = namesOf(options.export);
  if (named !== undefined) return named.length === 1 && named[0] === 'none' ? [] : named;
  const hosts = topology.hosts.map(({ id }) => id);
  if (hosts.length === 1) return hosts;
  throw new Error(
    `say which hosts export it: --export ${hosts[0]}, or several, or none (there are ${hosts.join(', ')})`,
  );
}

/** Addresses by host: one for all who export, or HOST=ADDRESS. */
function listensOf(
  listens: readonly string[],
  exporting: readonly string[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const listen of listens) {
    const [, host = '', address = ''] = /^([A-Za-z0-9_-]+)=(.*)$/.exec(listen) ?? [];
    if (host !== '' && !exporting.includes(host))
      throw new Error(`--listen ${listen}: host ${host} does not export the volume`);
    if (host === '' && exporting.length > 1)
      throw new Error(
        `--listen ${listen}: say for which host, as in ${exporting[0]}=nbd://127.0.0.1:${nbdPortDefault + 1}`,
      );
    for (const each of host === '' ? exporting : [host]) found.set(each, address || listen);
  }
  return found;
}

/** A list of switches is short for the whole. */
function coordinatorsOf(text: string): { readonly coordinators: unknown } {
  const value: unknown = yamlOf('--coordinators', text);
  if (typeof value === 'string')
    return { coordinators: { map: 'modulo', switches: namesOf(value) } };
  return { coordinators: Array.isArray(value) ? { map: 'modulo', switches: value } : value };
}

/** @throws Error when it is not YAML; what it means is judged by the virtualizer. */
function yamlOf(option: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split('\n');
    throw new Error(`${option} is not YAML: ${reason}`);
  }
}

function namesOf(list: string | undefined): readonly string[] | undefined {
  return list
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
