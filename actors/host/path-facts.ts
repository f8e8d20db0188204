/** Paths as `status` shows them: what each attached volume's routes to its disks are, and how they do. */
import type { DiskId, HbaId, LinkId } from '../../protocols/ids.ts';
import type { Hba } from '../hba/hba.ts';
import type { Attachment } from './attachment.ts';
import type { PathRank } from './path-machine.ts';
import type { Paths } from './paths.ts';
import { LinkRank, type RouteEntry } from './route-table.ts';

export interface PathFacts {
  readonly hba: HbaId;
  readonly disk: DiskId;
  readonly route: readonly LinkId[];
  readonly state: PathRank;
  /** True for those that the policy would choose from now. */
  readonly preferred: boolean;
  /** I/Os of this host under way at the disk. */
  readonly outstanding: number;
}

/** Facts travel each second: a large fabric shows this many of its paths. */
export const pathFactsMax = 256;

const rankNames = new Map(Object.entries(LinkRank).map(([name, rank]) => [rank, name as PathRank]));

/** Of every member disk and route once, although volumes share disks. */
export function pathFacts(attachments: readonly Attachment[], paths: Paths): readonly PathFacts[] {
  const found = new Map<string, PathFacts>();
  for (const { volume } of attachments) {
    if (volume === null) continue;
    for (const [index, disk] of volume.view.disks.entries()) {
      const list = volume.routes.disks[index] ?? [];
      const [best] = list;
      for (const route of list) {
        if (found.size >= pathFactsMax) return [...found.values()];
        const links = route.links.map(({ link }) => link);
        const facts = {
          hba: route.hba.id,
          disk,
          route: links,
          state: stateOf(route),
          preferred: best !== undefined && route.rank === best.rank && route.hops === best.hops,
          outstanding: paths.target('disk', disk).outstanding,
        };
        found.set(`${disk}:${links.join('/')}`, facts);
      }
    }
  }
  return [...found.values()];
}

/** How many frames left by which HBA for which disk or coordinator: shows what H1 to H4 come to. */
export interface TrafficFacts {
  readonly hba: HbaId;
  readonly target: string;
  readonly frames: number;
}

export function trafficFacts(paths: Paths): readonly TrafficFacts[] {
  return [...paths.allTraffic]
    .filter(({ frames }) => frames > 0)
    .slice(0, pathFactsMax)
    .map(({ hba, target, frames }) => ({ hba, target: `${target.kind}:${target.id}`, frames }));
}

/** An HBA: whether it is connected, and what is thought of it. */
export interface HbaFacts {
  readonly hba: HbaId;
  readonly state: string;
  readonly rank: PathRank;
}

export function hbaFacts({ id, state }: Hba, paths: Paths): HbaFacts {
  return { hba: id, state, rank: nameOf(paths.hbaRank(id)) };
}

/** What is known of a route, by the worst of its HBA and links. */
export function stateOf(route: RouteEntry): PathRank {
  return nameOf(route.rank);
}

function nameOf(rank: LinkRank): PathRank {
  return rankNames.get(rank) ?? 'failed';
}
