/**
 * Paths of a topology: every loop-free way from an HBA through switches to a disk or a coordinator, and which HBA
 * reaches which disk. A path stays on one fabric: switches do not carry frames from one to another, and what answers an
 * HBA does so on the HBA's. Facts of the wiring only; which path is usable now, and which is best, is for hosts to say.
 */
import type { DiskId, HbaId, LinkId, SwitchId } from './ids.ts';
import type { FabricId, Topology } from './topology.ts';

/** A way from an HBA: its links in order, and the switches that it leads through on the way to its end. */
export interface Way {
  readonly hba: HbaId;
  readonly links: readonly LinkId[];
  /** Those between the ends: one fewer than links. */
  readonly switches: readonly SwitchId[];
  /** How many links: fewer is shorter. */
  readonly hops: number;
}

/** A way that ends at a disk. */
export interface Path extends Way {
  readonly disk: DiskId;
}

/** A way that ends at a switch, such as a write coordinator. */
export interface SwitchPath extends Way {
  readonly switch: SwitchId;
}

/** The longest path: an HBA, three switches, a disk. */
export const pathHopsMax = 4;
/** The most paths between two ends that are kept; the shortest are. */
export const pathsMax = 64;
/** The most beginnings of paths that are looked at for two ends: bounds the work in densely linked fabrics. */
const waysTriedMax = 100_000;

interface Neighbour<Id extends string = string> {
  readonly link: LinkId;
  readonly fabric: FabricId;
  readonly id: Id;
}

/** A topology's wiring, ready to be followed. */
export interface Wiring {
  readonly neighbours: ReadonlyMap<string, readonly Neighbour[]>;
  /** Only they lead on: a path meets each at most once. */
  readonly switchNeighbours: ReadonlyMap<string, readonly Neighbour<SwitchId>[]>;
  readonly switches: ReadonlySet<string>;
  /** Those among them that can turn a volume's address into a disk's. */
  readonly virtualizing: ReadonlySet<string>;
  readonly hbas: readonly HbaId[];
  readonly disks: readonly DiskId[];
}

export function wiringOf(
  topology: Pick<Topology, 'hosts' | 'switches' | 'disks' | 'links'>,
): Wiring {
  const neighbours = new Map<string, Neighbour[]>();
  const join = (from: string, neighbour: Neighbour) => {
    const list = neighbours.get(from);
    if (list === undefined) neighbours.set(from, [neighbour]);
    else list.push(neighbour);
  };
  for (const { id: link, ends, fabric } of topology.links) {
    join(ends[0], { link, fabric, id: ends[1] });
    join(ends[1], { link, fabric, id: ends[0] });
  }
  const switches = new Set<string>(topology.switches.map(({ id }) => id));
  const isSwitch = (one: Neighbour): one is Neighbour<SwitchId> => switches.has(one.id);
  const switchNeighbours = new Map(
    [...neighbours].map(([id, list]) => [id, list.filter(isSwitch)] as const),
  );
  return {
    neighbours,
    switchNeighbours,
    switches,
    virtualizing: new Set(
      topology.switches.filter((each) => each.virtualizing).map(({ id }) => id),
    ),
    hbas: topology.hosts.flatMap(({ hbas }) => hbas.map(({ id }) => id)),
    disks: topology.disks.map(({ id }) => id),
  };
}

/**
 * All loop-free paths from an HBA to a disk, the shortest first and equally short ones in the order of the links in
 * the topology; at most `pathsMax`. Empty when it is not reached within `hopsMax` links.
 */
export function pathsToDisk(
  wiring: Wiring,
  hba: HbaId,
  disk: DiskId,
  hopsMax: number = pathHopsMax,
): readonly Path[] {
  return waysTo(wiring, hba, disk, hopsMax).map((way) => ({ ...way, disk }));
}

/** The same for the paths that end at a switch. */
export function pathsToSwitch(
  wiring: Wiring,
  hba: HbaId,
  target: SwitchId,
  hopsMax: number = pathHopsMax,
): readonly SwitchPath[] {
  return waysTo(wiring, hba, target, hopsMax).map((way) => ({ ...way, switch: target }));
}

/**
 * The paths to a disk that I/O of a volume can take: the first switch turns the volume's address into a disk's, which
 * a plain one cannot (DESIGN S1).
 */
export function volumePathsToDisk(wiring: Wiring, hba: HbaId, disk: DiskId): readonly Path[] {
  const mayPass: MayPass = (id, place) => place > 0 || wiring.virtualizing.has(id);
  return waysTo(wiring, hba, disk, pathHopsMax, mayPass).map((way) => ({ ...way, disk }));
}

/** The paths by which writes come to a coordinator: they carry their volume's address up to it. */
export function volumePathsToSwitch(
  wiring: Wiring,
  hba: HbaId,
  target: SwitchId,
): readonly SwitchPath[] {
  const mayPass: MayPass = (id) => wiring.virtualizing.has(id);
  return waysTo(wiring, hba, target, pathHopsMax, mayPass).map((way) => ({
    ...way,
    switch: target,
  }));
}

/** Whether a way may lead through a switch, as its first (0), second … one. */
type MayPass = (id: SwitchId, place: number) => boolean;

/** A way that has not ended yet. */
interface Beginning {
  readonly at: string;
  /** That of its links; null before the first one. */
  readonly fabric: FabricId | null;
  readonly links: readonly LinkId[];
  readonly switches: readonly SwitchId[];
}

/** Breadth first, so that what the limits leave out is longer than what was found. */
function waysTo(
  wiring: Wiring,
  hba: HbaId,
  target: string,
  hopsMax: number,
  mayPass: MayPass = () => true,
): readonly Way[] {
  const ways: Way[] = [];
  const lastLinks = linksTo(wiring, target);
  let tried = 0;
  let beginnings: readonly Beginning[] = [{ at: hba, fabric: null, links: [], switches: [] }];
  for (let hops = 1; hops <= hopsMax; hops++) {
    const longer: Beginning[] = [];
    for (const { at, fabric: on, links, switches } of beginnings) {
      if (++tried > waysTriedMax) return ways;
      for (const { link, fabric } of lastLinks.get(at) ?? []) {
        if (on !== null && fabric !== on) continue;
        if (ways.length === pathsMax) return ways;
        ways.push({ hba, links: [...links, link], switches, hops });
      }
      if (hops === hopsMax) continue;
      for (const { link, fabric, id } of wiring.switchNeighbours.get(at) ?? []) {
        if (on !== null && fabric !== on) continue;
        // Ways may begin at a switch, too: that is met already.
        if (id === target || (id as string) === hba || switches.includes(id)) continue;
        if (mayPass(id, switches.length))
          longer.push({ at: id, fabric, links: [...links, link], switches: [...switches, id] });
      }
    }
    beginnings = longer;
  }
  return ways;
}

/** The links that end at a port, by their other end. */
function linksTo(wiring: Wiring, target: string): ReadonlyMap<string, readonly Neighbour[]> {
  const links = new Map<string, Neighbour[]>();
  for (const neighbour of wiring.neighbours.get(target) ?? [])
    links.set(neighbour.id, [...(links.get(neighbour.id) ?? []), neighbour]);
  return links;
}

/**
 * What can be reached from a port within `hopsMax` links, with the fewest links to each.
 *
 * @param leadingOn the switches that ways may pass through; all unless said otherwise
 */
export function hopsFrom(
  wiring: Wiring,
  from: string,
  hopsMax: number = pathHopsMax,
  leadingOn: ReadonlySet<string> = wiring.switches,
): ReadonlyMap<string, number> {
  const fewest = new Map<string, number>([[from, 0]]);
  const fabrics = new Set((wiring.neighbours.get(from) ?? []).map(({ fabric }) => fabric));
  for (const fabric of fabrics)
    for (const [id, hops] of hopsOn(fabric, wiring, from, { hopsMax, leadingOn }))
      fewest.set(id, Math.min(hops, fewest.get(id) ?? hops));
  return fewest;
}

/** The same on one fabric. */
function hopsOn(
  fabric: FabricId,
  wiring: Wiring,
  from: string,
  { hopsMax, leadingOn }: { readonly hopsMax: number; readonly leadingOn: ReadonlySet<string> },
): ReadonlyMap<string, number> {
  const hops = new Map<string, number>([[from, 0]]);
  let edge: readonly string[] = [from];
  for (let distance = 1; distance <= hopsMax && edge.length > 0; distance++) {
    const next: string[] = [];
    for (const at of edge)
      for (const { id, fabric: on } of wiring.neighbours.get(at) ?? [])
        if (on === fabric && !hops.has(id)) {
          hops.set(id, distance);
          if (leadingOn.has(id)) next.push(id);
        }
    edge = next;
  }
  return hops;
}

/** What some path of I/O of a volume (as above) leads to from one of these HBAs: disks, and switches as coordinators. */
export function volumeReachOf(wiring: Wiring, hbas: readonly HbaId[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const behind = { hopsMax: pathHopsMax - 1, leadingOn: wiring.switches };
  for (const hba of hbas) {
    for (const id of hopsFrom(wiring, hba, pathHopsMax, wiring.virtualizing).keys())
      if (wiring.switches.has(id)) reached.add(id);
    for (const { id: first, fabric } of wiring.switchNeighbours.get(hba) ?? []) {
      if (!wiring.virtualizing.has(first)) continue;
      for (const id of hopsOn(fabric, wiring, first, behind).keys())
        if (!wiring.switches.has(id)) reached.add(id);
    }
  }
  return reached;
}

/** The HBA map: for each disk the HBAs that reach it, in the order of the topology; empty for a disk out of reach. */
export function hbaMapOf(
  wiring: Wiring,
  hopsMax: number = pathHopsMax,
): ReadonlyMap<DiskId, readonly HbaId[]> {
  const reached = new Map<DiskId, HbaId[]>(wiring.disks.map((disk) => [disk, []]));
  for (const hba of wiring.hbas) {
    const hops = hopsFrom(wiring, hba, hopsMax);
    for (const [disk, hbas] of reached) if (hops.has(disk)) hbas.push(hba);
  }
  return reached;
}
