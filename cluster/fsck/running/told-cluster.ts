/**
 * What a running cluster tells of itself: what the config database holds, and what each actor answers when it is asked how
 * it is. Only looked at. Answers of one moment need not fit together, for something may be decided between two of them.
 */
import type { z } from 'zod';
import {
  clusterRecordSchema,
  controlRecordSchema,
} from '../../../actors/virtualizer/control-claim.ts';
import {
  databaseKeys,
  type RecordRead,
  RecordStore,
} from '../../../actors/virtualizer/record-store.ts';
import {
  type Answer,
  type Description,
  descriptionSchema,
  verbs,
} from '../../../protocols/commands.ts';
import {
  type EndedVolume,
  type VolumeRecord,
  volumeKeySchema,
} from '../../../protocols/control-data.ts';
import {
  assemblableDiskStates,
  type DiskFacts,
  diskFactsSchema,
} from '../../../protocols/facts.ts';
import type { ActorAddress, DiskId, VirtualizerId, VolumeId } from '../../../protocols/ids.ts';
import type { ConfigDatabase } from '../../../protocols/ports.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { virtualizerFactsSchema } from '../../status-facts.ts';
import { decidingOf } from '../../status-report.ts';

export type Ask = (
  receiver: ActorAddress,
  verb: string,
  body: object,
  timeoutMs?: number,
) => Promise<Answer>;

/** A disk as it presents itself. */
export type ToldDisk =
  | { readonly kind: 'silent' }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'open'; readonly facts: DiskFacts; readonly instance: number };

/** The virtualizer that decides. */
export interface ToldVirtualizer {
  readonly id: VirtualizerId;
  readonly facts: z.infer<typeof virtualizerFactsSchema>;
}

export interface ToldCluster {
  readonly topology: Topology;
  /** Why something in the config database cannot be read, for people. */
  readonly unreadable: readonly { readonly volume?: VolumeId; readonly reason: string }[];
  /** '' where the config database does not say. */
  readonly clusterIdentity: string;
  /** Who decides, by the config database; null where it does not say. */
  readonly controlEpoch: number | null;
  /** What was decided last of each volume. */
  readonly records: ReadonlyMap<VolumeId, VolumeRecord>;
  /** Of volumes that were deleted. */
  readonly ended: ReadonlyMap<VolumeId, EndedVolume>;
  readonly disks: ReadonlyMap<DiskId, ToldDisk>;
  /** Switches and hosts by name; null: no answer. */
  readonly others: ReadonlyMap<string, Description | null>;
  /** Null: nobody says that it does. */
  readonly virtualizer: ToldVirtualizer | null;
}

/** Reads and asks all at once. */
export async function tellOf(
  topology: Topology,
  database: ConfigDatabase,
  ask: Ask,
): Promise<ToldCluster> {
  const [decided, disks, others, virtualizer] = await Promise.all([
    readDatabase(database),
    disksOf(topology, ask),
    othersOf(topology, ask),
    virtualizerOf(topology, ask),
  ]);
  return { topology, ...decided, disks, others, virtualizer };
}

type Decided = Pick<
  ToldCluster,
  'unreadable' | 'clusterIdentity' | 'controlEpoch' | 'records' | 'ended'
>;

/** Keys that are read at the same time. */
const readsMax = 64;

async function readDatabase(database: ConfigDatabase): Promise<Decided> {
  const unreadable: { volume?: VolumeId; reason: string }[] = [];
  const failed = (reason: string, volume?: VolumeId) => {
    if (unreadable.some((each) => each.reason === reason)) return;
    unreadable.push({ ...(volume === undefined ? {} : { volume }), reason });
  };
  const read = async <Value>(key: string, schema: z.ZodType<Value>, volume?: VolumeId) => {
    const result = await new Promise<RecordRead<Value>>((done) =>
      new RecordStore(database, key, schema).read(done),
    );
    if (result.outcome === 'unavailable' || result.outcome === 'invalid')
      failed(result.reason, volume);
    return result.outcome === 'found' ? result.value : null;
  };
  const cluster = await read(databaseKeys.cluster, clusterRecordSchema);
  const control = await read(databaseKeys.control, controlRecordSchema);
  const records = new Map<VolumeId, VolumeRecord>();
  const ended = new Map<VolumeId, EndedVolume>();
  const listed = await new Promise<{ keys: readonly string[] } | { unavailable: string }>((done) =>
    database.list(databaseKeys.volumes, done),
  );
  if ('unavailable' in listed) failed(listed.unavailable);
  const keys = 'keys' in listed ? listed.keys : [];
  for (let from = 0; from < keys.length; from += readsMax)
    await Promise.all(
      keys.slice(from, from + readsMax).map(async (key) => {
        const volume = key.slice(databaseKeys.volumes.length) as VolumeId;
        const value = await read(key, volumeKeySchema, volume);
        if (value === null) return;
        if ('state' in value) ended.set(volume, value);
        else records.set(volume, value);
      }),
    );
  return {
    unreadable,
    clusterIdentity: cluster?.clusterIdentity ?? '',
    controlEpoch: control?.controlEpoch ?? null,
    records,
    ended,
  };
}

async function describe(ask: Ask, address: ActorAddress): Promise<Description | null> {
  const answer = await ask(address, verbs.describe, {});
  return answer.ok ? (descriptionSchema.safeParse(answer).data ?? null) : null;
}

async function disksOf(topology: Topology, ask: Ask): Promise<ReadonlyMap<DiskId, ToldDisk>> {
  return new Map(
    await Promise.all(
      topology.disks.map(async ({ id }): Promise<[DiskId, ToldDisk]> => {
        return [id, toldDiskOf(await describe(ask, { kind: 'disk', id }))];
      }),
    ),
  );
}

function toldDiskOf(description: Description | null): ToldDisk {
  if (description === null) return { kind: 'silent' };
  const { state, facts, incarnation } = description;
  const reason = facts.reason ? `: ${String(facts.reason)}` : '';
  if (!assemblableDiskStates.includes(state))
    return { kind: 'unusable', reason: `its state is ${state}${reason}` };
  const parsed = diskFactsSchema.safeParse(facts);
  if (!parsed.success)
    return { kind: 'unusable', reason: 'it does not present itself as this version expects' };
  return { kind: 'open', facts: parsed.data, instance: incarnation };
}

async function othersOf(
  topology: Topology,
  ask: Ask,
): Promise<ReadonlyMap<string, Description | null>> {
  const addresses: readonly ActorAddress[] = [
    ...topology.switches.map(({ id }) => ({ kind: 'switch', id }) as const),
    ...topology.hosts.map(({ id }) => ({ kind: 'host', id }) as const),
  ];
  return new Map(
    await Promise.all(
      addresses.map(async (address): Promise<[string, Description | null]> => {
        return [address.id, await describe(ask, address)];
      }),
    ),
  );
}

async function virtualizerOf(topology: Topology, ask: Ask): Promise<ToldVirtualizer | null> {
  const told = await Promise.all(
    topology.virtualizers.map(async ({ id }): Promise<readonly ToldVirtualizer[]> => {
      const description = await describe(ask, { kind: 'virtualizer', id });
      const facts = virtualizerFactsSchema.safeParse(description?.facts).data;
      return facts === undefined ? [] : [{ id, facts }];
    }),
  );
  return decidingOf(told.flat()) ?? null;
}
