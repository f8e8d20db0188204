/** Volumes of a topology: disks and coordinators that exist, sizes that divide, copies that can be served. */
import type { z } from 'zod';
import { validateCoordinatorMap } from '../layout/regions.ts';
import type { volumeSchema } from '../topology.ts';
import { blockBytes } from '../units.ts';
import { formProblems } from './form-sizes.ts';
import { KnownNames } from './known-names.ts';
import { copiesOf, disksOf, type TopologyPath, type TopologyProblem } from './layout-form.ts';
import { coordinationOf, virtualizingOf } from './resolve-topology.ts';
import type { Entry, WrittenTopology } from './written-topology.ts';

type WrittenVolume = z.output<typeof volumeSchema>;

/** Extents and mirror sets are named after their volume, and must stay ids. */
const volumeIdLengthMax = 48;
/** Smaller frames cost more messages than bytes. */
const frameBytesMin = blockBytes;

export function volumeProblems(written: WrittenTopology): readonly TopologyProblem[] {
  const known = new KnownNames(written);
  return [
    ...policyProblems(written),
    ...written.sections.volumes.flatMap((volume) => entryProblems(volume, written, known)),
  ];
}

/** What is wrong with one volume, as far as names and sizes tell; whether it can be served is told by `servingProblems`. */
export function entryProblems(
  { value, path }: Entry<WrittenVolume>,
  written: WrittenTopology,
  known: KnownNames,
): readonly TopologyProblem[] {
  return [
    ...nameProblems(value, path, known),
    ...sizeProblems(value, path),
    ...coordinatorProblems(value, path, written, known),
  ];
}

function policyProblems({ settings }: WrittenTopology): readonly TopologyProblem[] {
  const { frameBytesMax, ioDeadlineMs } = settings.policies;
  const problems: TopologyProblem[] = [];
  if (frameBytesMax < frameBytesMin || frameBytesMax % blockBytes !== 0)
    problems.push({
      path: ['policies', 'frameBytesMax'],
      problem: `${frameBytesMax} is not a positive multiple of 4KiB`,
    });
  if (ioDeadlineMs === 0)
    problems.push({ path: ['policies', 'ioDeadlineMs'], problem: 'no I/O can end in 0 ms' });
  return problems;
}

function nameProblems(
  volume: WrittenVolume,
  path: TopologyPath,
  known: KnownNames,
): readonly TopologyProblem[] {
  const disks = disksOf(volume.layout, [...path, 'layout'])
    .filter(({ disk }) => !known.has('disk', disk))
    .map((use) => ({ path: use.path, problem: known.unknown('disk', use.disk) }));
  const { length } = volume.id;
  const tooLong = `${length} characters are too long for a volume; the most are ${volumeIdLengthMax}`;
  const ids = length > volumeIdLengthMax ? [{ path: [...path, 'id'], problem: tooLong }] : [];
  const hosts = volume.hosts === 'all' ? [] : volume.hosts;
  const unknownHosts = hosts.flatMap((host, index) =>
    known.has('host', host)
      ? []
      : [{ path: [...path, 'hosts', index], problem: known.unknown('host', host) }],
  );
  return [...ids, ...disks, ...unknownHosts];
}

function sizeProblems(volume: WrittenVolume, path: TopologyPath): readonly TopologyProblem[] {
  const { size, regionBytes } = volume;
  if (size === 0 || size % blockBytes !== 0)
    return [{ path: [...path, 'size'], problem: `${size} is not a positive multiple of 4KiB` }];
  const forms = formProblems(volume.layout, size, [...path, 'layout']);
  if (regionBytes > 0 && regionBytes % blockBytes === 0) return forms;
  const problem = `${regionBytes} is not a positive multiple of 4KiB`;
  return [{ path: [...path, 'regionBytes'], problem }, ...forms];
}

function coordinatorProblems(
  volume: WrittenVolume,
  path: TopologyPath,
  written: WrittenTopology,
  known: KnownNames,
): readonly TopologyProblem[] {
  const place = [...path, 'coordinators'];
  const { map, switches } = coordinationOf(volume, virtualizingOf(written));
  if (switches.length === 0) {
    const { aside } = written;
    const problem =
      `no switch is virtualizing, so none can coordinate ${volume.id}; ` +
      'say virtualizing: true for at least one';
    return aside.entries.has('switches') || aside.sections.has('switches')
      ? []
      : [{ path: place, problem }];
  }
  const problems: TopologyProblem[] = [];
  if (volume.regionBytes > 0)
    for (const problem of validateCoordinatorMap(map, { sizeBytes: volume.size, ...volume }))
      problems.push({ path: place, problem });
  if (map.kind === 'consecutive' && switches.length !== map.bounds.length + 1) {
    const partitions = map.bounds.length + 1;
    const problem =
      `${map.bounds.length} bounds make ${partitions} partitions, ` +
      `but ${switches.length} switches are named`;
    problems.push({ path: [...place, 'switches'], problem });
  }
  const copies = copiesOf(volume.layout);
  const isNamed = volume.coordinators.switches !== undefined;
  switches.forEach((name, index) => {
    if (switches.indexOf(name) < index) return;
    const at = isNamed ? [...place, 'switches', index] : place;
    const found = written.sections.switches.find(({ value }) => value.id === name)?.value;
    if (!known.has('switch', name))
      problems.push({ path: at, problem: known.unknown('switch', name) });
    else if (found !== undefined && !found.virtualizing)
      problems.push({
        path: at,
        problem:
          `switch ${name} is plain and cannot coordinate ${volume.id}; ` +
          `name a virtualizing switch, or say virtualizing: true for ${name}`,
      });
    else if (found !== undefined && copies > found.limits.mirrorsMax)
      problems.push({
        path: [...path, 'layout'],
        problem:
          `${volume.id} keeps ${copies} copies, but its coordinator ${name} writes at most ` +
          `${found.limits.mirrorsMax} (limits.mirrorsMax); raise that, or name other coordinators`,
      });
  });
  return problems;
}
