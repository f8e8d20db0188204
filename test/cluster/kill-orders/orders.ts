/**
 * Orders of killing and restarting the disks of a mirror volume, by name. `3:121321` has three mirrors: each step kills
 * the disk of that number when it runs, and starts it again when it does not. In `3:121321@4:settling#1` the fourth
 * step comes as soon as the volume has become `settling` for the first time after the third one, not when all has come
 * to rest. In `3p:121321` disks lose their power, and with it what they had not made durable. Everything about an order
 * follows from its name.
 */
import { SeededRandom } from '../../../cluster/simulation/random.ts';

export type Mirrors = 2 | 3;
/** What is taken from a disk: its process only, or its power. */
export type Kill = 'process' | 'power';

/** The states of a volume in which it is struck. */
export const struckStates = [
  'gathering.looking',
  'gathering.waiting',
  'deciding',
  'fencing',
  'loading',
  'settling',
  'serving',
  'yielding',
] as const;
/** Not a state: a mirror that is being made equal, some time after that began. */
export const copying = 'copying';

/** A step of the protocol: a state, and for the how manieth time since the step before, as `fencing#2`. */
export type Moment = string;
/** By the second time a disk that came back becomes in sync; what comes after that is like it. */
export const passesMax = 2;
export const moments: readonly Moment[] = [
  ...struckStates.flatMap((state) =>
    Array.from({ length: passesMax }, (_, pass) => momentOf(state, pass + 1)),
  ),
  momentOf(copying, 1),
];

export function momentOf(state: string, pass: number): Moment {
  return `${state}#${pass}`;
}

/** A step that does not wait until all has come to rest. */
export interface MovedStep {
  /** Counted from 1; the first has nothing to be moved into. */
  readonly step: number;
  readonly moment: Moment;
}

export interface KillOrder {
  readonly name: string;
  readonly mirrors: Mirrors;
  readonly kill: Kill;
  /** By step, the number of the disk, from 1. */
  readonly steps: readonly number[];
  readonly moved: MovedStep | null;
}

export const stepsMax = 6;

/** @throws RangeError when it names none. */
export function orderNamed(name: string): KillOrder {
  const [, count = '', power = '', steps = '', step, moment = ''] =
    /^([23])(p?):([123]+)(?:@([2-6]):(\S+))?$/.exec(name) ?? [];
  const mirrors = Number(count) as Mirrors;
  const disks = [...steps].map(Number);
  const isOrder = disks.length > 0 && disks.every((disk) => disk <= mirrors);
  const isMoved = step !== undefined;
  if (!isOrder || (isMoved && !(Number(step) <= disks.length && moments.includes(moment))))
    throw new RangeError(`${name} names no kill order; write them as 3:121321@4:settling#1`);
  return {
    name,
    mirrors,
    kill: power === '' ? 'process' : 'power',
    steps: disks,
    moved: isMoved ? { step: Number(step), moment } : null,
  };
}

/** All that wait after each step, of the most steps: shorter ones are their beginnings. */
export function restingOrders(mirrors: Mirrors, kill: Kill): readonly string[] {
  let orders = [`${mirrors}${kill === 'power' ? 'p' : ''}:`];
  for (let step = 0; step < stepsMax; step++)
    orders = orders.flatMap((order) =>
      Array.from({ length: mirrors }, (_, disk) => `${order}${disk + 1}`),
    );
  return orders;
}

/** What the volume went through after each step of an order that waits, from its first step on. */
export type MomentsMet = readonly (readonly Moment[])[];

/**
 * The same order with one step moved, for each moment that there was to move it into. Where several steps could be moved
 * there, all are with two mirrors, and one is drawn with three.
 */
export function movedOrders(resting: string, met: MomentsMet): readonly string[] {
  const random = new SeededRandom(resting).fork('moved');
  const { mirrors } = orderNamed(resting);
  return moments.flatMap((moment) => {
    const steps = met.flatMap((each, index) =>
      each.includes(moment) && index + 1 < met.length ? [index + 2] : [],
    );
    const chosen = mirrors === 2 || steps.length === 0 ? steps : [random.pick(steps)];
    return chosen.map((step) => `${resting}@${step}:${moment}`);
  });
}
