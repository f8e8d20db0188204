/** What befalls processes: they crash, stand still, are ended by an operator, or lose their power. */
import { assertNever } from '../../protocols/codes.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import { deafen, isRunning, pickNode, pickNodes, type Strike } from './strike.ts';

/** Disks write about a hundred times a second, and some thousand times in a checkpoint. */
const writesAheadMax = 1000;
/** A process has just begun: its disk is being opened, its hosts are being attached. */
const youngMsMax = 60;

export function crashOf(kind: ActorAddress['kind']): Strike {
  return (targets, random) => {
    const node = pickNode(targets.world, random, kind);
    if (node === null) return null;
    targets.crash(node);
    return node.node.id;
  };
}

/** Longer than any volume waits for a disk before it goes on without it. */
const diskAwayMsMin = 2200;
const diskAwayMsMax = 9000;

/** A disk is away for long: volumes go on without it, and take it back. */
export const diskAway: Strike = (targets, random) => {
  const node = pickNode(targets.world, random, 'disk');
  if (node === null) return null;
  const awayMs = random.between(diskAwayMsMin, diskAwayMsMax);
  targets.crash(node, awayMs);
  return `${node.node.id} for ${awayMs.toFixed(0)} ms`;
};

export const pause: Strike = ({ world }, random) => {
  const process = pickNode(world, random)?.process ?? null;
  if (process === null) return null;
  const pausedMs = random.between(20, 4000);
  process.pause();
  world.clock.setTimeout(() => process.resume(), pausedMs);
  return `${process.name} for ${pausedMs.toFixed(0)} ms`;
};

/**
 * A process that hosts need stands still for longer than anybody waits for it; half the time a host is ended in good
 * order meanwhile, which then has nobody to say goodbye to.
 */
export const standstill: Strike = (targets, random) => {
  const kind = random.pick(['switch', 'disk', 'disk', 'virtualizer'] as const);
  const process = pickNode(targets.world, random, kind)?.process ?? null;
  const pausedMs = random.between(6000, 14_000);
  const host = pickNode(targets.world, random, 'host');
  const endsHost = random.integer(2) === 0 && host !== null;
  if (process === null) return null;
  process.pause();
  targets.world.clock.setTimeout(() => process.resume(), pausedMs);
  if (endsHost) targets.restart(host);
  const what = `${process.name} for ${pausedMs.toFixed(0)} ms`;
  return endsHost ? `${what}, and ${host.node.id} is restarted` : what;
};

/**
 * A volume is deleted at a bad moment: one of the disks or switches that must hear of it has just died, or stands still
 * for longer than anybody waits for it; the volume is in trouble itself, or its coordinators are being moved.
 */
export const deleteInTrouble: Strike = (targets, random) => {
  const { world, operator, crash, later } = targets;
  const [first] = world.topology.disks;
  const node = pickNode(world, random, random.pick(['disk', 'disk', 'switch'] as const));
  const process = node?.process ?? null;
  const moment = random.pick(['dying', 'standing still', 'resting', 'yielding'] as const);
  const afterMs = random.between(0, 400);
  const pausedMs = random.between(12_000, 16_000);
  const actor = random.fork('operator');
  if (node === null || process === null || !operator.wouldDelete) return null;
  switch (moment) {
    case 'dying':
      crash(node);
      later(afterMs, () => operator.act(actor));
      return `${node.node.id} dies, ${afterMs.toFixed(0)} ms before`;
    case 'standing still': {
      const what = operator.act(actor);
      later(afterMs, () => {
        process.pause();
        world.clock.setTimeout(() => process.resume(), pausedMs);
      });
      return `${what} while ${process.name} stands still for ${pausedMs.toFixed(0)} ms`;
    }
    case 'resting':
      // A disk that every made volume lies on: its hosts give up, and tell of it.
      if (first !== undefined)
        deafen(targets, first.id, 0, world.topology.policies.ioDeadlineMs + 500);
      return operator.deleteOnce('gathering.resting', { everyMs: 20, withinMs: 8000 }, actor);
    case 'yielding':
      operator.moveMade(actor.fork('move'));
      return operator.deleteOnce('yielding', { everyMs: 1, withinMs: 300 }, actor);
    default:
      return assertNever(moment, 'moment');
  }
};

export const crashTwo: Strike = (targets, random) => {
  const [one, other] = pickNodes(targets.world, random, 2);
  if (one === undefined || other === undefined) return null;
  targets.crash(one);
  targets.crash(other);
  return `${one.node.id} and ${other.node.id}`;
};

export function restartOf(kind?: ActorAddress['kind']): Strike {
  return (targets, random) => {
    const node = pickNode(targets.world, random, kind);
    if (node === null) return null;
    targets.restart(node);
    return node.node.id;
  };
}

/** An operator ends what has only just been started, if anything is started soon. */
export const restartYoung: Strike = (targets, random) => {
  const node = pickNode(targets.world, random);
  const afterMs = random.between(0, youngMsMax);
  if (node === null) return null;
  targets.crash(node);
  targets.onNextStart(node, () => {
    targets.later(afterMs, () => {
      if (isRunning(node)) targets.restart(node);
    });
  });
  return `${node.node.id}, ${afterMs.toFixed(0)} ms after it has been started again`;
};

export const powerCut: Strike = (targets, random) => {
  if (!targets.world.hasPower) return null;
  const downMs = random.between(10, 1500);
  targets.powerCut(downMs);
  return `for ${downMs.toFixed(0)} ms`;
};

/** The power fails while all disks are slow: in the middle of what takes them long, as checkpoints do. */
export const brownOut: Strike = ({ world, conditions, powerCut: cut }, random) => {
  if (!world.hasPower) return null;
  const times = random.pick([10, 50, 200]);
  const afterMs = random.between(100, 1500);
  const downMs = random.between(10, 1000);
  for (const { id: disk } of world.topology.disks)
    conditions.add({ slow: { disk, times } }, afterMs);
  world.clock.setTimeout(() => cut(downMs), afterMs);
  return `slow by ${times} for ${afterMs.toFixed(0)} ms, off for ${downMs.toFixed(0)} ms`;
};

/** The power fails just when a host has been told that what another one wrote is durable. */
export const powerCutAfterFlush: Strike = ({ world, handOver, powerCut: cut }, random) => {
  if (!world.hasPower) return null;
  const downMs = random.between(10, 1000);
  const who = handOver(random.fork('handover'), () => cut(downMs));
  return who === null ? null : `for ${downMs.toFixed(0)} ms, once ${who}`;
};

/** The power fails while a disk writes: in a checkpoint as likely as in the journal. */
export const powerCutInWrite: Strike = ({ world, powerCut: cut }, random) => {
  if (!world.hasPower) return null;
  const writes = 1 + random.integer(writesAheadMax);
  const downMs = random.between(10, 1000);
  world.afterStoreWrites(writes, () => cut(downMs));
  return `in write ${writes} from now, for ${downMs.toFixed(0)} ms`;
};
