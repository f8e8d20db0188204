/**
 * Volumes that are created while the cluster runs: what is asked for, what the config database keeps of it, and what
 * hosts are told of their exports. A definition is kept as people write a volume in a topology file, so that it is
 * judged by the same rules and `nats kv get` shows what was asked for.
 */
import { z } from 'zod';
import { attachModeSchema } from './control-data.ts';
import type { HostId, VolumeId } from './ids.ts';
import { count, id } from './schema.ts';
import type { Export, Volume } from './topology.ts';
import type { ControlEpoch } from './units.ts';

/** The most volumes that may be defined beside those of the topology. */
export const definitionsMax = 1024;
export const exportsPerVolumeMax = 64;
/** A definition that takes more bytes as JSON is none. */
export const definitionBytesMax = 65_536;

/** Plain keys and values, as a YAML or JSON text gives them. */
const writtenEntry = z.record(z.string(), z.unknown());

/** Body of the command `create-volume`: entries as in a topology file, each export with its `host` and no `volume`. */
export const createVolumeSchema = z.object({
  volume: writtenEntry,
  exports: z.array(writtenEntry).max(exportsPerVolumeMax).default([]),
  /**
   * The life of the last volume of that name, 0 for none (`list-volumes` tells it): a copy of the command that comes late
   * does not bring back what was deleted meanwhile. Left out, it is not looked at.
   */
  follows: count<number>().optional(),
});
export type CreateVolume = z.infer<typeof createVolumeSchema>;

/** Body of the command `delete-volume`. */
export const deleteVolumeSchema = z.object({
  volume: id<VolumeId>(),
  /** Which volume of that name: a late copy of the command spares a namesake. Left out, whichever is there goes. */
  life: count<number>().optional(),
});

/** Body of the command `list-volumes`; with a name the answer also tells `lastLife`, 0 if there never was one. */
export const listVolumesSchema = z.object({ volume: id<VolumeId>().optional() });

/** An export with every default filled in, as text. */
export const writtenExportSchema = z.object({
  host: id<HostId>(),
  name: z.string().min(1).max(256),
  attach: attachModeSchema,
  readOnly: z.boolean(),
  /** As in a topology: `nbd://127.0.0.1:10809`. */
  listen: z.string(),
});
export type WrittenExport = z.infer<typeof writtenExportSchema>;

/** The value of the config database's key `definition.<id>`. */
export const definitionRecordSchema = z.discriminatedUnion('state', [
  z.object({
    /** `deleting`: it was told to go, and it will, whatever fails meanwhile. */
    state: z.enum(['wanted', 'deleting']),
    /** Random: tells the volume from a namesake that came before or comes after it. */
    life: count<number>(),
    volume: writtenEntry,
    exports: z.array(writtenExportSchema).max(exportsPerVolumeMax),
  }),
  /** There was one of that name; 0: there never was. */
  z.object({ state: z.literal('deleted'), life: count<number>() }),
]);
export type DefinitionRecord = z.infer<typeof definitionRecordSchema>;
export type LiveDefinition = Exclude<DefinitionRecord, { readonly state: 'deleted' }>;

/** An export of a created volume, and whose it is. */
export interface HostExport extends Export {
  readonly host: HostId;
}

/** A definition as actors read it. */
export interface DefinedVolume {
  readonly volume: Volume;
  readonly exports: readonly HostExport[];
}

/** Body of the command `exports`. */
export const exportsQuerySchema = z.object({ host: id<HostId>() });

/** What a host serves of created volumes. Answers that came under lower numbers are old. */
export const hostExportsSchema = z.object({
  controlEpoch: count<ControlEpoch>(),
  /** Steps with each change, within a control epoch. */
  number: count<number>(),
  exports: z
    .array(
      writtenExportSchema.omit({ host: true }).extend({
        volume: id<VolumeId>(),
        /** Of the volume's definition: another one means that everything of the former is over. */
        life: count<number>(),
      }),
    )
    .max(definitionsMax),
});
export type HostExportsTold = z.infer<typeof hostExportsSchema>;

/** Body of the event `exports`: they changed. Who missed something asks. */
export const exportsChangedSchema = z.looseObject({
  controlEpoch: count<ControlEpoch>(),
  number: count<number>(),
});

/** A volume as `list-volumes` tells of it; beside these, whatever its status says. */
export const listedVolumeSchema = z.looseObject({
  volume: id<VolumeId>(),
  /** Tells a created volume from its namesakes; 0 for others. */
  life: count<number>().default(0),
  /** Where it is written: in the topology file, or only in the config database. */
  origin: z.enum(['topology', 'created']),
  state: z.string().default('unknown'),
  reason: z.string().default(''),
  /** Who has not confirmed yet, for people; '' for nobody. */
  waitingFor: z.string().default(''),
  sizeBytes: count<number>().default(0),
  logicalBlockBytes: count<number>().default(0),
  generation: count<number>().default(0),
  /** As text, as in `mirror(d1, d2)`; '' before it has a place. */
  layout: z.string().default(''),
  hosts: z.array(id<HostId>()),
  exports: z.array(writtenExportSchema),
});
export type ListedVolume = z.infer<typeof listedVolumeSchema>;

/** The answer to `create-volume` and `delete-volume`: how far the volume is. */
export const volumeProgressSchema = z.looseObject({
  /** Of a created volume; 0 for others. */
  life: count<number>().default(0),
  state: z.string(),
  reason: z.string(),
  waitingFor: z.string(),
});
