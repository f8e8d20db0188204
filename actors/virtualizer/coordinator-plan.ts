/**
 * Who is to coordinate the partitions of a volume: whom the topology names, unless an operator asked for another one,
 * as far as they are there and steady. Judges what operators ask for, and keeps it until it has been decided; then the
 * volume's record does. Pure: it is told who is there.
 */

import type { PartitionRecord, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId, SwitchId } from '../../protocols/ids.ts';
import type { Volume } from '../../protocols/topology.ts';
import type { CoordinatorMove } from '../../protocols/volume-orders.ts';
import { chooseCoordinators } from './coordinator-choice.ts';
import type { Members } from './membership.ts';
import { preferredThrough } from './preferred-ways.ts';
import { disksOf } from './publications.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

export interface CoordinatorPlanParts {
  /** By partition, whom the topology names. */
  readonly named: readonly SwitchId[];
  /** The switches that are able to. */
  readonly candidates: () => readonly SwitchId[];
  /** Whether a switch may have back what it is meant to coordinate, without an operator asking for it. */
  readonly isSteady: (id: SwitchId) => boolean;
  /** Whether a switch is too slow to coordinate. */
  readonly isOverloaded: (id: SwitchId) => boolean;
  /** How many of the ways to these disks that hosts prefer lead through each switch. */
  readonly preferredThrough: (disks: readonly DiskId[]) => ReadonlyMap<SwitchId, number>;
}

/** The plan of a volume. @param candidates the switches that are able to coordinate it */
export function coordinatorPlanOf(
  environment: VolumeEnvironment,
  { coordinators, hosts }: Volume,
  candidates: () => readonly SwitchId[],
): CoordinatorPlan {
  const { switchHealth, switchLoads, clock } = environment;
  return new CoordinatorPlan({
    named: coordinators,
    candidates,
    isSteady: (id) =>
      switchHealth.isSteady(id, clock.now()) && switchLoads.mayReturn(id, clock.now()),
    isOverloaded: (id) => switchLoads.isOverloaded(id, clock.now()),
    preferredThrough: (disks) => preferredThrough(environment, hosts, disks),
  });
}

export class CoordinatorPlan {
  readonly #parts: CoordinatorPlanParts;
  /** By partition, what an operator asked for; null: nothing since the last decision. */
  #ordered: readonly SwitchId[] | null = null;
  /** Switches that an operator wanted to coordinate though they were slow: that counts until they are well. */
  readonly #insisted = new Set<SwitchId>();

  constructor(parts: CoordinatorPlanParts) {
    this.#parts = parts;
  }

  /** An operator's word waits for nobody to be steady. */
  get isOrdered(): boolean {
    return this.#ordered !== null;
  }

  /**
   * By partition, who coordinates it from the next decision on. Only where everybody gets new numbers do partitions go
   * back to those who are meant to coordinate them, and leave those that are too slow, as long as another one is there.
   */
  choose(record: VolumeRecord, members: Members, renew: boolean): readonly SwitchId[] {
    const everybody = presentIn(members);
    const fast = everybody.filter((id) => !this.#isLeft(id));
    const mayLeave = renew && !this.isOrdered && fast.length > 0;
    const present = mayLeave ? fast : everybody;
    const mayReturn = (id: SwitchId) => this.isOrdered || this.#parts.isSteady(id);
    return chooseCoordinators({
      partitions: record.partitions,
      preferred: this.preferred(record),
      present,
      returning: renew ? present.filter(mayReturn) : [],
      preferredThrough: this.#parts.preferredThrough(disksOf(record)),
    });
  }

  /** What is to change while all is well, for people; '' when nothing is. */
  moves(record: VolumeRecord, members: Members): string {
    const isLeft = (id: SwitchId) => !this.isOrdered && this.#isLeft(id);
    return movesText(record.partitions, this.choose(record, members, true), isLeft);
  }

  /** By partition, who is meant to coordinate it. What is not able to any more is passed over. */
  preferred(record: VolumeRecord | null): readonly SwitchId[] {
    const candidates = this.#parts.candidates();
    const ordered = this.#ordered ?? record?.preferred ?? [];
    return this.#parts.named.map((one, partition) => {
      const other = ordered[partition];
      return other !== undefined && candidates.includes(other) ? other : one;
    });
  }

  /** What the next record keeps of it: nothing where it is what the topology says. */
  toRecord(record: VolumeRecord): readonly SwitchId[] {
    const preferred = this.preferred(record);
    return preferred.some((one, index) => one !== this.#parts.named[index]) ? preferred : [];
  }

  /** Takes an operator's order. @returns why not, for people; '' when it was taken. */
  order({ partition, to }: CoordinatorMove, record: VolumeRecord, members: Members): string {
    const { volume } = record;
    const { named } = this.#parts;
    const candidates = this.#parts.candidates();
    if (partition !== undefined && partition >= named.length)
      return `volume ${volume} has no partition ${partition}; it has 0 to ${named.length - 1}`;
    if (to !== undefined && !candidates.includes(to))
      return `switch ${to} cannot coordinate volume ${volume}; those that can are ${candidates.join(', ')}`;
    const isMeant = (index: number) => partition === undefined || partition === index;
    const wanted = this.preferred(record).map((one, index) =>
      isMeant(index) ? (to ?? named[index] ?? one) : one,
    );
    const present = presentIn(members);
    const away = wanted.find((one, index) => isMeant(index) && !present.includes(one));
    if (away !== undefined) return `switch ${away} is not there; see sanctor status`;
    this.#ordered = wanted;
    if (this.moves(record, members) !== '') {
      for (const [index, id] of wanted.entries()) if (isMeant(index)) this.#insisted.add(id);
      return '';
    }
    this.#ordered = null;
    return 'nothing is to be moved: that is who coordinates it now';
  }

  /** Forgets what a decision has done. */
  decided(): void {
    this.#ordered = null;
  }

  /** Whether a switch is too slow to keep its partitions. */
  #isLeft(id: SwitchId): boolean {
    const isOverloaded = this.#parts.isOverloaded(id);
    if (!isOverloaded) this.#insisted.delete(id);
    return isOverloaded && !this.#insisted.has(id);
  }
}

function presentIn(members: Members): readonly SwitchId[] {
  return members.switches.map((member) => member.switch);
}

/** `partitions 1, 3 from s2, which is slow, to s1` */
function movesText(
  partitions: readonly PartitionRecord[],
  chosen: readonly SwitchId[],
  isSlow: (id: SwitchId) => boolean,
): string {
  const moves = new Map<string, number[]>();
  for (const { partition, coordinator } of partitions) {
    const to = chosen[partition] ?? coordinator;
    const way = `from ${coordinator}${isSlow(coordinator) ? ', which is slow,' : ''} to ${to}`;
    if (to !== coordinator) moves.set(way, [...(moves.get(way) ?? []), partition]);
  }
  return [...moves]
    .map(
      ([way, numbers]) => `partition${numbers.length > 1 ? 's' : ''} ${numbers.join(', ')} ${way}`,
    )
    .join('; ');
}
