/**
 * Many broken topology files from one seed: each is read, or refused with the lines that are to be changed, in little
 * time; and what is accepted is a cluster that starts.
 */
import { readFileSync } from 'node:fs';
import { packageFile } from '../../../cluster/package-root.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { topologyNames } from '../../../cluster/simulation/topology-names.ts';
import { stackOf } from '../../../cluster/simulation/trace.ts';
import { World } from '../../../cluster/simulation/world.ts';
import { parseTopologyFile, type TopologyFileProblem } from '../../../cluster/topology-file.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { mutatedTopology } from './mutate.ts';

export interface TopologyCounts {
  files: number;
  refused: number;
  accepted: number;
  /** Of those, clusters that were started. */
  started: number;
  slowestMs: number;
}

/** Far above what the shipped files take, far below what a person waits for. */
const readMsMax = 2000;
/** Accepted files differ little: one of so many is started. */
const startedOneIn = 30;
const startsWithinMs = 3000;
/** A disk of a topology that is started: media of the simulation grow as they are written. */
const startedBytesMax = 2 ** 33;

export class TopologyCampaign {
  readonly counts: TopologyCounts = {
    files: 0,
    refused: 0,
    accepted: 0,
    started: 0,
    slowestMs: 0,
  };
  readonly #texts = topologyNames.map((name) =>
    readFileSync(packageFile('cluster', 'topologies', `${name}.yaml`), 'utf8'),
  );

  /** @returns what is wrong with how file `number` of the seed was read, with the file; null when nothing is */
  play(seed: string, number: number): string | null {
    const random = new SeededRandom(`${seed}/${number}`);
    const text = mutatedTopology(random.pick(this.#texts), random);
    const problem = this.#read(text);
    return problem === null ? null : `file ${number} of seed ${seed}: ${problem}\n${text}`;
  }

  #read(text: string): string | null {
    const { counts } = this;
    counts.files++;
    const startMs = performance.now();
    try {
      const read = parseTopologyFile(text);
      const tookMs = performance.now() - startMs;
      counts.slowestMs = Math.max(counts.slowestMs, tookMs);
      if (tookMs > readMsMax) return `reading took ${Math.round(tookMs)} ms`;
      if (!read.ok) {
        counts.refused++;
        return refusalProblem(read.problems, text.split('\n').length);
      }
      counts.accepted++;
      return counts.accepted % startedOneIn === 1 ? this.#start(read.topology) : null;
    } catch (error) {
      return stackOf(error);
    }
  }

  /** The cluster of an accepted topology starts: nothing is thrown, no machine dies. */
  #start(topology: Topology): string | null {
    if (topology.disks.some(({ sizeBytes }) => sizeBytes > startedBytesMax)) return null;
    const complaints: string[] = [];
    const world = new World({
      seed: 'topology',
      topology,
      openIos: () => 0,
      onStarted: (node) => {
        for (const host of node.assembled?.hosts ?? []) {
          const { exports = [] } = topology.hosts.find(({ id }) => id === host.id) ?? {};
          for (const { volume, attach, readOnly } of exports)
            host.attach({ volume, mode: attach, readOnly });
        }
      },
      onComplaint: (what) => complaints.push(what),
    });
    world.format();
    world.powerOn();
    world.clock.runFor(startsWithinMs);
    this.counts.started++;
    if (complaints[0] !== undefined) return `accepted, and then: ${complaints[0]}`;
    return world.isWhole ? null : 'accepted, and not all of its nodes run';
  }
}

function refusalProblem(problems: readonly TopologyFileProblem[], lines: number): string | null {
  if (problems.length === 0) return 'refused, and nothing is wrong';
  const wrong = problems.find(
    ({ line, column, problem }) =>
      !(line >= 1 && line <= lines + 1 && column >= 1) || problem.trim() === '',
  );
  return wrong === undefined ? null : `a problem without its place: ${JSON.stringify(wrong)}`;
}
