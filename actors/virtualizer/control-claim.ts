/**
 * How a virtualizer comes to decide: the cluster's identity, made once; the control epoch, stepped by compare-and-set
 * at each start, so that of two processes that both mean to decide only the later one can; and the volumes that the
 * topology does not name, whose places on the disks are taken all the same. Answers in events of its machine.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type EndedVolume, isEnded, volumeKeySchema } from '../../protocols/control-data.ts';
import type { VirtualizerId, VolumeId } from '../../protocols/ids.ts';
import type { Layout } from '../../protocols/layout/layout.ts';
import type { ConfigDatabase, Random } from '../../protocols/ports.ts';
import { count, id } from '../../protocols/schema.ts';
import { type ControlEpoch, type Incarnation, unitOf } from '../../protocols/units.ts';
import { databaseKeys, RecordStore } from './record-store.ts';
import type { VirtualizerMachineEvent } from './virtualizer-machine.ts';

/** The value of the key `cluster`. */
export const clusterRecordSchema = z.object({
  clusterIdentity: z.string().regex(/^[0-9a-f]{32}$/),
});
type ClusterRecord = z.infer<typeof clusterRecordSchema>;

/** The value of the key `control`: who decides. */
export const controlRecordSchema = z.object({
  controlEpoch: count<ControlEpoch>(),
  virtualizer: id<VirtualizerId>(),
  incarnation: count<Incarnation>(),
  /** Counts up for as long as it does (`control-lease`). */
  renewal: count<number>().default(0),
});
export type ControlRecord = z.infer<typeof controlRecordSchema>;

/** Who may decide: one process of a virtualizer. */
export interface Decider {
  readonly virtualizer: VirtualizerId;
  readonly incarnation: Incarnation;
}

export interface ClaimParts extends Decider {
  readonly database: ConfigDatabase;
  readonly random: Random;
}

interface ForeignVolumes {
  readonly layouts: Layout[];
  readonly ended: EndedVolume[];
}

/** Why another one decides, for people. */
export function lossText({ virtualizer, controlEpoch }: ControlRecord): string {
  return `virtualizer ${virtualizer} took over with control epoch ${controlEpoch}`;
}

type Tell = (event: VirtualizerMachineEvent) => void;

const unreadable = (reason: string): VirtualizerMachineEvent => ({
  type: 'database.unavailable',
  reason: `the config database cannot be used: ${reason}`,
});

export class ControlClaim {
  readonly #parts: ClaimParts;
  readonly #cluster: RecordStore<ClusterRecord>;
  readonly #control: RecordStore<ControlRecord>;
  #clusterIdentity = '';
  #foreignLayouts: readonly Layout[] = [];
  #ended: readonly EndedVolume[] = [];

  constructor(parts: ClaimParts) {
    this.#parts = parts;
    this.#cluster = new RecordStore(parts.database, databaseKeys.cluster, clusterRecordSchema);
    this.#control = new RecordStore(parts.database, databaseKeys.control, controlRecordSchema);
  }

  /** '' until it is known. */
  get clusterIdentity(): string {
    return this.#clusterIdentity;
  }

  /** Of volumes that are in the database, and that nobody wants any more or yet. */
  get foreignLayouts(): readonly Layout[] {
    return this.#foreignLayouts;
  }

  /** What stays of volumes that were deleted, but for names that are in use again. */
  get ended(): readonly EndedVolume[] {
    return this.#ended;
  }

  identify(tell: Tell): void {
    this.#cluster.read((result) => {
      if (result.outcome === 'unavailable' || result.outcome === 'invalid')
        tell(unreadable(result.reason));
      else if (result.outcome === 'found') this.#identified(result.value, tell);
      else this.#makeIdentity(tell);
    });
  }

  /**
   * Takes control from whom it was found to have left, or goes on with it: from nobody else.
   *
   * @param held the epoch that this process held last; 0 before the first
   * @param floor what the next one must exceed
   * @param free what was there when nobody was found to decide any more; null: nothing
   */
  claim(
    { held, floor, free }: { held: number; floor: number; free: ControlRecord | null },
    tell: Tell,
  ): void {
    this.#control.read((result) => {
      if (result.outcome === 'unavailable' || result.outcome === 'invalid')
        return tell(unreadable(result.reason));
      const last = result.outcome === 'found' ? result.value : null;
      const { virtualizer, incarnation } = this.#parts;
      const isOwn = last?.incarnation === incarnation;
      if (last !== null && !isOwn && !isDeepStrictEqual(last, free))
        return tell({ type: 'control.lost', reason: lossText(last) });
      const controlEpoch = unitOf<ControlEpoch>(Math.max(last?.controlEpoch ?? 0, held, floor) + 1);
      this.#control.write({ controlEpoch, virtualizer, incarnation, renewal: 0 }, (written) => {
        if (written.outcome === 'written') tell({ type: 'control.taken', controlEpoch });
        else tell({ type: 'control.contested', reason: contestText(written) });
      });
    });
  }

  /** @param known volumes that are read by their own machines */
  listVolumes(known: readonly VolumeId[], tell: Tell): void {
    this.#parts.database.list(databaseKeys.volumes, (result) => {
      if ('unavailable' in result) return tell(unreadable(result.unavailable));
      const own = known.map((volume) => databaseKeys.volume(volume));
      this.#readForeign(
        result.keys.filter((key) => !own.includes(key)),
        { layouts: [], ended: [] },
        tell,
      );
    });
  }

  /** One key after the other: a list of many must not become many requests at once. */
  #readForeign(keys: readonly string[], foreign: ForeignVolumes, tell: Tell): void {
    const [key, ...others] = keys;
    if (key === undefined) {
      this.#foreignLayouts = foreign.layouts;
      this.#ended = foreign.ended;
      tell({ type: 'volumes.listed' });
      return;
    }
    new RecordStore(this.#parts.database, key, volumeKeySchema).read((result) => {
      if (result.outcome === 'unavailable' || result.outcome === 'invalid')
        return tell(unreadable(result.reason));
      const value = result.outcome === 'found' ? result.value : null;
      if (value !== null && isEnded(value)) foreign.ended.push(value);
      else if (value !== null) foreign.layouts.push(value.layout);
      this.#readForeign(others, foreign, tell);
    });
  }

  #makeIdentity(tell: Tell): void {
    const words = Array.from({ length: 4 }, () => this.#parts.random.integer(2 ** 32));
    const clusterIdentity = words.map((word) => word.toString(16).padStart(8, '0')).join('');
    this.#cluster.write({ clusterIdentity }, (written) => {
      if (written.outcome === 'written') this.#identified({ clusterIdentity }, tell);
      else tell(unreadable(contestText(written)));
    });
  }

  #identified({ clusterIdentity }: ClusterRecord, tell: Tell): void {
    this.#clusterIdentity = clusterIdentity;
    tell({ type: 'cluster.known' });
  }
}

function contestText(
  written: { readonly outcome: 'conflict' } | { readonly outcome: 'unknown'; reason: string },
): string {
  return written.outcome === 'conflict'
    ? 'somebody else wrote at the same time'
    : `whether a write arrived is not known: ${written.reason}`;
}
