/** The names that a topology declares, for checks that need to know whether a name means something. */
import type { SectionName, WrittenTopology } from './written-topology.ts';

/** What can be named: sections, and the HBAs within hosts. */
export type NamedKind = 'fabric' | 'virtualizer' | 'host' | 'hba' | 'switch' | 'disk' | 'volume';

const sectionOf = {
  fabric: 'fabrics',
  virtualizer: 'virtualizers',
  host: 'hosts',
  hba: 'hosts',
  switch: 'switches',
  disk: 'disks',
  volume: 'volumes',
} as const satisfies Record<NamedKind, SectionName>;
const namesShownMax = 12;

export class KnownNames {
  readonly #names = new Map<NamedKind, ReadonlySet<string>>();
  readonly #aside = new Map<NamedKind, ReadonlySet<string>>();
  readonly #unread: ReadonlySet<SectionName>;

  constructor({ sections, aside }: WrittenTopology) {
    for (const kind of ['fabric', 'virtualizer', 'host', 'switch', 'disk', 'volume'] as const) {
      const section = sectionOf[kind];
      this.#names.set(kind, new Set(sections[section].map(({ value }) => value.id)));
      this.#aside.set(kind, new Set(aside.entries.get(section)));
    }
    this.#unread = aside.sections;
    const hbas = sections.hosts.flatMap(({ value }) => value.hbas);
    this.#names.set('hba', new Set(hbas.map(({ id }) => id)));
    this.#aside.set('hba', new Set(aside.hbas));
  }

  /** True when the name is that of such a thing, or of an entry that was put aside. */
  has(kind: NamedKind, name: string): boolean {
    if (this.#unread.has(sectionOf[kind])) return true;
    return this.isKind(kind, name) || (this.#aside.get(kind)?.has(name) ?? false);
  }

  /** True when the name is surely that of such a thing. */
  isKind(kind: NamedKind, name: string): boolean {
    return this.#names.get(kind)?.has(name) ?? false;
  }

  names(kind: NamedKind): readonly string[] {
    return [...(this.#names.get(kind) ?? [])];
  }

  /** The kind of what has this name, among those given. */
  kindOf(name: string, kinds: readonly NamedKind[]): NamedKind | undefined {
    return kinds.find((kind) => this.isKind(kind, name));
  }

  /** Says that there is no such thing, and what there is. */
  unknown(kind: NamedKind, name: string): string {
    const names = [...this.names(kind), ...(this.#aside.get(kind) ?? [])];
    if (names.length === 0) return `there is no ${kind} ${name}; there is none at all`;
    const more = names.length > namesShownMax ? ', …' : '';
    return `there is no ${kind} ${name}; there are ${names.slice(0, namesShownMax).join(', ')}${more}`;
  }
}
