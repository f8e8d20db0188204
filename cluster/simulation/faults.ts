/**
 * What can go wrong in a simulated cluster, kind by kind: each strikes once, at a target that is drawn, and heals by
 * itself. When and how often is left to `fault-schedule.ts`.
 */
import { unheardCommand } from './command-strikes.ts';
import { putBackCopy } from './copy-strikes.ts';
import { databaseOld, databasePause } from './database-strikes.ts';
import { forceAssembly } from './force-strikes.ts';
import { cutOffHost, hbaDown, hbaFlap, strandWriter } from './host-strikes.ts';
import { powerCutAmidMarks, powerCutOnceEqual } from './mark-strikes.ts';
import { badSectors, blockRot, diskReadError, failingDisk, halfWrite } from './media-strikes.ts';
import {
  cutApart,
  deafDisk,
  disconnect,
  linkDown,
  linkFlap,
  oneWayLink,
  partition,
  serverRestart,
  slowSwitch,
  stall,
  strandCache,
} from './network-strikes.ts';
import {
  brownOut,
  crashOf,
  crashTwo,
  deleteInTrouble,
  diskAway,
  pause,
  powerCut,
  powerCutAfterFlush,
  powerCutInWrite,
  restartOf,
  restartYoung,
  standstill,
} from './process-strikes.ts';
import { type Strike, spellOf } from './strike.ts';

interface FaultKind {
  /** How often it is drawn, compared to the others. */
  readonly weight: number;
  /** The same where there are several NATS servers, if that differs. */
  readonly weightOnSeveral?: number;
  /** It is drawn before all others instead, as one fault of so many: seeds that do not draw it stay what they were. */
  readonly onceIn?: number;
  readonly strike: Strike;
}

const percent = 10_000;

/** No fault, but a change in the middle of them. A database that may forget what it promised vouches for no volume. */
const operate: Strike = ({ world, operator }, random) =>
  world.database.syncsEveryWrite ? operator.act(random) : null;

/** Another change: partitions are moved while all is well, or is not. */
const moveCoordinators: Strike = ({ operator }, random) => operator.move(random);

export const faultKinds = {
  operate: { weight: 10, strike: operate },
  deleteInTrouble: {
    weight: 8,
    strike: (targets, random) =>
      targets.world.database.syncsEveryWrite ? deleteInTrouble(targets, random) : null,
  },
  disconnect: { weight: 16, strike: disconnect },
  stall: { weight: 5, strike: stall },
  pause: { weight: 6, strike: pause },
  standstill: { weight: 2, strike: standstill },
  partition: { weight: 2, strike: partition },
  cutApart: { weight: 3, strike: cutApart },
  crashHost: { weight: 5, strike: crashOf('host') },
  crashSwitch: { weight: 9, strike: crashOf('switch') },
  crashDisk: { weight: 9, strike: crashOf('disk') },
  diskAway: { weight: 8, strike: diskAway },
  crashVirtualizer: { weight: 5, strike: crashOf('virtualizer') },
  restart: { weight: 5, strike: restartOf() },
  restartHost: { weight: 4, strike: restartOf('host') },
  restartYoung: { weight: 4, strike: restartYoung },
  crashTwo: { weight: 3, strike: crashTwo },
  powerCut: { weight: 2, strike: powerCut },
  powerCutInWrite: { weight: 4, strike: powerCutInWrite },
  powerCutAfterFlush: { weight: 4, strike: powerCutAfterFlush },
  powerCutAmidMarks: { weight: 0, onceIn: 60, strike: powerCutAmidMarks },
  powerCutOnceEqual: { weight: 0, onceIn: 60, strike: powerCutOnceEqual },
  brownOut: { weight: 2, strike: brownOut },
  linkDown: { weight: 5, strike: linkDown },
  linkFlap: { weight: 5, strike: linkFlap },
  oneWayLink: { weight: 4, strike: oneWayLink },
  slowSwitch: { weight: 4, strike: slowSwitch },
  deafDisk: { weight: 4, strike: deafDisk },
  strandWriter: { weight: 6, strike: strandWriter },
  cutOffHost: { weight: 5, strike: cutOffHost },
  unheardCommand: { weight: 3, strike: unheardCommand },
  strandCache: { weight: 6, strike: strandCache },
  hbaDown: { weight: 3, strike: hbaDown },
  hbaFlap: { weight: 2, strike: hbaFlap },
  serverRestart: { weight: 4, weightOnSeveral: 45, strike: serverRestart },
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
  diskReadError: { weight: 6, strike: diskReadError },
  failingDisk: { weight: 5, strike: failingDisk },
  halfWrite: { weight: 8, strike: halfWrite },
  blockRot: { weight: 10, strike: blockRot },
  badSectors: { weight: 6, strike: badSectors },
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
  databaseOld: { weight: 6, strike: databaseOld },
  databasePause: { weight: 3, strike: databasePause },
  moveCoordinators: { weight: 10, strike: moveCoordinators },
  putBackCopy: { weight: 0, onceIn: 120, strike: putBackCopy },
  forceAssembly: { weight: 0, onceIn: 200, strike: forceAssembly },
} as const satisfies Record<string, FaultKind>;

/** How often faults of a kind are drawn, compared to the others. */
export function weightOf(name: FaultName, servers: number): number {
  const { weight, weightOnSeveral = weight }: FaultKind = faultKinds[name];
  return servers > 1 ? weightOnSeveral : weight;
}

/** Of how many faults this is one, drawn before all others; null for those that have a weight. */
export function onceInOf(name: FaultName): number | null {
  const kind: FaultKind = faultKinds[name];
  return kind.onceIn ?? null;
}

export type FaultName = keyof typeof faultKinds;
export const faultNames = Object.keys(faultKinds) as readonly FaultName[];
