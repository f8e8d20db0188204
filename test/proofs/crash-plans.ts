/**
 * Which processes of a cluster are killed together, round by round. What is drawn depends on the topology and the chance
 * alone. Rounds come in fives: in each five every kind of crash of the load has its turns, in an order of chance.
 */
import type { SeededRandom } from '../../cluster/simulation/random.ts';
import type { Node } from '../../protocols/topology.ts';
import { shuffled } from '../tools/shuffled.ts';

/** What gets SIGKILL at one moment. */
export interface Crash {
  readonly nodes: readonly string[];
  /** All of them. */
  readonly natsServers: boolean;
  /** `sanctor up` itself: who started it has to start it again. */
  readonly supervisor: boolean;
}

type DrawCrash = (nodes: readonly Node[], random: SeededRandom) => Crash;

/** How subsets are drawn: where consumers must see no error, and where they come back from errors. */
export type CrashKinds = readonly DrawCrash[];

const onlyNodes = { natsServers: false, supervisor: false };
/** In a draw from nodes: it stands for all NATS servers. */
const nats = 'NATS';

/**
 * Hosts are spared: with a host its consumers' connections go. So are NATS servers, which the proof of injections
 * restarts. When all disks are gone at once there is no mirror for a moment; but processes lose nothing that they have
 * written to their files, so that I/O waits for the disks, and nobody is told of an error who does not flush.
 */
export const crashesBehindConsumers: CrashKinds = [
  (nodes) => ({ ...onlyNodes, nodes: namesOf(nodes, ['disk', 'virtualizer']) }),
  (nodes) => ({ ...onlyNodes, nodes: namesOf(nodes, ['switch', 'disk', 'virtualizer']) }),
  ...Array.from({ length: 3 }, () => someBehindConsumers),
];

/**
 * A disk and some of all that is no disk: with all mirrors of a set at once a flush would fail, for nobody knows whether
 * they have made durable what they had acknowledged before (DESIGN I11).
 */
export const crashesOfOneDisk: CrashKinds = [
  (nodes, random) => {
    const others = someOf(namesOf(nodes, ['switch', 'virtualizer']), random);
    return { ...onlyNodes, nodes: [random.pick(namesOf(nodes, ['disk'])), ...others] };
  },
];

/** Who has lost a rule of what is to be in a disk's file, shows it here. */
export const crashesOfDisks: CrashKinds = [
  (nodes) => ({ ...onlyNodes, nodes: namesOf(nodes, ['disk']) }),
];

/** Nobody is spared. */
export const crashesOfAll: CrashKinds = [
  (nodes) => ({ nodes: nodes.map(({ id }) => id), natsServers: true, supervisor: true }),
  () => ({ nodes: [], natsServers: false, supervisor: true }),
  (nodes) => ({ nodes: nodes.map(({ id }) => id), natsServers: true, supervisor: false }),
  (nodes, random) => someOfAll(nodes, random, namesOf(nodes, ['host'])),
  (nodes, random) => someOfAll(nodes, random, []),
];

export function drawCrashes(
  kinds: CrashKinds,
  rounds: number,
  { nodes, random }: { readonly nodes: readonly Node[]; readonly random: SeededRandom },
): readonly Crash[] {
  const drawn: Crash[] = [];
  while (drawn.length < rounds)
    for (const draw of shuffled(kinds, random)) drawn.push(draw(nodes, random));
  return drawn.slice(0, rounds);
}

/** For people. */
export function crashText({ nodes, natsServers, supervisor }: Crash): string {
  const all = [...nodes, ...(natsServers ? [nats] : []), ...(supervisor ? ['supervisor'] : [])];
  return all.join('+');
}

function someBehindConsumers(nodes: readonly Node[], random: SeededRandom): Crash {
  const chosen = someOf(namesOf(nodes, ['switch', 'disk', 'virtualizer']), random);
  return { ...onlyNodes, nodes: chosen };
}

/** @param also nodes of which one is among them in any case; where there are none, anybody may be */
function someOfAll(nodes: readonly Node[], random: SeededRandom, also: readonly string[]): Crash {
  const chosen = new Set(someOf([...nodes.map(({ id }) => id), nats], random));
  if (also.length > 0) chosen.add(random.pick(also));
  const natsServers = chosen.delete(nats);
  return { nodes: [...chosen].sort(), natsServers, supervisor: false };
}

/** At least one of them. */
function someOf(names: readonly string[], random: SeededRandom): readonly string[] {
  const count = 1 + random.integer(names.length);
  return [...shuffled(names, random).slice(0, count)].sort();
}

/** Nodes that run an actor of one of the kinds. */
function namesOf(nodes: readonly Node[], kinds: readonly string[]): readonly string[] {
  return nodes
    .filter(({ actors }) => actors.some(({ kind }) => kinds.includes(kind)))
    .map(({ id }) => id);
}
