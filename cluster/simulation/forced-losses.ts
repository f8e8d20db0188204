/**
 * What the history of a volume is told of an operator's force: since when the mirror that is taken for right was not in
 * sync, until when it may have got anything, and when hosts are first told to go on with it. Read off the decisions as
 * they are written.
 */
import { decodeJson } from '../../actors/json.ts';
import {
  controlDataSchema,
  type MirrorSetRecord,
  type VolumeRecord,
} from '../../protocols/control-data.ts';
import { cutRange } from '../../protocols/layout/geometry.ts';
import { extentsOf, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import { sectorBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { VolumeHistory } from '../history/volume-history.ts';
import { isForced } from './membership-history.ts';
import type { VolumeCount } from './recorded-volume.ts';

/** Of a mirror that is not in sync. */
interface Absence {
  readonly leftAt: number;
  /** Infinity while it is copied to. */
  readonly heldUntil: number;
}

const never = Number.POSITIVE_INFINITY;

export class ForcedLosses {
  readonly #history: VolumeHistory;
  readonly #count: VolumeCount;
  /** As `set/mirror`. */
  readonly #absences = new Map<string, Absence>();
  #last: VolumeRecord | null = null;
  /** The decision that lost something, until hosts are told to go on; null when there is none. */
  #unserved: VolumeRecord | null = null;

  constructor(history: VolumeHistory, count: VolumeCount) {
    this.#history = history;
    this.#count = count;
  }

  /** A decision about the volume was written. */
  decided(record: VolumeRecord): void {
    const at = this.#count.moment++;
    const before = this.#last;
    this.#last = record;
    for (const set of record.mirrorSets) {
      const former = before?.mirrorSets.find((each) => each.set === set.set);
      if (former !== undefined && isForced(former, set)) this.#lost(record, set, at);
      this.#note(former, set, at);
    }
  }

  /** Hosts are told something of the volume. */
  told(data: Uint8Array): void {
    if (this.#unserved === null) return;
    const { state, generation } = controlDataSchema.parse(decodeJson(data));
    if (state !== 'serving' || generation < this.#unserved.generation) return;
    this.#unserved = null;
    this.#history.servedAfterLoss(this.#count.moment++);
  }

  #note(former: MirrorSetRecord | undefined, { set, mirrors }: MirrorSetRecord, at: number): void {
    for (const [mirror, state] of mirrors.entries()) {
      const name = `${set}/${mirror}`;
      const { leftAt, heldUntil } = this.#absences.get(name) ?? { leftAt: at, heldUntil: at };
      const isCopiedTo = state === 'resyncing';
      const wasCopiedTo = former?.mirrors[mirror] === 'resyncing';
      if (state === 'in-sync') this.#absences.delete(name);
      else if (isCopiedTo) this.#absences.set(name, { leftAt, heldUntil: never });
      else this.#absences.set(name, { leftAt, heldUntil: wasCopiedTo ? at : heldUntil });
    }
  }

  #lost(record: VolumeRecord, { set, mirrors }: MirrorSetRecord, decidedAt: number): void {
    const absence = this.#absences.get(`${set}/${mirrors.indexOf('in-sync')}`);
    const { leftAt, heldUntil } = absence ?? { leftAt: decidedAt, heldUntil: decidedAt };
    const isIn = sectorsIn(record, set);
    const covers = (sector: number) => isIn[sector] === true;
    this.#history.lossForced({ leftAt, heldUntil, decidedAt, covers });
    this.#unserved = record;
  }
}

/** By sector of the volume, whether it lies in that set. */
function sectorsIn(
  { layout, sizeBytes }: VolumeRecord,
  set: MirrorSetRecord['set'],
): readonly boolean[] {
  const place = mirrorSetsOf(layout).find((each) => each.set === set);
  const extents = place === undefined ? [] : extentsOf(place.node).map(({ extent }) => extent);
  const range = { start: unitOf<VolumeOffset>(0), lengthBytes: sizeBytes };
  return cutRange(layout, range).flatMap(({ legs, lengthBytes }) => {
    const isIn = legs.some(({ extent }) => extents.includes(extent));
    return Array.from({ length: lengthBytes / sectorBytes }, () => isIn);
  });
}
