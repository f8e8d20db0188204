/** Links and fabrics of a topology: what is linked to what, and where they meet. */
import { isId } from '../ids.ts';
import type { KnownNames, NamedKind } from './known-names.ts';
import type { TopologyPath, TopologyProblem } from './layout-form.ts';
import {
  type FabricDefaults,
  fabricDefaultsOf,
  linkFabricOf,
  linkIdOf,
} from './resolve-topology.ts';
import type { Entry, WrittenTopology } from './written-topology.ts';

const linkEndKinds: readonly NamedKind[] = ['hba', 'switch', 'disk'];

type Link = WrittenTopology['sections']['links'][number]['value'];

export function linkProblems(
  written: WrittenTopology,
  known: KnownNames,
): readonly TopologyProblem[] {
  const defaults = fabricDefaultsOf(written);
  return [
    ...fabricProblems(written, known),
    ...unusedFabrics(written),
    ...turnedLinks(written, defaults),
    ...written.sections.links.flatMap((link) => problemsOfLink(link, written, known, defaults)),
  ];
}

/** Links that another entry has already, from the other end: their ids differ, but they are one. */
function turnedLinks(
  { sections }: WrittenTopology,
  defaults: FabricDefaults,
): readonly TopologyProblem[] {
  const seen = new Set<string>();
  return sections.links.flatMap(({ value: link, path }) => {
    if (link.id !== undefined) return [];
    const [first, second] = link.ends;
    const fabric = linkFabricOf(link, defaults) ?? '';
    seen.add(`${first} ${second} ${fabric}`);
    if (first === second || !seen.has(`${second} ${first} ${fabric}`)) return [];
    const problem =
      `a link between ${second} and ${first} is there already; leave this one out, ` +
      'or give a second link between two ends an id of its own';
    return [{ path, problem }];
  });
}

function fabricProblems(written: WrittenTopology, known: KnownNames): readonly TopologyProblem[] {
  const { sections, settings } = written;
  const hbas = sections.hosts.flatMap(({ value, path }) =>
    value.hbas.map(({ fabric }, index) => ({
      name: fabric,
      path: [...path, 'hbas', index, 'fabric'],
    })),
  );
  const links = sections.links.map(({ value, path }) => ({
    name: value.fabric,
    path: [...path, 'fabric'],
  }));
  const uses = [{ name: settings.control, path: ['control'] }, ...hbas, ...links];
  return uses.flatMap(({ name, path }) =>
    name === undefined || known.has('fabric', name)
      ? []
      : [{ path, problem: known.unknown('fabric', name) }],
  );
}

/** Servers that nobody would use. */
function unusedFabrics({ sections, settings }: WrittenTopology): readonly TopologyProblem[] {
  const hbas = sections.hosts.flatMap(({ value }) => value.hbas);
  const [first] = sections.fabrics;
  const control = settings.control ?? first?.value.id;
  const used = new Set([
    control,
    ...hbas.map(({ fabric }) => fabric ?? first?.value.id),
    ...sections.links.map(({ value }) => value.fabric),
  ]);
  return sections.fabrics
    .filter(({ value }) => !used.has(value.id))
    .map(({ value: { id }, path }) => ({
      path,
      problem: `no HBA and no link is on fabric ${id}, and it is not the one for control; leave it out, or put something on it`,
    }));
}

function problemsOfLink(
  { value: link, path }: Entry<Link>,
  written: WrittenTopology,
  known: KnownNames,
  defaults: FabricDefaults,
): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  const id = linkIdOf(link);
  if (!isId(id))
    problems.push({ path, problem: `its id ${id} is too long; give it a shorter one` });
  const [first, second] = link.ends;
  link.ends.forEach((end, index) => {
    if (linkEndKinds.some((kind) => known.has(kind, end))) return;
    const isHost = known.has('host', end);
    const problem = isHost
      ? `${end} is a host; link its HBAs instead${hbasOf(written, end)}`
      : `there is no HBA, switch or disk ${end}`;
    problems.push({ path: [...path, 'ends', index], problem });
  });
  if (first === second) return [...problems, { path, problem: `a link from ${first} to itself` }];
  const kinds = link.ends.map((end) => known.kindOf(end, linkEndKinds));
  if (!kinds.includes(undefined) && !kinds.includes('switch'))
    problems.push({
      path,
      problem: `a link between ${kinds.join(' and ')}; at least one end must be a switch`,
    });
  problems.push(...linkFabricProblems(link, path, known, defaults));
  return problems;
}

function hbasOf(written: WrittenTopology, host: string): string {
  const found = written.sections.hosts.find(({ value }) => value.id === host);
  return found === undefined ? '' : `: ${found.value.hbas.map(({ id }) => id).join(', ')}`;
}

/** An HBA is a port of one fabric: what it is linked to must meet it there. Other ends may meet on several. */
function linkFabricProblems(
  link: Link,
  path: TopologyPath,
  known: KnownNames,
  defaults: FabricDefaults,
): readonly TopologyProblem[] {
  const { ofHbas, carrying } = defaults;
  const [first, second] = link.ends;
  if (link.fabric === undefined) {
    const isClear = carrying.length < 2 || linkFabricOf(link, defaults) !== undefined;
    if (isClear || link.ends.some((end) => known.has('hba', end))) return [];
    const help = `[${first}, ${second}, ${carrying[0]}]`;
    const problem = `say on which fabric this link is, as in ${help}: HBAs are on ${carrying.join(', ')}`;
    return [{ path, problem }];
  }
  const hba = link.ends.find((end) => ofHbas.has(end));
  const fabric = hba === undefined ? link.fabric : ofHbas.get(hba);
  return fabric === link.fabric
    ? []
    : [{ path: [...path, 'fabric'], problem: `HBA ${hba} is on fabric ${fabric}` }];
}
