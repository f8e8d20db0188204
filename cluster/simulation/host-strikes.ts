/** What cuts hosts off: from answers, from commands, or from a fabric, while they go on. */
import type { HostId } from '../../protocols/ids.ts';
import type { SeededRandom } from './random.ts';
import type { SimulatedNode } from './simulated-node.ts';
import {
  type FaultTargets,
  isRunning,
  pickNode,
  pickNodes,
  type Strike,
  takeDown,
} from './strike.ts';

/** Of writers that are stranded one in so many gets nothing out any more, instead of hearing nothing. */
const delayedWritersIn = 3;
/** How long others go on using the same places once the writer is back. */
const contendedMs = 1000;
const lateMsMax = 1500;
const leaderlessMs = 1000;

/**
 * A host hears no answers any more, just when writes of it are under way; then a switch that coordinates some of them
 * dies. Others go on through its successor before the host is back, which then asks again for what has long been done;
 * half the time nobody can ask it anything meanwhile.
 */
export const strandWriter: Strike = (targets, random) => {
  const { world } = targets;
  const node = pickNode(world, random, 'host');
  const [victim] = pickNodes(world, random, 1, 'switch');
  const isDeaf = random.integer(2) === 0;
  const awayMs = random.between(1000, isDeaf ? 9000 : 3700);
  const crashAfterMs = random.between(0, 800);
  const [host] = node?.assembled?.hosts ?? [];
  const form = random.fork('form');
  if (node === null || victim === undefined || host === undefined) return null;
  if (form.integer(delayedWritersIn) === 0) return delayWriter(targets, node, host.id, form);
  targets.contend(host.id, random.fork('contention'), awayMs + contendedMs);
  const hbas = world.topology.hosts.find(({ id }) => id === host.id)?.hbas ?? [];
  for (const { id } of hbas) takeDown(targets, `hba:${id}`, 0, awayMs);
  if (isDeaf)
    for (const bus of node.buses.filter(({ role }) => role === 'control')) {
      bus.stall();
      world.clock.setTimeout(() => bus.release(), awayMs);
    }
  targets.later(crashAfterMs, () => targets.crash(victim));
  const what = `${host.id}${isDeaf ? ', deaf' : ''} for ${awayMs.toFixed(0)} ms`;
  return `${what}; ${victim.node.id} dies after ${crashAfterMs.toFixed(0)} ms`;
};

/**
 * What a host sends gets stuck in its connections until after the deadline, just when nobody is there who could fence
 * it: it arrives late, while others use the same places.
 */
function delayWriter(
  targets: FaultTargets,
  node: SimulatedNode,
  host: HostId,
  random: SeededRandom,
): string {
  const { world } = targets;
  const { ioDeadlineMs } = world.topology.policies;
  const lateMs = ioDeadlineMs + random.between(0, lateMsMax);
  const virtualizer = pickNode(world, random, 'virtualizer');
  for (const bus of node.buses.filter(({ role }) => role !== 'control')) {
    bus.stall();
    world.clock.setTimeout(() => bus.release(), lateMs);
  }
  if (virtualizer !== null) targets.crash(virtualizer, lateMs + leaderlessMs);
  targets.contend(host, random.fork('contention'), lateMs + leaderlessMs + contendedMs);
  return `${host} sends ${lateMs.toFixed(0)} ms late; ${virtualizer?.node.id ?? 'no virtualizer'} dies`;
}

/** Who says nothing for so long is taken for gone, if anybody looks. */
const goneMsMin = 3500;
const cutOffMsMax = 12_000;

/** One time in so many the switch that is taken for gone as well goes on, with all that it has read. */
const deafSwitchesIn = 3;

/**
 * A host is cut off from the command network for so long that its volumes may be given to others, or go on without it.
 * What it has open goes on meanwhile, and it learns of everything at once when it is back: when all is settled, or in the
 * middle of the next change. It may be about to let go by then, or have only just begun. A switch is gone meanwhile, or
 * cut off, too: then the two go on together as if nothing had been decided.
 */
export const cutOffHost: Strike = (targets, random) => {
  const { world } = targets;
  const node = pickNode(world, random, 'host');
  const [one, other] = pickNodes(world, random, 2, 'switch');
  const how = random.pick(['comes back', 'amid change', 'leaves', 'leaves', 'young'] as const);
  const cutMs = random.between(goneMsMin, cutOffMsMax);
  const earlierMs = random.between(0, 200);
  const leavesMs = random.between(goneMsMin - 500, cutMs);
  const isDeaf = random.integer(deafSwitchesIn) === 0;
  if (node === null || one === undefined || other === undefined) return null;
  const cut = (): void => {
    cutControl(node, cutMs);
    if (how === 'amid change') targets.later(cutMs - earlierMs, () => targets.crash(other));
    if (how === 'leaves')
      targets.later(leavesMs, () => {
        if (isRunning(node)) targets.restart(node);
      });
  };
  // Without it something has to be decided.
  if (isDeaf) cutControl(one, cutMs);
  else targets.crash(one);
  if (how === 'young') {
    targets.crash(node);
    targets.onNextStart(node, () => targets.later(earlierMs, cut));
  } else cut();
  const fate = isDeaf ? 'is cut off, too' : 'dies';
  return `${node.node.id} for ${cutMs.toFixed(0)} ms, and ${how}; ${one.node.id} ${fate}`;
};

function cutControl(node: SimulatedNode, lastsMs: number): void {
  for (const bus of node.buses.filter(({ role }) => role === 'control')) bus.cut(lastsMs);
}

/** One time in so many all HBAs of a host come and go together. */
const flappingHostsIn = 3;

/** An HBA's connection is gone for a while; its host goes on. */
export const hbaDown: Strike = (targets, random) => {
  const { id } = random.pick(targets.world.topology.hosts.flatMap(({ hbas }) => hbas));
  const downMs = random.between(20, 4000);
  takeDown(targets, `hba:${id}`, 0, downMs);
  return `${id} for ${downMs.toFixed(0)} ms`;
};

const flapsMin = 3;
const flapsMax = 8;

/** An HBA comes and goes several times within seconds, so that nobody trusts it for a while; or all of a host do. */
export const hbaFlap: Strike = (targets, random) => {
  const { hbas } = random.pick(targets.world.topology.hosts);
  const one = random.pick(hbas);
  const struck = random.integer(flappingHostsIn) === 0 ? hbas : [one];
  const times = flapsMin + random.integer(flapsMax - flapsMin + 1);
  const downMs = random.between(20, 400);
  const upMs = random.between(5, 400);
  for (let flap = 0; flap < times; flap++)
    for (const { id } of struck) takeDown(targets, `hba:${id}`, flap * (downMs + upMs), downMs);
  const names = struck.map(({ id }) => id).join(', ');
  return `${names}, ${times} times for ${downMs.toFixed(0)} ms, up for ${upMs.toFixed(0)} ms`;
};
