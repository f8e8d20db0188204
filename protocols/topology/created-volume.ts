/**
 * Volumes that are created while the cluster runs, with their exports: judged by the rules of topology files, and read
 * back from what the config database keeps of them.
 */
import type { z } from 'zod';
import type { HostId } from '../ids.ts';
import { exportSchema, type Topology, type Volume, volumeSchema } from '../topology.ts';
import type {
  CreateVolume,
  DefinedVolume,
  HostExport,
  LiveDefinition,
} from '../volume-definition.ts';
import { collisions, maskProblems, type WrittenExport } from './export-problems.ts';
import { KnownNames } from './known-names.ts';
import { shown, type TopologyPath, type TopologyProblem } from './layout-form.ts';
import { listenText } from './listen.ts';
import { readVolume, writtenOf } from './read-volume.ts';
import { resolveVolume } from './resolve-topology.ts';
import { readValue } from './written-topology.ts';

export type VolumeJudgement =
  | {
      readonly ok: true;
      readonly defined: DefinedVolume;
      /** To be kept. Where its exports listen does not depend on others any more. */
      readonly definition: Omit<LiveDefinition, 'life'>;
    }
  /** Places are `volume.…` and `exports[i].…`, as in the body of the command. */
  | { readonly ok: false; readonly problems: readonly TopologyProblem[] };

/**
 * Judges everything about a volume but the space for it, which the planner knows.
 *
 * @param beside the volumes that were created before
 */
export function judgeVolume(
  topology: Topology,
  beside: readonly DefinedVolume[],
  wanted: CreateVolume,
): VolumeJudgement {
  const whole = joined(topology, beside);
  const read = readVolume(whole, wanted.volume);
  if (!read.ok) {
    const problems = read.problems.map(({ path, problem }) => ({
      path: ['volume', ...path],
      problem,
    }));
    return { ok: false, problems };
  }
  const { volume } = read;
  const problems: TopologyProblem[] = [];
  const exports = wanted.exports.flatMap((entry, index) =>
    readExport(entry, ['exports', index], { whole, volume, problems }),
  );
  if (problems.length === 0) problems.push(...exportProblems(whole, volume, exports));
  if (problems.length > 0) return { ok: false, problems };
  const written = exports.map(({ host, name, attach, readOnly, listen }) => ({
    host,
    name,
    attach,
    readOnly,
    listen: listenText(listen),
  }));
  return {
    ok: true,
    defined: { volume, exports },
    definition: { state: 'wanted', volume: wanted.volume, exports: written },
  };
}

/** The volume of a definition that was judged when it was made; null when this version cannot read it. */
export function readDefinition(
  topology: Topology,
  definition: Omit<LiveDefinition, 'life'>,
): DefinedVolume | null {
  const volume = volumeSchema.safeParse(definition.volume).data;
  if (volume === undefined) return null;
  const exports = definition.exports.flatMap(({ host, ...rest }) => {
    const read = exportSchema.safeParse({ ...rest, volume: volume.id }).data;
    return read === undefined ? [] : [hostExport(host, read)];
  });
  if (exports.length < definition.exports.length) return null;
  return { volume: resolveVolume(volume, writtenOf(topology)), exports };
}

/** The topology as if the created volumes stood in its file. */
function joined(topology: Topology, beside: readonly DefinedVolume[]): Topology {
  const exports = beside.flatMap((defined) => defined.exports);
  return {
    ...topology,
    hosts: topology.hosts.map((host) => ({
      ...host,
      exports: [...host.exports, ...exports.filter((each) => each.host === host.id)],
    })),
    volumes: [...topology.volumes, ...beside.map(({ volume }) => volume)],
  };
}

/** Fields in one order, so that two of them can be compared as texts. */
function hostExport(host: HostId, read: z.output<typeof exportSchema>): HostExport {
  const { volume, name = volume, attach, readOnly, listen } = read;
  return { host, volume, name, attach, readOnly, listen };
}

interface ExportSurroundings {
  readonly whole: Topology;
  readonly volume: Volume;
  readonly problems: TopologyProblem[];
}

/** An export without an address goes to where its host listens already. */
function readExport(
  { host, ...entry }: Readonly<Record<string, unknown>>,
  path: TopologyPath,
  { whole, volume, problems }: ExportSurroundings,
): readonly HostExport[] {
  const found = whole.hosts.find(({ id }) => id === host);
  if (found === undefined) {
    const known = new KnownNames(writtenOf(whole));
    const problem =
      typeof host === 'string' ? known.unknown('host', host) : `${shown(host)} is no host`;
    problems.push({ path: [...path, 'host'], problem });
    return [];
  }
  const [place] = found.exports;
  const listen = entry.listen ?? (place === undefined ? undefined : listenText(place.listen));
  if (listen === undefined) {
    const problem =
      `host ${found.id} has no export yet whose address this one could share; ` +
      'say where it listens, as in nbd://127.0.0.1:10810';
    problems.push({ path: [...path, 'listen'], problem });
    return [];
  }
  const written = { ...entry, listen, volume: volume.id };
  const read = readValue(exportSchema, written, path, problems);
  return read === undefined ? [] : [hostExport(found.id, read)];
}

function exportProblems(
  whole: Topology,
  volume: Volume,
  exports: readonly HostExport[],
): readonly TopologyProblem[] {
  const others = whole.hosts.flatMap(({ id: host, exports: known }) =>
    known.map((value): WrittenExport => ({ value, path: [], host })),
  );
  const own = exports.map(
    (value, index): WrittenExport => ({ value, path: ['exports', index], host: value.host }),
  );
  return own.flatMap((one, index) => [
    ...maskProblems(one, volume.hosts),
    ...[...others, ...own.slice(0, index)].flatMap((earlier) => collisions(earlier, one)),
    ...own
      .slice(0, index)
      .filter(({ host }) => host === one.host)
      .map(() => ({
        path: [...one.path, 'host'],
        problem: `host ${one.host} exports it already; one export per host is enough`,
      })),
  ]);
}
