/**
 * The entries of a topology as they are written, each judged by its own shape. An entry that has not its shape is
 * put aside and its name stays known, so that the others can be judged as if it were there.
 */
import { z } from 'zod';
import { hostsMax } from '../control-data.ts';
import { type ClusterId, isId } from '../ids.ts';
import { id } from '../schema.ts';
import {
  diskSchema,
  type FabricId,
  fabricSchema,
  hostSchema,
  linkSchema,
  nodeSchema,
  switchSchema,
  virtualizerSchema,
  volumeSchema,
} from '../topology.ts';
import { issueText } from './issue-text.ts';
import { isRecord, shown, type TopologyPath, type TopologyProblem } from './layout-form.ts';
import { policiesSchema } from './policies.ts';

/** An entry of a topology as written, and where. */
export interface Entry<Value> {
  readonly value: Value;
  readonly path: TopologyPath;
}

const sectionSchemas = {
  fabrics: fabricSchema,
  virtualizers: virtualizerSchema,
  hosts: hostSchema,
  switches: switchSchema,
  disks: diskSchema,
  links: linkSchema,
  volumes: volumeSchema,
  nodes: nodeSchema,
};
export type SectionName = keyof typeof sectionSchemas;
type Sections = {
  readonly [Name in SectionName]: readonly Entry<z.output<(typeof sectionSchemas)[Name]>>[];
};

const settingSchemas = {
  cluster: id<ClusterId>().default('sanctor' as ClusterId),
  faults: z.boolean().default(false),
  control: id<FabricId>().optional(),
  policies: policiesSchema.prefault({}),
};
type Settings = {
  readonly [Name in keyof typeof settingSchemas]: z.output<(typeof settingSchemas)[Name]>;
};

/** Ids of entries that were put aside: nothing is known of them, but they are no unknown names. */
export interface AsideIds {
  readonly entries: ReadonlyMap<SectionName, readonly string[]>;
  /** Those of HBAs in such hosts. */
  readonly hbas: readonly string[];
  /** Sections that are no lists: any name may have stood there. */
  readonly sections: ReadonlySet<SectionName>;
}

/** All entries that have their shape, and the names of those that have not. */
export interface WrittenTopology {
  readonly settings: Settings;
  readonly sections: Sections;
  readonly aside: AsideIds;
}

/** The most entries of one section; bounds what a file may make a process allocate. */
export const sectionEntriesMax = 16_384;

/** The most entries of this section. */
function entriesMaxOf(name: SectionName): number {
  return name === 'hosts' ? hostsMax : sectionEntriesMax;
}

/** Reads all entries; null when there are no keys to look into. Notes what is wrong in `problems`. */
export function readWritten(value: unknown, problems: TopologyProblem[]): WrittenTopology | null {
  const record = z.record(z.string(), z.unknown()).safeParse(value).data;
  if (record === undefined) {
    problems.push({
      path: [],
      problem: `expected the keys of a topology, this is ${shown(value)}`,
    });
    return null;
  }
  const keys = [...Object.keys(settingSchemas), ...Object.keys(sectionSchemas)];
  for (const key of Object.keys(record))
    if (!keys.includes(key))
      problems.push({ path: [key], problem: `unknown key; allowed are ${keys.join(', ')}` });
  const aside: ChangingAsideIds = { entries: new Map(), hbas: [], sections: new Set() };
  const section = <Name extends SectionName>(name: Name) =>
    readSection(record[name], name, { problems, aside }) as Sections[Name];
  const setting = <Name extends keyof Settings>(name: Name) =>
    readValue<z.ZodType>(settingSchemas[name], record[name] ?? undefined, [name], problems) as
      | Settings[Name]
      | undefined;
  const settings = {
    cluster: setting('cluster') ?? ('sanctor' as ClusterId),
    faults: setting('faults') ?? false,
    control: setting('control'),
    policies: setting('policies') ?? policiesSchema.parse({}),
  };
  const sections: Sections = {
    fabrics: section('fabrics'),
    virtualizers: section('virtualizers'),
    hosts: section('hosts'),
    switches: section('switches'),
    disks: section('disks'),
    links: section('links'),
    volumes: section('volumes'),
    nodes: section('nodes'),
  };
  return { settings, sections, aside };
}

interface ChangingAsideIds extends AsideIds {
  readonly entries: Map<SectionName, readonly string[]>;
  readonly hbas: string[];
  readonly sections: Set<SectionName>;
}

function readSection(
  value: unknown,
  name: SectionName,
  found: { readonly problems: TopologyProblem[]; readonly aside: ChangingAsideIds },
): readonly Entry<unknown>[] {
  const { problems, aside } = found;
  if (value === undefined || value === null) return [];
  const entriesMax = entriesMaxOf(name);
  if (!Array.isArray(value) || value.length > entriesMax) {
    const problem = `expected a list of at most ${entriesMax} ${name}, this is ${shown(value)}`;
    problems.push({ path: [name], problem });
    aside.sections.add(name);
    return [];
  }
  return value.flatMap((raw: unknown, index): Entry<unknown>[] => {
    const path = [name, index];
    const entry = readValue(sectionSchemas[name], raw, path, problems);
    if (entry !== undefined) return [{ value: entry, path }];
    aside.entries.set(name, [...(aside.entries.get(name) ?? []), ...idsIn(raw)]);
    if (isRecord(raw) && Array.isArray(raw.hbas)) aside.hbas.push(...raw.hbas.flatMap(idsIn));
    return [];
  });
}

/** A value of its shape; undefined when it has not, and `problems` then say why. */
export function readValue<Shape extends z.ZodType>(
  schema: Shape,
  value: unknown,
  path: TopologyPath,
  problems: TopologyProblem[],
): z.output<Shape> | undefined {
  const result = schema.safeParse(value, { error: issueText });
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const place = [
      ...path,
      ...issue.path.map((key) => (typeof key === 'number' ? key : String(key))),
    ];
    const { message: problem } = issue;
    if (issue.code !== 'unrecognized_keys') problems.push({ path: place, problem });
    else for (const key of issue.keys) problems.push({ path: [...place, key], problem });
  }
  return undefined;
}

/** The id of an entry without its shape, if that much is right. */
function idsIn(raw: unknown): readonly string[] {
  const named = isRecord(raw) ? raw.id : raw;
  return isId(named) ? [named] : [];
}
