/**
 * Who coordinates which partition (DESIGN H4, I5): the switches that could, and, of those that are there, the one for
 * each partition. Pure; what a choice costs those who write is the decider's to weigh.
 */
import type { PartitionRecord } from '../../protocols/control-data.ts';
import type { DiskId, HostId, SwitchId } from '../../protocols/ids.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';

/** What a switch must reach, and be able to do, to coordinate a volume. */
export interface Coordination {
  readonly hosts: readonly HostId[];
  readonly disks: readonly DiskId[];
  /** Copies of each byte. */
  readonly copies: number;
  /** By partition: who is to coordinate it while everything is well. */
  readonly preferred: readonly SwitchId[];
}

type Input = Pick<
  VirtualizerInput,
  'virtualizingSwitches' | 'coordinatorRoutes' | 'disksReachedBy' | 'topology'
>;

/** The switches that could coordinate a volume: those that are meant to, and then every other that is able to. */
export function candidatesOf(input: Input, coordination: Coordination): readonly SwitchId[] {
  const { hosts, disks, copies, preferred } = coordination;
  const able = input.virtualizingSwitches.filter((id) => {
    const { limits } = input.topology.switches.find((each) => each.id === id) ?? {};
    const reached = input.disksReachedBy(id);
    return (
      limits !== undefined &&
      limits.mirrorsMax >= copies &&
      disks.every((disk) => reached.has(disk)) &&
      hosts.every((host) => input.coordinatorRoutes(host, id).length > 0)
    );
  });
  return [...new Set([...preferred, ...able])];
}

export interface ChoiceQuestion {
  readonly partitions: readonly PartitionRecord[];
  readonly preferred: readonly SwitchId[];
  /** The candidates that are there, in the order in which they are to be taken. */
  readonly present: readonly SwitchId[];
  /** Those that may have back what they are meant to coordinate. */
  readonly returning: readonly SwitchId[];
  /** How many of the ways that hosts prefer lead through each. */
  readonly preferredThrough: ReadonlyMap<SwitchId, number>;
}

/**
 * By partition the switch that is to coordinate it. One that is there keeps what it has, unless it stands in for one
 * that is back. What nobody has goes to who is meant to have it; else to the one that lies on most of the ways that hosts
 * prefer, and of several to the one with the fewest partitions. What hosts prefer moves nothing that somebody has: it
 * changes too often for that.
 */
export function chooseCoordinators(question: ChoiceQuestion): readonly SwitchId[] {
  const { partitions, preferred, present, returning, preferredThrough } = question;
  const isPresent = (id: SwitchId | undefined): id is SwitchId =>
    id !== undefined && present.includes(id);
  const chosen = partitions.map(({ partition, coordinator, epoch }): SwitchId | null => {
    const meant = preferred[partition];
    const isFree = !isPresent(coordinator) || epoch === 0;
    if (isPresent(meant) && (isFree || coordinator === meant || returning.includes(meant)))
      return meant;
    return isPresent(coordinator) ? coordinator : null;
  });
  const ways = (id: SwitchId) => preferredThrough.get(id) ?? 0;
  const most = Math.max(...present.map(ways));
  const favoured = present.filter((id) => ways(id) === most);
  const counts = new Map(favoured.map((id) => [id, chosen.filter((one) => one === id).length]));
  return partitions.map(({ coordinator }, index) => {
    const one = chosen[index] ?? leastLoaded(counts) ?? coordinator;
    if (chosen[index] === null) counts.set(one, (counts.get(one) ?? 0) + 1);
    return one;
  });
}

function leastLoaded(counts: ReadonlyMap<SwitchId, number>): SwitchId | null {
  let least: SwitchId | null = null;
  for (const [id, count] of counts)
    if (least === null || count < (counts.get(least) ?? 0)) least = id;
  return least;
}
