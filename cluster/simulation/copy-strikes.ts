/**
 * An operator puts a disk back from a copy that was made earlier, by mistake, and notices after a while: nothing of it may be
 * read, nor copied to others, before it has been made equal. The disk as it had been last comes back, if a volume waits for it.
 */
import { type VolumeRecord, volumeRecordSchema } from '../../protocols/control-data.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { DiskInstance } from '../../protocols/units.ts';
import { isMissedIn } from './replaced-disk.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { MemoryMedium } from './store.ts';
import { pickNode, type Strike } from './strike.ts';
import type { World } from './world.ts';

/** Long enough for marks of hosts to be taken back. */
const agoMsMin = 2000;
const agoMsMax = 12_000;
const inPlaceMsMin = 2000;
const inPlaceMsMax = 9000;
/** From when the copy is there until all other disks crash, if they do. */
const aloneAfterMsMax = 4000;
/** Of so many times the others stay. */
const aloneIn = 2;
/** Decisions that are under way when a disk goes are written by then. */
const decidedWithinMs = 300;
const lookEveryMs = 100;
/** Until volumes that took the copy for a disk go on without it. */
const missedWithinMs = 8000;
const againMs = 6000;

/** The disk as it was before the mistake. */
interface Original {
  readonly bytes: Uint8Array;
  readonly starts: readonly DiskInstance[];
}

export const putBackCopy: Strike = ({ world, later, crash }, random) => {
  const node = pickNode(world, random, 'disk');
  const agoMs = random.between(agoMsMin, agoMsMax);
  const inPlaceMs = random.between(inPlaceMsMin, inPlaceMsMax);
  const isAlone = random.integer(aloneIn) === 0;
  const aloneAfterMs = random.between(0, aloneAfterMsMax);
  const [disk] = node?.disks ?? [];
  const medium = disk === undefined ? undefined : world.media.get(disk);
  if (node === null || disk === undefined || medium === undefined) return null;
  if (node.disks.length > 1 || !world.hasPower) return null;
  const mistake = new Mistake(world, node, disk, medium);
  mistake.copy();
  later(agoMs, () => {
    if (!mistake.putBack()) return;
    world.clock.setTimeout(() => mistake.undo(), inPlaceMs);
    const others = world.nodes.filter((each) => each !== node && each.disks.length > 0);
    const crashOthers = () => {
      for (const each of others) crash(each, inPlaceMs / 2);
    };
    if (isAlone) later(aloneAfterMs, crashOthers);
  });
  const fate = isAlone ? `; all others die ${aloneAfterMs.toFixed(0)} ms later` : '';
  return `${disk}, as it was ${agoMs.toFixed(0)} ms ago, for ${inPlaceMs.toFixed(0)} ms${fate}`;
};

class Mistake {
  readonly #world: World;
  readonly #node: SimulatedNode;
  readonly #disk: DiskId;
  readonly #medium: MemoryMedium;
  #copy: Uint8Array = new Uint8Array();
  #original: Original | null = null;

  constructor(world: World, node: SimulatedNode, disk: DiskId, medium: MemoryMedium) {
    this.#world = world;
    this.#medium = medium;
    this.#node = node;
    this.#disk = disk;
  }

  copy(): void {
    this.#world.holdDown(this.#node);
    this.#copy = this.#bytes();
    this.#world.release(this.#node);
  }

  /** @returns false where the disk does not run, or was replaced: nobody has an original that could come back */
  putBack(): boolean {
    const starts = this.#node.assembled?.disks[0]?.opened?.superblock.content.starts;
    if (starts === undefined || this.#isReplaced) return false;
    this.#world.holdDown(this.#node);
    this.#original = { bytes: this.#bytes(), starts };
    this.#overwrite(this.#copy);
    this.#world.release(this.#node);
    return true;
  }

  /** Where nobody waits for the disk as it was, the copy is a disk like another by now. */
  undo(): void {
    this.#world.holdDown(this.#node);
    this.#world.clock.setTimeout(() => this.#decideFate(), decidedWithinMs);
  }

  #decideFate(): void {
    const members = this.#records().flatMap(({ disks }) =>
      disks.filter(({ disk }) => disk === this.#disk),
    );
    const { starts = [] } = this.#original ?? {};
    const isWaitedFor = members.some(({ instance }) => starts.includes(instance));
    const isTaken = members.some(({ instance }) => !starts.includes(instance));
    if (!isWaitedFor || this.#isReplaced) this.#world.release(this.#node);
    else if (!isTaken) this.#restore();
    else this.#onceMissed(this.#world.clock.now() + missedWithinMs);
  }

  /** Some volumes took the copy, others wait for the original: those must be able to do without it. */
  #onceMissed(untilMs: number): void {
    const { clock } = this.#world;
    if (this.#isMissed) this.#restore();
    else if (clock.now() < untilMs) clock.setTimeout(() => this.#onceMissed(untilMs), lookEveryMs);
    else {
      this.#world.release(this.#node);
      clock.setTimeout(() => this.undo(), againMs);
    }
  }

  /** Another disk has its place for good. */
  get #isReplaced(): boolean {
    return this.#world.media.get(this.#disk) !== this.#medium;
  }

  get #isMissed(): boolean {
    const { starts = [] } = this.#original ?? {};
    const taking = this.#records().filter(({ disks }) =>
      disks.some(({ disk, instance }) => disk === this.#disk && !starts.includes(instance)),
    );
    return taking.every((record) => isMissedIn(record, this.#disk));
  }

  #restore(): void {
    if (this.#original !== null) this.#overwrite(this.#original.bytes);
    this.#world.trace.note(`disk ${this.#disk} is put back as it was last`);
    this.#world.release(this.#node);
  }

  #records(): readonly VolumeRecord[] {
    const { database } = this.#world;
    return database.peekKeys('volume.').flatMap((key) => {
      const found = database.peek(key);
      if (found.outcome !== 'found') return [];
      const record = volumeRecordSchema.safeParse(JSON.parse(found.value)).data;
      return record === undefined ? [] : [record];
    });
  }

  #bytes(): Uint8Array {
    return this.#medium.peek(0, this.#medium.sizeBytes);
  }

  #overwrite(bytes: Uint8Array): void {
    this.#medium.corrupt(0, (all) => all.set(bytes), bytes.length);
  }
}
