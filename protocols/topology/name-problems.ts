/** Names in a topology: each declared once, each used for what it is. Volumes and exports have files of their own. */
import { isId, supervisorAddress } from '../ids.ts';
import { KnownNames, type NamedKind } from './known-names.ts';
import type { TopologyPath, TopologyProblem } from './layout-form.ts';
import { linkIdOf } from './resolve-topology.ts';
import type { Entry, SectionName, WrittenTopology } from './written-topology.ts';

const needed: readonly SectionName[] = ['fabrics', 'virtualizers', 'hosts', 'switches', 'disks'];
const linkEndKinds: readonly NamedKind[] = ['hba', 'switch', 'disk'];
const nodeActorKinds: readonly NamedKind[] = ['host', 'switch', 'disk', 'virtualizer'];

interface Named {
  readonly name: string;
  readonly path: TopologyPath;
}

export function nameProblems(written: WrittenTopology): readonly TopologyProblem[] {
  const known = new KnownNames(written);
  return [
    ...missingSections(written),
    ...duplicateIds(written),
    ...fabricProblems(written, known),
    ...turnedLinks(written),
    ...written.sections.links.flatMap((link) => linkProblems(link, written, known)),
    ...nodeProblems(written, known),
  ];
}

function missingSections({ sections, aside }: WrittenTopology): readonly TopologyProblem[] {
  return needed
    .filter((name) => sections[name].length === 0)
    .filter((name) => !aside.entries.has(name) && !aside.sections.has(name))
    .map((name) => ({ path: [name], problem: `a topology needs ${name}: at least one` }));
}

function duplicateIds({ sections }: WrittenTopology): readonly TopologyProblem[] {
  const named = (name: SectionName): readonly Named[] =>
    sections[name].map(({ value, path }) => ({ name: String(value.id), path: [...path, 'id'] }));
  const hbas = sections.hosts.flatMap(({ value, path }) =>
    value.hbas.map(({ id }, index) => ({ name: id, path: [...path, 'hbas', index] })),
  );
  const links = sections.links.map(({ value, path }) => ({ name: linkIdOf(value), path }));
  const actors = (['virtualizers', 'hosts', 'switches', 'disks'] as const).flatMap(named);
  return [
    ...repeated([...actors, ...hbas], 'virtualizers, hosts, HBAs, switches and disks'),
    ...repeated(named('fabrics'), 'fabrics'),
    ...repeated(named('volumes'), 'volumes'),
    ...repeated(links, 'links (give a second link between two ends an id of its own)'),
    ...repeated(named('nodes'), 'nodes'),
  ];
}

function repeated(names: readonly Named[], among: string): readonly TopologyProblem[] {
  const seen = new Set<string>();
  return names.flatMap(({ name, path }) => {
    const isSecond = seen.has(name);
    seen.add(name);
    const problem = `the id ${name} is taken; ids must differ among ${among}`;
    return isSecond ? [{ path, problem }] : [];
  });
}

/** Links that another entry has already, from the other end: their ids differ, but they are one. */
function turnedLinks({ sections }: WrittenTopology): readonly TopologyProblem[] {
  const seen = new Set<string>();
  return sections.links.flatMap(({ value: { id, ends }, path }) => {
    if (id !== undefined) return [];
    const [first, second] = ends;
    seen.add(`${first} ${second}`);
    if (first === second || !seen.has(`${second} ${first}`)) return [];
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

function linkProblems(
  { value: link, path }: Entry<WrittenTopology['sections']['links'][number]['value']>,
  written: WrittenTopology,
  known: KnownNames,
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
  problems.push(...linkFabricProblems(link, path, written));
  return problems;
}

function hbasOf(written: WrittenTopology, host: string): string {
  const found = written.sections.hosts.find(({ value }) => value.id === host);
  return found === undefined ? '' : `: ${found.value.hbas.map(({ id }) => id).join(', ')}`;
}

/** An HBA is a port of one fabric: what it is linked to must meet it there. */
function linkFabricProblems(
  link: WrittenTopology['sections']['links'][number]['value'],
  path: TopologyPath,
  written: WrittenTopology,
): readonly TopologyProblem[] {
  if (link.fabric === undefined) return [];
  const { hosts, fabrics } = written.sections;
  const hba = hosts.flatMap(({ value }) => value.hbas).find(({ id }) => link.ends.includes(id));
  const fabric = hba?.fabric ?? fabrics[0]?.value.id;
  return hba === undefined || fabric === link.fabric
    ? []
    : [{ path: [...path, 'fabric'], problem: `HBA ${hba.id} is on fabric ${fabric}` }];
}

function nodeProblems(written: WrittenTopology, known: KnownNames): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  const placedBy = new Map<string, string>();
  for (const { value: node, path } of written.sections.nodes)
    node.actors.forEach((actor, index) => {
      const place = [...path, 'actors', index];
      const other = placedBy.get(actor);
      if (!nodeActorKinds.some((kind) => known.has(kind, actor)))
        problems.push({ path: place, problem: notAnActor(actor, known) });
      else if (other !== undefined)
        problems.push({ path: place, problem: `${actor} already runs in node ${other}` });
      placedBy.set(actor, node.id);
    });
  const actorIds = nodeActorKinds.flatMap((kind) => known.names(kind));
  problems.push(...reservedProblems(written, placedBy));
  for (const { value: node, path } of written.sections.nodes)
    if (actorIds.includes(node.id) && !placedBy.has(node.id))
      problems.push({
        path: [...path, 'id'],
        problem: `${node.id} gets a node of that name already; place it in this one, or rename this`,
      });
  return problems;
}

/** Nodes are addressed by their ids, and so is the supervisor; an actor that no node names gives its own its id. */
function reservedProblems(
  { sections }: WrittenTopology,
  placed: ReadonlyMap<string, string>,
): readonly TopologyProblem[] {
  const { hosts, switches, disks, virtualizers, nodes } = sections;
  const actors = [...hosts, ...switches, ...disks, ...virtualizers];
  const taken = [...nodes, ...actors.filter(({ value }) => !placed.has(value.id))];
  return taken
    .filter(({ value }) => value.id === supervisorAddress.id)
    .map(({ path }) => ({
      path: [...path, 'id'],
      problem: `the node ${supervisorAddress.id} is Sanctor's own; choose another id`,
    }));
}

function notAnActor(name: string, known: KnownNames): string {
  return known.has('hba', name)
    ? `${name} is an HBA; it runs in the node of its host`
    : `there is no host, switch, disk or virtualizer ${name}`;
}
