/**
 * What can go wrong in a simulated cluster, kind by kind: each strikes once, at a target that is drawn, and heals by
 * itself. When and how often is left to `fault-schedule.ts`.
 */
import type { ActorAddress } from '../../protocols/ids.ts';
import type { SimulatedBus } from './bus.ts';
import type { Conditions, Spell } from './conditions.ts';
import type { SeededRandom } from './random.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** What faults act on. */
export interface FaultTargets {
  readonly world: World;
  readonly conditions: Conditions;
  /** Requests of consumers that have not ended. */
  openIos(): number;
  /** Calls once, when the next request of a consumer begins. */
  onNextRequest(listener: () => void): void;
  /** Calls once, when the actors of this node have just been started. */
  onNextStart(node: SimulatedNode, listener: () => void): void;
  /** Kills a process; whoever uses it is told. */
  crash(node: SimulatedNode): void;
  /** Ends a process in good order, and lets it start again. */
  restart(node: SimulatedNode): void;
  /** Takes the power from everything, and gives it back by and by. */
  powerCut(downMs: number): void;
}

/** Does it, and says what it did; null when there is nothing that it could strike now. */
type Strike = (targets: FaultTargets, random: SeededRandom) => string | null;

interface FaultKind {
  /** How often it is drawn, compared to the others. */
  readonly weight: number;
  readonly strike: Strike;
}

const percent = 10_000;
const longPartitionsIn = 6;
const longPartitionMsMax = 16_000;
/** A process has just begun: its disk is being opened, its hosts are being attached. */
const youngMsMax = 60;
/** Disks write about a hundred times a second, and some thousand times in a checkpoint. */
const writesAheadMax = 1000;

function isRunning(node: SimulatedNode): boolean {
  return node.isRunning && !node.isStopping && node.process?.state === 'running';
}

/**
 * Some running nodes, different ones: as many as are wanted, or all that there are. Whether one runs does not change
 * what is drawn, nor which of the others is chosen.
 */
function pickNodes(
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

function pickNode(
  world: World,
  random: SeededRandom,
  kind?: ActorAddress['kind'],
): SimulatedNode | null {
  return pickNodes(world, random, 1, kind)[0] ?? null;
}

function pickBus(world: World, random: SeededRandom): SimulatedBus | null {
  const node = pickNode(world, random);
  return node === null || node.buses.length === 0 ? null : random.pick(node.buses);
}

function crashOf(kind: ActorAddress['kind']): Strike {
  return (targets, random) => {
    const node = pickNode(targets.world, random, kind);
    if (node === null) return null;
    targets.crash(node);
    return node.node.id;
  };
}

/** Begins a spell of bad conditions; it lasts up to `msMax`. */
function spellOf(draw: (random: SeededRandom) => Spell, msMax: number): Strike {
  return (targets, random) => {
    const spell = draw(random);
    const durationMs = random.between(msMax / 10, msMax);
    targets.conditions.add(spell, durationMs);
    return `${JSON.stringify(spell)} for ${durationMs.toFixed(0)} ms`;
  };
}

const disconnect: Strike = ({ world }, random) => {
  const bus = pickBus(world, random);
  if (bus === null) return null;
  const downMs = random.between(0, 600);
  bus.cut(downMs);
  return `${bus.name} for ${downMs.toFixed(0)} ms`;
};

const stall: Strike = ({ world }, random) => {
  const bus = pickBus(world, random);
  if (bus === null) return null;
  const stalledMs = random.between(50, 5000);
  bus.stall();
  world.clock.setTimeout(() => bus.release(), stalledMs);
  return `${bus.name} for ${stalledMs.toFixed(0)} ms`;
};

const pause: Strike = ({ world }, random) => {
  const process = pickNode(world, random)?.process ?? null;
  if (process === null) return null;
  const pausedMs = random.between(20, 4000);
  process.pause();
  world.clock.setTimeout(() => process.resume(), pausedMs);
  return `${process.name} for ${pausedMs.toFixed(0)} ms`;
};

/** One way, between two processes; seldom for longer than anybody waits for a command. */
const partition: Strike = ({ world }, random) => {
  const [from, to] = pickNodes(world, random, 2).map(({ node }) => node.id);
  if (from === undefined || to === undefined) return null;
  const isLong = random.integer(longPartitionsIn) === 0;
  const lastsMs = random.between(100, isLong ? longPartitionMsMax : 4000);
  world.network.partition(from, to);
  world.clock.setTimeout(() => world.network.heal(from, to), lastsMs);
  return `${from} to ${to} for ${lastsMs.toFixed(0)} ms`;
};

/** A NATS server ends and is started again; the one for control takes the config database with it. */
const serverRestart: Strike = ({ world }, random) => {
  const server = random.pick([...world.network.servers]);
  if (!server.up || !world.hasPower) return null;
  const downMs = random.between(30, 1500);
  const holdsDatabase = server.name === world.topology.control;
  server.stop();
  if (holdsDatabase) world.database.stop();
  world.clock.setTimeout(() => {
    server.start();
    if (holdsDatabase) world.database.start();
  }, downMs);
  return `${server.name} for ${downMs.toFixed(0)} ms`;
};

const databasePause: Strike = ({ world }, random) => {
  if (world.database.state !== 'up') return null;
  const pausedMs = random.between(100, 4000);
  world.database.pause();
  world.clock.setTimeout(() => world.database.resume(), pausedMs);
  return `for ${pausedMs.toFixed(0)} ms`;
};

const crashTwo: Strike = (targets, random) => {
  const [one, other] = pickNodes(targets.world, random, 2);
  if (one === undefined || other === undefined) return null;
  targets.crash(one);
  targets.crash(other);
  return `${one.node.id} and ${other.node.id}`;
};

function restartOf(kind?: ActorAddress['kind']): Strike {
  return (targets, random) => {
    const node = pickNode(targets.world, random, kind);
    if (node === null) return null;
    targets.restart(node);
    return node.node.id;
  };
}

/** An operator ends what has only just been started, if anything is started soon. */
const restartYoung: Strike = (targets, random) => {
  const node = pickNode(targets.world, random);
  const afterMs = random.between(0, youngMsMax);
  if (node === null) return null;
  targets.crash(node);
  targets.onNextStart(node, () => {
    targets.world.clock.setTimeout(() => {
      if (isRunning(node)) targets.restart(node);
    }, afterMs);
  });
  return `${node.node.id}, ${afterMs.toFixed(0)} ms after it has been started again`;
};

const powerCut: Strike = (targets, random) => {
  if (!targets.world.hasPower) return null;
  const downMs = random.between(10, 1500);
  targets.powerCut(downMs);
  return `for ${downMs.toFixed(0)} ms`;
};

/** The power fails while all disks are slow: in the middle of what takes them long, as checkpoints do. */
const brownOut: Strike = ({ world, conditions, powerCut: cut }, random) => {
  if (!world.hasPower) return null;
  const times = random.pick([10, 50, 200]);
  const afterMs = random.between(100, 1500);
  const downMs = random.between(10, 1000);
  for (const { id: disk } of world.topology.disks)
    conditions.add({ slow: { disk, times } }, afterMs);
  world.clock.setTimeout(() => cut(downMs), afterMs);
  return `slow by ${times} for ${afterMs.toFixed(0)} ms, off for ${downMs.toFixed(0)} ms`;
};

/** The power fails while a disk writes: in a checkpoint as likely as in the journal. */
const powerCutInWrite: Strike = ({ world, powerCut: cut }, random) => {
  if (!world.hasPower) return null;
  const writes = 1 + random.integer(writesAheadMax);
  const downMs = random.between(10, 1000);
  world.afterStoreWrites(writes, () => cut(downMs));
  return `in write ${writes} from now, for ${downMs.toFixed(0)} ms`;
};

export const faultKinds = {
  disconnect: { weight: 16, strike: disconnect },
  stall: { weight: 5, strike: stall },
  pause: { weight: 6, strike: pause },
  partition: { weight: 5, strike: partition },
  crashHost: { weight: 5, strike: crashOf('host') },
  crashSwitch: { weight: 9, strike: crashOf('switch') },
  crashDisk: { weight: 9, strike: crashOf('disk') },
  crashVirtualizer: { weight: 5, strike: crashOf('virtualizer') },
  restart: { weight: 5, strike: restartOf() },
  restartHost: { weight: 4, strike: restartOf('host') },
  restartYoung: { weight: 4, strike: restartYoung },
  crashTwo: { weight: 3, strike: crashTwo },
  powerCut: { weight: 2, strike: powerCut },
  powerCutInWrite: { weight: 4, strike: powerCutInWrite },
  brownOut: { weight: 2, strike: brownOut },
  serverRestart: { weight: 4, strike: serverRestart },
  loss: {
    weight: 10,
    strike: spellOf(
      (random) => ({ weather: { lossPerMillion: random.integer(8) * percent } }),
      4000,
    ),
  },
  late: {
    weight: 8,
    strike: spellOf(
      (random) => ({
        weather: {
          latePerMillion: random.integer(20) * percent,
          lateMsMax: random.between(5, 800),
        },
      }),
      4000,
    ),
  },
  delay: {
    weight: 5,
    strike: spellOf((random) => ({ weather: { delayMsMean: random.between(0.2, 20) } }), 4000),
  },
  repeat: {
    weight: 10,
    strike: spellOf(
      (random) => ({
        weather: {
          repeatPerMillion: random.integer(30) * percent,
          repeatLateMsMax: random.pick([5, 100, 1500, 6000]),
        },
      }),
      5000,
    ),
  },
  slowDisk: {
    weight: 8,
    strike: (targets, random) => {
      const disk = random.pick(targets.world.topology.disks).id;
      const times = random.pick([10, 50, 400]);
      return spellOf(() => ({ slow: { disk, times } }), 3000)(targets, random);
    },
  },
  databaseUnknown: {
    weight: 5,
    strike: spellOf(
      (random) => ({
        database: {
          lostRequests: random.integer(40) * percent,
          lostAnswers: random.integer(40) * percent,
        },
      }),
      6000,
    ),
  },
  databaseLate: {
    weight: 4,
    strike: spellOf((random) => ({ database: { lateWrites: random.integer(60) * percent } }), 6000),
  },
  databaseOld: {
    weight: 4,
    strike: spellOf((random) => ({ database: { oldReads: random.integer(60) * percent } }), 6000),
  },
  databasePause: { weight: 3, strike: databasePause },
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof faultKinds;
export const faultNames = Object.keys(faultKinds) as readonly FaultName[];
