/**
 * What an operator's force is for (DESIGN I4): the only mirror in sync is lost for good while another one lags behind it.
 * The volume must refuse to serve until the operator has it go on with that one. Who was lost comes back in the end, with
 * all that it had: it must be overruled; or another disk is put in its place, with nothing on it.
 */
import type { MirrorSetRecord, MirrorState } from '../../protocols/control-data.ts';
import type { DiskId, MirrorSetId, VolumeId } from '../../protocols/ids.ts';
import { extentsOf, type MirrorSet, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import { type Generation, unitOf } from '../../protocols/units.ts';
import { recordOf } from './media-damage.ts';
import { isForced } from './membership-history.ts';
import type { SeededRandom } from './random.ts';
import { canBeMissed, replaceDisk } from './replaced-disk.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { FaultTargets, Strike } from './strike.ts';

/** How often is looked how far it is: sooner than a mirror is copied. */
const lookMs = 5;
const askAgainMs = 250;
/** From when a mirror is let go until it is decided to be stale. */
const staleWithinMs = 8000;
/** From when it is back until it is copied to. */
const copiedWithinMs = 8000;
/** Writes that one mirror alone has. */
const aloneMsMax = 2500;
/** What the operator waits for before it forces. */
const patienceMsMax = 2000;
const forcedWithinMs = 12_000;
/** From the force until who was lost comes back. */
const awayMsMax = 6000;
/** Of so many times who was lost does not come back. */
const replacedIn = 2;
/** Of so many times it only looks, and who was lost comes back. */
const onlyLooksIn = 5;
/** Of so many times the mirror that is left was just being copied to. */
const lagsIn = 3;
/** Of so many times it is tried to force something that is not needed. */
const needlessIn = 2;

interface Loss {
  readonly volume: VolumeId;
  readonly set: MirrorSetId;
  readonly place: MirrorSet;
  /** The mirror that is left. */
  readonly survivor: readonly DiskId[];
  /** The last one in sync. */
  readonly lost: readonly DiskId[];
  /** All but the lost ones. */
  readonly behind: readonly DiskId[];
  readonly isCopiedTo: boolean;
  /** The operator forces, too, while nothing is missing. */
  readonly isNeedless: boolean;
  readonly isMeant: boolean;
  /** Null: the lost disks come back; else another one takes the place of each. */
  readonly replacing: SeededRandom | null;
  readonly aloneMs: number;
  readonly patienceMs: number;
  readonly awayMs: number;
}

export const forceAssembly: Strike = (targets, random) => {
  const { database } = targets.world;
  const loss = drawnLoss(targets, random);
  // A database that may forget what it promised vouches for no force either.
  if (loss === null || !database.syncsEveryWrite || !targets.world.hasPower) return null;
  new ForcedAssembly(targets, loss).begin();
  const { volume, set, survivor, lost, isCopiedTo, isMeant, replacing } = loss;
  const how = isMeant ? 'goes on' : 'might go on';
  const fate = replacing === null ? '' : ', destroyed';
  const state = isCopiedTo ? 'being copied to' : 'stale';
  return `${volume} ${how} with ${survivor.join(', ')} of ${set}, ${state}, without ${lost.join(', ')}${fate}`;
};

function drawnLoss({ world }: FaultTargets, random: SeededRandom): Loss | null {
  const volume = random.pick(world.topology.volumes).id;
  const isCopiedTo = random.integer(lagsIn) === 0;
  const isNeedless = random.integer(needlessIn) === 0;
  const isMeant = random.integer(onlyLooksIn) > 0;
  const aloneMs = random.between(0, aloneMsMax);
  const patienceMs = random.between(0, patienceMsMax);
  const awayMs = random.between(0, awayMsMax);
  const replacement = random.fork('replacement');
  const replacing = replacement.integer(replacedIn) === 0 ? replacement : null;
  const record = recordOf(world.database, volume);
  if (record === null) return null;
  const place = random.pick(mirrorSetsOf(record.layout));
  const mirrors = place.node.children.map((_, mirror) => ({ mirror, rank: random.word() }));
  const [one, ...others] = mirrors.sort((a, b) => a.rank - b.rank).map(({ mirror }) => mirror);
  const [other] = others;
  if (one === undefined || other === undefined) return null;
  const [survivor, lost] = [disksOf(place, other), disksOf(place, one)];
  const behind = others.flatMap((mirror) => disksOf(place, mirror));
  const sides = { set: place.set, place, survivor, lost, behind };
  const how = { isCopiedTo, isNeedless, isMeant, replacing, aloneMs, patienceMs, awayMs };
  return { volume, ...sides, ...how };
}

function disksOf({ node }: MirrorSet, mirror: number): readonly DiskId[] {
  const child = node.children[mirror];
  return child === undefined ? [] : [...new Set(extentsOf(child).map(({ disk }) => disk))];
}

class ForcedAssembly {
  readonly #targets: FaultTargets;
  readonly #loss: Loss;
  /** Before anything was forced. */
  #before: MirrorSetRecord | null = null;

  constructor(targets: FaultTargets, loss: Loss) {
    this.#targets = targets;
    this.#loss = loss;
  }

  begin(): void {
    if (this.#loss.isNeedless) this.#forceNeedlessly(() => this.#leaveBehind());
    else this.#leaveBehind();
  }

  /** Nothing is missing, mostly: then it must be refused. Where the last mirror in sync is away by chance, it stands. */
  #forceNeedlessly(done: () => void): void {
    const { world, operator, later } = this.#targets;
    const { volume, survivor } = this.#loss;
    const generation = recordOf(world.database, volume)?.generation;
    world.membership.ordered(volume, survivor);
    operator.assemble({ volume, disks: [...survivor], isForced: true, generation }, (answer) => {
      if (!answer.ok && answer.reason !== 'timeout') world.membership.withdrawn(volume);
      later(0, done);
    });
  }

  /** All mirrors but one go, until that is decided, and that one goes on alone for a while. */
  #leaveBehind(): void {
    const { behind, lost, aloneMs } = this.#loss;
    const isAlone = () => {
      this.#holdDown(behind);
      const isWithout = behind.every((disk) => this.#stateOn(disk) === 'stale');
      return isWithout && lost.every((disk) => this.#stateOn(disk) === 'in-sync');
    };
    this.#once(isAlone, staleWithinMs, () => this.#targets.later(aloneMs, () => this.#comeBack()));
  }

  /** Those behind come back when the last one in sync is lost, or just before. */
  #comeBack(): void {
    const { behind, survivor, isCopiedTo } = this.#loss;
    if (!isCopiedTo) {
      this.#lose();
      return;
    }
    this.#release(behind);
    const isBack = () => survivor.every((disk) => this.#stateOn(disk) === 'resyncing');
    this.#once(isBack, copiedWithinMs, () => this.#lose());
  }

  #lose(): void {
    const { behind, lost, patienceMs } = this.#loss;
    const { world, later } = this.#targets;
    this.#before = this.#record();
    this.#holdDown(lost);
    this.#release(behind);
    const untilMs = world.clock.now() + forcedWithinMs;
    later(patienceMs, () => this.#force(untilMs));
  }

  /** First looks what would be lost; asks again until that is decided. */
  #force(untilMs: number): void {
    const { world, operator, later } = this.#targets;
    const { volume, survivor, lost, isMeant, awayMs } = this.#loss;
    if (this.#isForced) later(awayMs, () => this.#giveBack());
    else if (world.clock.now() > untilMs) this.#release(lost);
    else {
      this.#holdDown(lost);
      const again = () => later(askAgainMs, () => this.#force(untilMs));
      const order = { volume, disks: [...survivor] };
      operator.assemble({ ...order, isForced: false }, (looked) => {
        if (!looked.ok || !isMeant) return again();
        const generation = unitOf<Generation>(Number(looked.generation));
        later(0, () => {
          world.membership.ordered(volume, survivor);
          operator.assemble({ ...order, isForced: true, generation }, again);
        });
      });
    }
  }

  /** A disk is replaced only where nobody waits for what is on it. */
  #giveBack(): void {
    const { world } = this.#targets;
    const { lost, replacing } = this.#loss;
    this.#holdDown(lost);
    if (replacing === null || !world.hasPower || !lost.every((disk) => canBeMissed(world, disk)))
      this.#release(lost);
    else
      for (const disk of lost)
        replaceDisk(world, disk, replacing.fork(disk), () => {
          world.trace.note(`disk ${disk} is replaced`);
          this.#release([disk]);
        });
  }

  get #isForced(): boolean {
    const record = this.#record();
    return this.#before !== null && record !== null && isForced(this.#before, record);
  }

  #record(): MirrorSetRecord | null {
    const { volume, set } = this.#loss;
    const record = recordOf(this.#targets.world.database, volume);
    return record?.mirrorSets.find((each) => each.set === set) ?? null;
  }

  /** Of the mirror on a disk. */
  #stateOn(disk: DiskId): MirrorState | null {
    const { place } = this.#loss;
    const mirror = place.node.children.findIndex((_, index) =>
      disksOf(place, index).includes(disk),
    );
    return this.#record()?.mirrors[mirror] ?? null;
  }

  /** Goes on once something is so; if it does not come to that, all is as it was. */
  #once(isSo: () => boolean, withinMs: number, then: () => void): void {
    const { world, later } = this.#targets;
    const untilMs = world.clock.now() + withinMs;
    const look = (): void => {
      if (isSo()) then();
      else if (world.clock.now() < untilMs) later(lookMs, look);
      else this.#release([...this.#loss.lost, ...this.#loss.behind]);
    };
    look();
  }

  /** After a power cut, too, when everybody has been started again. */
  #holdDown(disks: readonly DiskId[]): void {
    for (const node of this.#nodesOf(disks)) this.#targets.world.holdDown(node);
  }

  #release(disks: readonly DiskId[]): void {
    for (const node of this.#nodesOf(disks)) this.#targets.world.release(node);
  }

  #nodesOf(disks: readonly DiskId[]): readonly SimulatedNode[] {
    const { nodes } = this.#targets.world;
    return nodes.filter((node) => node.disks.some((disk) => disks.includes(disk)));
  }
}
