/** Exports of a topology: volumes that exist, for hosts that may use them, at addresses that do not collide. */
import type { z } from 'zod';
import type { HostId } from '../ids.ts';
import type { exportSchema } from '../topology.ts';
import { KnownNames } from './known-names.ts';
import type { TopologyPath, TopologyProblem } from './layout-form.ts';
import { listensOverlap, listenText } from './listen.ts';
import type { WrittenTopology } from './written-topology.ts';

/** An export, whose it is, and where problems of it are said to be. */
export interface WrittenExport {
  readonly value: z.output<typeof exportSchema>;
  readonly path: TopologyPath;
  readonly host: HostId;
}

export function exportProblems(written: WrittenTopology): readonly TopologyProblem[] {
  const known = new KnownNames(written);
  const exports = written.sections.hosts.flatMap(({ value, path }) =>
    value.exports.map(
      (one, index): WrittenExport => ({
        value: one,
        path: [...path, 'exports', index],
        host: value.id,
      }),
    ),
  );
  return exports.flatMap((one, index) => [
    ...volumeUseProblems(one, written, known),
    ...exports.slice(0, index).flatMap((earlier) => collisions(earlier, one)),
  ]);
}

function volumeUseProblems(
  { value, path, host }: WrittenExport,
  written: WrittenTopology,
  known: KnownNames,
): readonly TopologyProblem[] {
  const place = [...path, 'volume'];
  if (!known.has('volume', value.volume))
    return [{ path: place, problem: known.unknown('volume', value.volume) }];
  const volume = written.sections.volumes.find((entry) => entry.value.id === value.volume)?.value;
  const hosts = volume?.hosts ?? 'all';
  return hosts === 'all' ? [] : maskProblems({ value, path, host }, hosts);
}

/** What is wrong with an export when only these hosts may use its volume. */
export function maskProblems(
  { value, path, host }: WrittenExport,
  hosts: readonly HostId[],
): readonly TopologyProblem[] {
  if (hosts.includes(host)) return [];
  const allowed = hosts.length === 0 ? 'no host' : hosts.join(', ');
  const problem = `volume ${value.volume} is for ${allowed}, not for ${host}`;
  return [{ path: [...path, 'volume'], problem }];
}

/** What of a later export does not go together with an earlier one. */
export function collisions(
  earlier: WrittenExport,
  later: WrittenExport,
): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  const [a, b] = [earlier.value, later.value];
  const address = listenText(b.listen);
  const nameOf = (one: WrittenExport['value']) => one.name ?? one.volume;
  const isSameAddress = address === listenText(a.listen);
  if (earlier.host !== later.host && listensOverlap(a.listen, b.listen))
    problems.push({
      path: [...later.path, 'listen'],
      problem: `${address} is taken by host ${earlier.host}; give each host a port of its own`,
    });
  else if (earlier.host === later.host && !isSameAddress && listensOverlap(a.listen, b.listen))
    problems.push({
      path: [...later.path, 'listen'],
      problem: `${address} overlaps ${listenText(a.listen)}, where the same host listens`,
    });
  else if (earlier.host === later.host && isSameAddress && nameOf(a) === nameOf(b))
    problems.push({
      path: later.path,
      problem: `the name ${nameOf(b)} is taken at ${address}; give this export another name`,
    });
  if (a.volume === b.volume) problems.push(...attachProblems(earlier, later));
  return problems;
}

function attachProblems(earlier: WrittenExport, later: WrittenExport): readonly TopologyProblem[] {
  const { volume, attach } = later.value;
  const path = [...later.path, 'attach'];
  if (earlier.value.attach !== attach) {
    const problem =
      `host ${earlier.host} attaches ${volume} ${earlier.value.attach}, host ${later.host} ` +
      `${attach}; say shared for all exports of ${volume}`;
    return [{ path, problem }];
  }
  return attach === 'exclusive' && earlier.host !== later.host
    ? [
        {
          path,
          problem: `host ${earlier.host} attaches ${volume} exclusively; say shared for both`,
        },
      ]
    : [];
}
