/** What every kind of fault is made of: what it acts on, and how it chooses. */
import type { FaultTarget } from '../../protocols/faults.ts';
import type { ActorAddress, DiskId, HostId } from '../../protocols/ids.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import type { SimulatedBus } from './bus.ts';
import type { Conditions, Spell } from './conditions.ts';
import type { Operator } from './operator.ts';
import type { SeededRandom } from './random.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** What faults act on. */
export interface FaultTargets {
  readonly world: World;
  readonly conditions: Conditions;
  readonly operator: Operator;
  /** Requests of consumers that have not ended. */
  openIos(): number;
  /** A later step of a fault: it is not taken once faults are over. What ends a fault needs none of it. */
  later(afterMs: number, step: () => void): void;
  /** Calls once, when the next request of a consumer begins. */
  onNextRequest(listener: () => void): void;
  /** Calls once, when the actors of this node have just been started. */
  onNextStart(node: SimulatedNode, listener: () => void): void;
  /** Kills a process; whoever uses it is told. It stays away for at least so long. */
  crash(node: SimulatedNode, awayMs?: number): void;
  /** Ends a process in good order, and lets it start again. */
  restart(node: SimulatedNode): void;
  /**
   * One consumer writes, and another one of the same volume flushes that, if there are two; calls once, when the flush has
   * succeeded. @returns who does what; null when no volume is served
   */
  handOver(random: SeededRandom, flushed: () => void): string | null;
  /** Where this host is writing volumes that it shares, others read and write, too, for so long. */
  contend(host: HostId, random: SeededRandom, forMs: number): void;
  /** Takes the power from everything, and gives it back by and by. */
  powerCut(downMs: number): void;
}

/** Does it, and says what it did; null when there is nothing that it could strike now. */
export type Strike = (targets: FaultTargets, random: SeededRandom) => string | null;

export function isRunning(node: SimulatedNode): boolean {
  return node.isRunning && !node.isStopping && node.process?.state === 'running';
}

/**
 * Some running nodes, different ones: as many as are wanted, or all that there are. Whether one runs does not change
 * what is drawn, nor which of the others is chosen.
 */
export function pickNodes(
  { nodes }: World,
  random: SeededRandom,
  wanted: number,
  kind?: ActorAddress['kind'],
): readonly SimulatedNode[] {
  return nodes
    .map((node) => ({ node, rank: random.word() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ node }) => node)
    .filter((node) => isRunning(node) && (kind === undefined || node.kind === kind))
    .slice(0, wanted);
}

export function pickNode(
  world: World,
  random: SeededRandom,
  kind?: ActorAddress['kind'],
): SimulatedNode | null {
  return pickNodes(world, random, 1, kind)[0] ?? null;
}

export function pickBus(world: World, random: SeededRandom): SimulatedBus | null {
  const node = pickNode(world, random);
  return node === null || node.buses.length === 0 ? null : random.pick(node.buses);
}

/** Begins a spell of bad conditions; it lasts up to `msMax`. */
export function spellOf(draw: (random: SeededRandom) => Spell, msMax: number): Strike {
  return (targets, random) => {
    const spell = draw(random);
    const durationMs = random.between(msMax / 10, msMax);
    targets.conditions.add(spell, durationMs);
    return `${JSON.stringify(spell)} for ${durationMs.toFixed(0)} ms`;
  };
}

/** A link or HBA is down for a while. */
export function takeDown(
  { world, later }: FaultTargets,
  target: FaultTarget,
  afterMs: number,
  downMs: number,
): void {
  later(afterMs, () => {
    world.inject({ kind: 'down', target });
    world.clock.setTimeout(() => world.heal(target), downMs);
  });
}

/** A disk hears no I/O for a while, over no link, and commands all the same: nobody takes it for gone. */
export function deafen(
  { world, later }: FaultTargets,
  disk: DiskId,
  afterMs: number,
  lastsMs: number,
): void {
  const { cluster, links } = world.topology;
  const ends = links.filter((link) => link.ends.some((end) => end === disk));
  const receiver = { kind: 'disk', id: disk } as const;
  const subjects = ends.map(({ id }) => subjectsOf(cluster).io(receiver, id));
  later(afterMs, () => {
    for (const subject of subjects) world.network.silence(subject);
    world.clock.setTimeout(() => {
      for (const subject of subjects) world.network.endSilence(subject);
    }, lastsMs);
  });
}
