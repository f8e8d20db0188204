/**
 * How long the ways of hosts have been sound without a break, by what really befell each part of them: so that I/O which
 * ended for want of a way can be told from I/O that was given up although there was one. Looked at now and then: what was
 * broken for a moment only may be taken for sound.
 */
import { databaseKeys } from '../../actors/virtualizer/record-store.ts';
import type { DiskId, HbaId, HostId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import { extentsOf } from '../../protocols/layout/layout.ts';
import {
  pathsToDisk,
  volumePathsToDisk,
  volumePathsToSwitch,
  type Way,
  wiringOf,
} from '../../protocols/paths.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import type { Topology } from '../../protocols/topology.ts';
import { isImpatient } from './drawn-policies.ts';
import { recordOf } from './media-damage.ts';
import { actorOf } from './network-strikes.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { isCalm } from './weather.ts';
import type { World } from './world.ts';

/** A part of ways, named as a target of faults: `link:h1-a-s1`, `hba:h1-a`, `disk:d1`. */
type Part = string;

interface LinkPart {
  readonly part: Part;
  /** To either end. */
  readonly subjects: readonly string[];
}

/** Who coordinates a volume, by partition. */
interface Coordinators {
  /** Of the record that says so. */
  readonly revision: number;
  readonly ids: readonly SwitchId[];
  /** Seen first. */
  readonly sinceMs: number;
}

export class SoundWays {
  readonly #world: World;
  readonly #links: readonly LinkPart[];
  readonly #usualReadMs: ReadonlyMap<DiskId, number>;
  /** When each was seen last that was not sound. */
  readonly #brokenAtMs = new Map<Part, number>();
  readonly #parts: readonly Part[];
  readonly #isWanted: boolean;
  readonly #coordinators = new Map<VolumeId, Coordinators>();

  constructor(world: World) {
    this.#world = world;
    const { topology, latencies } = world;
    this.#isWanted = isImpatient(topology.policies);
    const subjects = subjectsOf(topology.cluster);
    this.#links = topology.links.map(({ id, ends }) => ({
      part: `link:${id}`,
      subjects: ends.map((end) => subjects.io(actorOf(world, end), id)),
    }));
    this.#usualReadMs = new Map([...latencies].map(([disk, { readMs }]) => [disk, readMs]));
    this.#parts = [...this.#links.map(({ part }) => part), ...actorParts(topology)];
  }

  /** Looks at everything, where I/O may end for want of a way. To be called often. */
  look(): void {
    if (!this.#isWanted) return;
    const { clock, network, nodes, latencies } = this.#world;
    const nowMs = clock.now();
    const broken = (part: Part) => this.#brokenAtMs.set(part, nowMs);
    const isStill = network.servers.every(({ up, weather }) => up && isCalm(weather));
    if (!isStill || network.isPartitioned) for (const part of this.#parts) broken(part);
    for (const { part, subjects } of this.#links)
      if (subjects.some((subject) => network.isSilenced(subject))) broken(part);
    for (const node of nodes) {
      const isDown = node.process?.state !== 'running' || node.isStopping;
      for (const { kind, id } of node.node.actors)
        if (isDown || isCut(node, kind, id)) broken(`${kind}:${id}`);
      for (const { target } of node.faults) broken(target);
    }
    for (const [disk, { readMs }] of latencies)
      if (readMs !== this.#usualReadMs.get(disk)) broken(`disk:${disk}`);
    this.#lookWhoCoordinates(nowMs);
  }

  /**
   * Whether a host could have done any I/O of a volume for so long until now: over each of its coordinators, the same all
   * the while, and each of its disks from the host and from them. Where switches choose the way, only if all was sound: a
   * host cannot go round what they do not know of.
   */
  hadAll(host: HostId, volume: VolumeId, forMs: number): boolean {
    const { topology, database, clock } = this.#world;
    if (!this.#isWanted) return false;
    const sinceMs = clock.now() - forMs;
    const isSound = (part: Part) => (this.#brokenAtMs.get(part) ?? 0) < sinceMs;
    // Whoever is cut off may not have heard who coordinates now.
    if (!isSound(`host:${host}`)) return false;
    if (topology.policies.route === 'firstHop') return this.#parts.every(isSound);
    const record = recordOf(database, volume);
    const owners = this.#coordinators.get(volume);
    if (record === null || owners === undefined || owners.sinceMs >= sinceMs) return false;
    const wiring = wiringOf(topology);
    const isOpen = ({ links, switches }: Way, ends: readonly Part[]) =>
      [...ends, ...links.map((id) => `link:${id}`), ...switches.map((id) => `switch:${id}`)].every(
        isSound,
      );
    const hbas = topology.hosts.find(({ id }) => id === host)?.hbas ?? [];
    const reaches = (waysOf: (hba: HbaId) => readonly Way[], end: Part) =>
      hbas.some(({ id }) => waysOf(id).some((way) => isOpen(way, [`hba:${id}`, end])));
    const coordinators = [...new Set(owners.ids)];
    const disks = [...new Set(extentsOf(record.layout).map(({ disk }) => disk))];
    const carries = (from: SwitchId, disk: DiskId) =>
      pathsToDisk(wiring, from as string as HbaId, disk).some((way) =>
        isOpen(way, [`switch:${from}`, `disk:${disk}`]),
      );
    return (
      coordinators.every((id) =>
        reaches((hba) => volumePathsToSwitch(wiring, hba, id), `switch:${id}`),
      ) &&
      disks.every(
        (disk) =>
          reaches((hba) => volumePathsToDisk(wiring, hba, disk), `disk:${disk}`) &&
          coordinators.every((id) => carries(id, disk)),
      )
    );
  }

  #lookWhoCoordinates(nowMs: number): void {
    const { database } = this.#world;
    for (const key of database.peekKeys(databaseKeys.volumes)) {
      const volume = key.slice(databaseKeys.volumes.length) as VolumeId;
      const found = database.peek(key);
      const known = this.#coordinators.get(volume);
      if (found.outcome !== 'found' || known?.revision === found.revision) continue;
      const { revision } = found;
      const partitions = recordOf(database, volume)?.partitions ?? [];
      const ids = partitions.map(({ coordinator }) => coordinator);
      const isSame = ids.join() === known?.ids.join();
      const sinceMs = isSame ? known.sinceMs : nowMs;
      this.#coordinators.set(volume, { revision, ids, sinceMs });
    }
  }
}

function actorParts({ hosts, switches, disks }: Topology): readonly Part[] {
  return [
    ...hosts.flatMap(({ hbas }) => hbas.map(({ id }) => `hba:${id}`)),
    ...switches.map(({ id }) => `switch:${id}`),
    ...disks.map(({ id }) => `disk:${id}`),
  ];
}

/** A connection of an actor to a fabric, or that of a host to its virtualizer, does not carry what it should. */
function isCut({ buses }: SimulatedNode, kind: string, id: string): boolean {
  return buses.some(
    ({ role, state, stalled }) =>
      (role.startsWith(`io-${id}-`) || (kind === 'host' && role === 'control')) &&
      (state !== 'connected' || stalled),
  );
}
