/** What `status` reads in the descriptions of actors: the part of their facts that it shows. */
import { z } from 'zod';

export const exportFactsSchema = z.looseObject({
  volume: z.string(),
  name: z.string(),
  uri: z.string(),
  attach: z.string(),
  readOnly: z.boolean(),
  problem: z.string(),
});

export const pathFactsSchema = z.looseObject({
  hba: z.string(),
  disk: z.string(),
  /** Links, from the HBA on. */
  route: z.array(z.string()),
  state: z.string(),
  preferred: z.boolean(),
  outstanding: z.number(),
});

/** A cleaning of a switch's cache that is under way. */
export const cacheCleanupSchema = z.looseObject({
  volume: z.string(),
  switch: z.string(),
  state: z.string(),
  reason: z.string(),
});

export const hostFactsSchema = z.looseObject({
  volumes: z.array(z.looseObject({ volume: z.string(), state: z.string(), reason: z.string() })),
  paths: z.array(pathFactsSchema),
  cacheCleanups: z.array(cacheCleanupSchema).default([]),
  exports: z.array(exportFactsSchema).default([]),
  counters: z.record(z.string(), z.number()),
});

/** What a switch counts of each volume, and of its cache. */
export const switchFactsSchema = z.looseObject({
  volumes: z.array(z.looseObject({ repairs: z.number().default(0) })).default([]),
  /** Where the switch has a read cache. */
  cache: z
    .looseObject({
      bytesMax: z.number(),
      bytes: z.number(),
      entries: z.number(),
      hits: z.number(),
      misses: z.number(),
      invalidations: z.number(),
    })
    .optional(),
});

/** What came of the last scrub of a volume, or of the one that goes on. */
const scrubFactsSchema = z.looseObject({
  /** When one came to its end last; null when that is not known. */
  completedAtMs: z.number().nullable().default(null),
  keptBlocks: z.number(),
  keptAt: z.number(),
  keptReason: z.string(),
});

export const volumeFactsSchema = z.looseObject({
  volume: z.string(),
  state: z.string(),
  reason: z.string(),
  sizeBytes: z.number(),
  generation: z.number(),
  layout: z.string(),
  partitions: z.array(
    z.looseObject({
      partition: z.number(),
      coordinator: z.string(),
      epoch: z.number(),
      /** Who is meant to coordinate it. */
      preferred: z.string().optional(),
    }),
  ),
  mirrorSets: z.array(
    z.looseObject({
      set: z.string(),
      eventCount: z.number(),
      mirrors: z.array(z.string()),
      /** By mirror: what it lies on. */
      disks: z.array(z.array(z.string())).default([]),
    }),
  ),
  /** Of all mirrors that are being made equal; null: none is. */
  resync: z
    .looseObject({
      totalBytes: z.number(),
      remainingBytes: z.number(),
      etaSeconds: z.number().nullable(),
      problem: z.string().default(''),
    })
    .nullable()
    .default(null),
  /** Mirrors with too many read errors, which operators had better remove. */
  removalsProposed: z
    .array(z.looseObject({ disk: z.string(), mirrorSet: z.string(), reason: z.string() }))
    .default([]),
  scrub: scrubFactsSchema.nullable().default(null),
});

export const virtualizerFactsSchema = z.looseObject({
  controlEpoch: z.number().default(0),
  volumes: z.array(volumeFactsSchema),
  /** What hosts are told to export beside the exports of the topology. */
  createdExports: z
    .array(z.looseObject({ host: z.string(), volume: z.string(), name: z.string() }))
    .default([]),
});

export const faultFactsSchema = z.looseObject({
  target: z.string(),
  kind: z.string(),
  nodes: z.array(z.string()),
});

export const natsServerSchema = z.looseObject({
  fabric: z.string(),
  /** What for: I/O, control, or both. */
  carries: z.string().default(''),
  url: z.string(),
  version: z.string(),
  state: z.string(),
  pid: z.number().nullable(),
  restarts: z.number(),
});

export const supervisorFactsSchema = z.looseObject({
  natsUrl: z.string(),
  natsServers: z.array(natsServerSchema),
  nodes: z.array(
    z.looseObject({
      name: z.string(),
      state: z.string(),
      problem: z.string().default(''),
      /** `kind:id` */
      actors: z.array(z.string()),
    }),
  ),
  faults: z.array(faultFactsSchema).default([]),
});
