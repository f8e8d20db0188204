/** Names in a topology: each declared once, each used for what it is. Links, volumes and exports have files of their own. */
import { supervisorAddress } from '../ids.ts';
import { KnownNames, type NamedKind } from './known-names.ts';
import type { TopologyPath, TopologyProblem } from './layout-form.ts';
import { linkProblems } from './link-problems.ts';
import { linkIdOf } from './resolve-topology.ts';
import type { SectionName, WrittenTopology } from './written-topology.ts';

const needed: readonly SectionName[] = ['fabrics', 'virtualizers', 'hosts', 'switches', 'disks'];
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
    ...linkProblems(written, known),
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
