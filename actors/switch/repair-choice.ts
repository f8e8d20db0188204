/**
 * Which mirror of a block is right, when one of them is bad (DESIGN I8, I13): one that can be read and has the highest
 * tag of all that are in sync, and never a guess. A tag that is lost says nothing; but where there is one, a copy that was
 * never written is no evidence that there was nothing. Pure. The blocks are held: no write is under way that could be
 * told by tags.
 */
import { checksumOf } from '../../protocols/checksums.ts';
import {
  isTagLost,
  recordChecksum,
  recordEpoch,
  recordWriteNumber,
} from '../../protocols/frames/tag-records.ts';

/** One block as a mirror holds it. */
export interface MirrorBlock {
  /** The mirror's tag records, and the place of the block among them. */
  readonly records: DataView;
  readonly index: number;
  /** Null when the mirror could not read it. */
  readonly bytes: Uint8Array | null;
}

export type RepairChoice =
  /** All mirrors can be read and have the same tag. */
  | { readonly kind: 'good' }
  /** Copied from `source` to all, as indices into the mirrors; `bad` could not be read, or have an older tag. */
  | { readonly kind: 'copy'; readonly source: number; readonly bad: readonly number[] }
  /** Nobody knows what is right, or it cannot be read. */
  | { readonly kind: 'kept'; readonly reason: string; readonly bad: readonly number[] };

/**
 * Judges one block on all its mirrors.
 *
 * @param inSyncCount how many of them are in sync, the first ones: what the others hold says nothing of what is right
 */
export function chooseSource(mirrors: readonly MirrorBlock[], inSyncCount: number): RepairChoice {
  const inSync = mirrors.slice(0, inSyncCount);
  const choice = chooseInSync(inSync);
  if (choice.kind === 'kept') return choice;
  const source = choice.kind === 'copy' ? choice.source : 0;
  const right = inSync[source];
  const unequal = mirrors.flatMap((mirror, place) =>
    place >= inSyncCount && right !== undefined && !isEqual(mirror, right) ? [place] : [],
  );
  if (unequal.length === 0) return choice;
  const bad = choice.kind === 'copy' ? [...choice.bad, ...unequal] : unequal;
  return { kind: 'copy', source, bad };
}

function chooseInSync(mirrors: readonly MirrorBlock[]): RepairChoice {
  const known = mirrors.filter((mirror) => !isLost(mirror));
  const newest = known.reduce<MirrorBlock | null>(
    (highest, mirror) => (highest === null || isNewer(mirror, highest) ? mirror : highest),
    null,
  );
  if (mirrors.length === 0) return { kind: 'good' };
  const isRight = (mirror: MirrorBlock) =>
    mirror.bytes !== null && !isLost(mirror) && newest !== null && !isNewer(newest, mirror);
  const bad = mirrors.flatMap((mirror, place) => (isRight(mirror) ? [] : [place]));
  if (newest !== null && numberOf(newest) === 0 && known.length < mirrors.length)
    return { kind: 'kept', reason: 'a tag of it is lost, and no other copy was ever written', bad };
  const source = mirrors.findIndex(isRight);
  const chosen = mirrors[source];
  const right = chosen?.bytes ?? null;
  if (chosen === undefined || right === null) {
    const isAny = mirrors.some(({ bytes }) => bytes !== null);
    const reason = isAny ? 'its newest copy cannot be read' : 'no copy of it can be read';
    return { kind: 'kept', reason, bad };
  }
  const differs = mirrors.some(
    ({ bytes }, place) => !bad.includes(place) && bytes !== null && !isSame(bytes, right),
  );
  // A disk that hands out what its own tag does not fit is not believed either.
  if (differs || !fitsTag(chosen, right))
    return { kind: 'kept', reason: 'mirrors hold different bytes with the same tag', bad };
  return bad.length === 0 ? { kind: 'good' } : { kind: 'copy', source, bad };
}

function isLost({ records, index }: MirrorBlock): boolean {
  return isTagLost(records, index);
}

function isNewer(one: MirrorBlock, other: MirrorBlock): boolean {
  const epoch = recordEpoch(one.records, one.index);
  const otherEpoch = recordEpoch(other.records, other.index);
  if (epoch !== otherEpoch) return epoch > otherEpoch;
  return numberOf(one) > numberOf(other);
}

function isEqual(one: MirrorBlock, other: MirrorBlock): boolean {
  const isSameTag = !isNewer(one, other) && !isNewer(other, one);
  return isSameTag && one.bytes !== null && other.bytes !== null && isSame(one.bytes, other.bytes);
}

function numberOf({ records, index }: MirrorBlock): number {
  return recordWriteNumber(records, index);
}

/** A block that was never written has no checksum. */
function fitsTag(mirror: MirrorBlock, bytes: Uint8Array): boolean {
  if (numberOf(mirror) === 0) return true;
  return checksumOf(bytes) === recordChecksum(mirror.records, mirror.index);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
