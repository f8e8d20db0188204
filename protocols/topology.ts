/**
 * A topology: which actors there are, how they are linked, which volumes they make up, and by which policies. Here
 * are the shapes of its entries, as a topology file writes them and as actors read them; `topology/` joins the
 * entries to one consistent whole and says what is wrong with it.
 */
import { z } from 'zod';
import type {
  ActorAddress,
  ClusterId,
  DiskId,
  HbaId,
  HostId,
  LinkId,
  NodeId,
  SwitchId,
  VirtualizerId,
  VolumeId,
} from './ids.ts';
import type { CoordinatorMap } from './layout/regions.ts';
import { regionBytesDefault } from './layout/regions.ts';
import { id } from './schema.ts';
import { type LayoutForm, layoutFormSchema } from './topology/layout-form.ts';
import { type Listen, listenSchema } from './topology/listen.ts';
import type { Policies } from './topology/policies.ts';
import { sizeSchema } from './topology/sizes.ts';
import { blockBytes, mebibyte } from './units.ts';

/** The name of a NATS server, or of a cluster of servers: one that carries I/O, or the one for control. */
export type FabricId = string;

/** Lets an entry that needs no more than an id be written as one. */
function idOrObject<Shape extends z.ZodType>(shape: Shape) {
  return z.preprocess((entry) => (typeof entry === 'string' ? { id: entry } : entry), shape);
}

/** One NATS server or cluster. */
export const fabricSchema = idOrObject(
  z.strictObject({
    id: id<FabricId>(),
    /** Where its servers listen; none: a server is started for it. */
    urls: z.array(z.url({ protocol: /^(nats|tls)$/ })).default([]),
  }),
);

export const virtualizerSchema = idOrObject(z.strictObject({ id: id<VirtualizerId>() }));

export const hbaSchema = idOrObject(
  z.strictObject({
    id: id<HbaId>(),
    /** Default: the first fabric. */
    fabric: id<FabricId>().optional(),
  }),
);

/** A volume offered over NBD by a host. */
export const exportSchema = z.strictObject({
  volume: id<VolumeId>(),
  /** The NBD export name. Default: the volume's id. */
  name: z.string().min(1).max(256).optional(),
  attach: z.enum(['exclusive', 'shared']).default('exclusive'),
  readOnly: z.boolean().default(false),
  listen: listenSchema,
});

export const hostSchema = idOrObject(
  z.strictObject({
    id: id<HostId>(),
    hbas: z.array(hbaSchema).min(1, 'a host needs at least one HBA'),
    exports: z.array(exportSchema).default([]),
  }),
);

export const switchSchema = idOrObject(
  z.strictObject({
    id: id<SwitchId>(),
    /** False: it forwards disk-addressed frames and nothing else. */
    virtualizing: z.boolean().default(true),
    limits: z
      .strictObject({
        /** Memory for layouts of volumes. */
        layoutMemoryBytes: sizeSchema.default(16 * mebibyte),
        /** The most copies of a byte that it writes as a coordinator. */
        mirrorsMax: z.int().min(1).max(16).default(4),
        /**
         * Whether it carries out what spans several disks or partitions and was not split: part after part, which
         * takes long. False: it refuses that. Sanctor's hosts split everything.
         */
        serializesSpans: z.boolean().default(true),
        /**
         * Whether its special error codes name the alternates: other mirrors, other links. False: they are bare, and
         * hosts ask the virtualizer.
         */
        namesAlternates: z.boolean().default(true),
        /** Memory for its read cache; 0: none. */
        cacheBytes: sizeSchema.default(0),
      })
      .prefault({}),
  }),
);

export const diskSchema = z.strictObject({
  id: id<DiskId>(),
  /** What the disk takes of its store; its own records come out of it. */
  size: sizeSchema,
  store: z.enum(['file', 'memory']).default('file'),
  /** The files or block devices that make up the disk, in order; none: one file in the data folder. */
  files: z.array(z.string().min(1)).default([]),
});

const linkHelp = 'expected the two ends of a link, as in [h1-a, s1]';

/** `[h1-a, s1]`; `[s1, d1, n1]` with its fabric; or the same as `ends` and `fabric` with more to say. */
export const linkSchema = z.preprocess(
  (entry) => {
    if (!Array.isArray(entry)) return entry;
    return entry.length === 3 ? { ends: entry.slice(0, 2), fabric: entry[2] } : { ends: entry };
  },
  z.strictObject(
    {
      /** Default: `<end>-<end>`, and `-<fabric>` behind that where the fabric is written. */
      id: id<LinkId>().optional(),
      ends: z.tuple([id<string>(), id<string>()], { error: linkHelp }),
      /** Default: the HBA's, else the only one that HBAs are on, else it must be said. */
      fabric: id<FabricId>().optional(),
      /** How fast it is compared to others; matters to the path policy `serviceTime`. */
      speed: z.number().positive().max(1_000_000).default(1),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? linkHelp : undefined) },
  ),
);

/** Which partitions a volume has, and who coordinates each. */
export const coordinatorsSchema = z.discriminatedUnion('map', [
  z.strictObject({
    map: z.literal('modulo'),
    /** Default: the volume's region. */
    unitBytes: sizeSchema.optional(),
    /** One partition for each name; a name may occur again. Default: every virtualizing switch. */
    switches: z.array(id<SwitchId>()).min(1).optional(),
  }),
  z.strictObject({
    map: z.literal('consecutive'),
    bounds: z.array(sizeSchema),
    /** One for each partition: one more than there are bounds. */
    switches: z.array(id<SwitchId>()).min(1),
  }),
]);

export const volumeSchema = z.strictObject({
  id: id<VolumeId>(),
  size: sizeSchema,
  logicalBlockBytes: z
    .union([z.literal(512), z.literal(blockBytes)], { error: 'expected 512 or 4096' })
    .default(512),
  regionBytes: sizeSchema.default(regionBytesDefault),
  layout: layoutFormSchema,
  coordinators: coordinatorsSchema.default({ map: 'modulo' }),
  /** The hosts that may use it. */
  hosts: z
    .union([z.literal('all'), z.array(id<HostId>())], {
      error: 'expected all, or a list of host ids',
    })
    .default('all'),
});

/** One process; actors that no node names get one of their own, hosts with their HBAs. */
export const nodeSchema = z.strictObject({
  id: id<NodeId>(),
  actors: z.array(id<string>()).min(1, 'a node without actors has nothing to do'),
});

export type Fabric = z.output<typeof fabricSchema>;
export type Virtualizer = z.output<typeof virtualizerSchema>;
export type SwitchLimits = Switch['limits'];
export type Switch = z.output<typeof switchSchema>;

export interface Hba {
  readonly id: HbaId;
  readonly fabric: FabricId;
}

export interface Export {
  readonly volume: VolumeId;
  readonly name: string;
  readonly attach: 'exclusive' | 'shared';
  readonly readOnly: boolean;
  readonly listen: Listen;
}

export interface Host {
  readonly id: HostId;
  readonly hbas: readonly Hba[];
  readonly exports: readonly Export[];
}

export interface Disk {
  readonly id: DiskId;
  readonly sizeBytes: number;
  readonly store: 'file' | 'memory';
  readonly files: readonly string[];
}

export interface Link {
  readonly id: LinkId;
  /** An HBA and a switch, two switches, or a switch and a disk, in the order of the file. */
  readonly ends: readonly [string, string];
  readonly fabric: FabricId;
  /** Compared to other links. */
  readonly speed: number;
}

export interface Volume {
  readonly id: VolumeId;
  readonly sizeBytes: number;
  readonly logicalBlockBytes: 512 | 4096;
  readonly regionBytes: number;
  readonly layout: LayoutForm;
  readonly coordinatorMap: CoordinatorMap;
  /** By partition. */
  readonly coordinators: readonly SwitchId[];
  readonly hosts: readonly HostId[];
}

export interface Node {
  readonly id: NodeId;
  /** All of them, HBAs too. */
  readonly actors: readonly ActorAddress[];
}

/** A topology whose names all mean something, with every default filled in. */
export interface Topology {
  readonly cluster: ClusterId;
  /** Whether faults may be injected (`sanctor fault`). */
  readonly faults: boolean;
  readonly fabrics: readonly Fabric[];
  /** The fabric whose servers carry commands, events and the config database; it need not carry I/O. */
  readonly control: FabricId;
  readonly virtualizers: readonly Virtualizer[];
  readonly hosts: readonly Host[];
  readonly switches: readonly Switch[];
  readonly disks: readonly Disk[];
  readonly links: readonly Link[];
  readonly volumes: readonly Volume[];
  readonly nodes: readonly Node[];
  readonly policies: Policies;
}
