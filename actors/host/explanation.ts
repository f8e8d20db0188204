/**
 * Explains where a block of a volume is and which way a request to it would take now. Pure; asks the same functions
 * and tables as the data path, so that it cannot say anything else than what happens.
 */
import { z } from 'zod';
import { assertNever, Operation } from '../../protocols/codes.ts';
import { type Answer, refusal } from '../../protocols/commands.ts';
import {
  type ExplainedCache,
  type ExplainedMirror,
  type ExplainedPath,
  type Explanation,
  explainQuerySchema,
} from '../../protocols/explanation.ts';
import type { HostId, MirrorSetId, VolumeId } from '../../protocols/ids.ts';
import { type CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import type { Leg } from '../../protocols/layout/geometry.ts';
import {
  blockBytes,
  type EventCount,
  type Incarnation,
  type PartitionEpoch,
  unitOf,
  type VolumeOffset,
} from '../../protocols/units.ts';
import type { Attachment } from './attachment.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import { stateOf } from './path-facts.ts';
import { betterRoute, type PathOrder } from './path-policy.ts';
import { routeForPart } from './route-choice.ts';
import { advantage, drawback, whyChosen } from './route-reasons.ts';
import type { RouteEntry, RouteList } from './route-table.ts';
import type { VolumeView } from './volume-view.ts';

/** What the host knows beside the driver. */
interface ExplainContext {
  readonly host: HostId;
  readonly order: PathOrder;
  /** Why the volume is not serving; '' when it is. */
  readonly reason: string;
}

export interface ExplainingHost {
  readonly host: HostId;
  readonly order: PathOrder;
  readonly attachments: readonly Attachment[];
}

/** The command `explain`. */
export function answerExplain(body: unknown, { host, order, attachments }: ExplainingHost): Answer {
  const parsed = explainQuerySchema.safeParse(body);
  if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
  const { volume, offset } = parsed.data;
  const attachment = attachments.find(({ volumeId }) => volumeId === volume);
  if (attachment === undefined)
    return refusal('unknown', notAttachedText(volume, host, attachments));
  const { volume: driver } = attachment;
  const { reason } = attachment.facts();
  if (driver === null)
    return refusal('not-ready', `host ${host} does not know volume ${volume} yet: ${reason}`);
  if (offset >= driver.sizeBytes)
    return refusal(
      'invalid',
      `offset ${offset} lies outside of volume ${volume}, which has ${driver.sizeBytes} bytes`,
    );
  return { ok: true, ...explain(driver, offset, { host, order, reason: String(reason) }) };
}

function notAttachedText(
  volume: VolumeId,
  host: HostId,
  attachments: readonly Attachment[],
): string {
  const names = attachments.map(({ volumeId }) => volumeId).join(', ') || 'no volume';
  return `host ${host} does not attach volume ${volume}; it attaches ${names}`;
}

/**
 * @param offset within the volume
 * @throws RangeError when it is not.
 */
function explain(
  driver: OptimizationDriver,
  offset: VolumeOffset,
  { host, order, reason }: ExplainContext,
): Explanation {
  const { view, routes, readsThroughCoordinator } = driver;
  const cut = new PartList();
  view.layout.cut(offset, 1, blockBytes, cut);
  const part = cut.part(0);
  const { partition } = part;
  const coordinatorRoutes = routes.partitions[partition] ?? [];
  const record = view.data.partitions.find((each) => each.partition === partition);
  if (record === undefined) throw new RangeError(`no partition ${partition}`);
  const { attachment } = view;
  return {
    host,
    volume: driver.name,
    offset,
    reason,
    attach: {
      mode: readsThroughCoordinator ? 'shared' : 'exclusive',
      readOnly: driver.readOnly,
      epoch: attachment?.attachEpoch ?? unitOf(0),
    },
    generation: view.data.generation,
    isDirty: driver.dirty.isDirty(offset),
    partition: {
      partition,
      coordinator: record.coordinator,
      epoch: view.partitionEpochs[partition] ?? unitOf<PartitionEpoch>(0),
      ownerIncarnation: view.ownerIncarnations[partition] ?? unitOf<Incarnation>(0),
      outstanding: coordinatorRoutes[0]?.target.outstanding ?? 0,
      paths: explainedPaths(coordinatorRoutes, order),
    },
    mirrors: part.legs.map((leg) => explainedMirror(driver, leg, order)),
    reads: explainedReads(driver, part, order),
    cache: explainedCache(driver, offset, part, order),
    writes: explainedWay(
      routeForPart(driver, Operation.write, part, order, null),
      `writes to partition ${partition} go through its coordinator, which orders them`,
    ),
  };
}

function explainedMirror(
  { view, routes }: OptimizationDriver,
  leg: Leg,
  order: PathOrder,
): ExplainedMirror {
  const list = routes.disks[view.diskOfExtent[leg.extentIndex] ?? -1] ?? [];
  const { state, set } = standingOf(leg, view);
  return {
    disk: leg.disk,
    extent: leg.extent,
    diskOffset: leg.offset,
    state,
    why: whyNotRead(state, set),
    mirrorSet: view.setOfExtent[leg.extentIndex] ?? '',
    eventCount: view.eventCounts[leg.extentIndex] ?? unitOf<EventCount>(0),
    outstanding: list[0]?.target.outstanding ?? 0,
    paths: explainedPaths(list, order),
  };
}

/** From the worst on. */
const mirrorStates = ['detached', 'stale', 'resyncing', 'in-sync'] as const;

interface Standing {
  readonly state: ExplainedMirror['state'];
  readonly set: MirrorSetId | '';
}

/** How a leg stands: by the worst of the mirrors around it, and the set that says so. */
function standingOf({ steps }: Leg, { data }: VolumeView): Standing {
  const standings = steps.map(({ set, mirror }) => {
    const record = data.mirrorSets.find((each) => each.set === set);
    return { set, state: record?.mirrors[mirror] ?? 'stale' };
  });
  for (const state of mirrorStates) {
    const found = standings.find((each) => each.state === state);
    if (found !== undefined) return found;
  }
  return { set: '', state: 'single' };
}

function whyNotRead(state: ExplainedMirror['state'], set: MirrorSetId | ''): string {
  switch (state) {
    case 'single':
    case 'in-sync':
      return '';
    case 'resyncing':
      return `is not read before it is equal in ${set}: every write goes to it, and what it missed is copied`;
    case 'stale':
      return `is neither read nor written: it is stale in ${set}, and must be made equal first`;
    case 'detached':
      return `is neither read nor written: it is detached from ${set}`;
    default:
      return assertNever(state, 'state');
  }
}

function explainedReads(
  driver: OptimizationDriver,
  part: CutPart,
  order: PathOrder,
): Explanation['reads'] {
  const chosen = routeForPart(driver, Operation.read, part, order, null);
  if (driver.readsThroughCoordinator)
    return explainedWay(
      chosen,
      'reads go through the coordinator: in shared attach others write too, and only it knows when',
    );
  const { view, routes } = driver;
  const readable = part.legs.filter(({ extentIndex }) => view.readableExtents[extentIndex]);
  const others = readable
    .flatMap(({ extentIndex }) => routes.disks[view.diskOfExtent[extentIndex] ?? -1] ?? [])
    .filter((route) => route.target !== chosen?.target);
  const direct = 'reads go to any mirror that is in sync: in exclusive attach nobody else writes';
  const runnerUp = betterRoute(null, others, order, null);
  if (chosen === null || runnerUp === null) return explainedWay(chosen, direct);
  const better = advantage(chosen, runnerUp, order);
  return explainedWay(chosen, `${direct}; this one, because ${better}`);
}

function explainedCache(
  driver: OptimizationDriver,
  offset: VolumeOffset,
  part: CutPart,
  order: PathOrder,
): ExplainedCache {
  if (driver.caches !== null)
    return driver.caches.explain(offset, routeForPart(driver, Operation.read, part, order, null));
  const why = driver.readsThroughCoordinator
    ? 'no cache answers in shared attach: others write, too'
    : 'no switch has a cache (limits.cacheBytes)';
  return { switch: '', mayAnswer: false, regionWrites: 0, why };
}

function explainedWay(route: RouteEntry | null, why: string): Explanation['reads'] {
  if (route === null) return { target: '', hba: '', route: [], why: `there is no way; ${why}` };
  const { target, hba, links } = route;
  return {
    target: `${target.kind}:${target.id}`,
    hba: hba.id,
    route: links.map(({ link }) => link),
    why,
  };
}

/** All ways to one end, in the order in which the data path looks at them. */
function explainedPaths(list: RouteList, order: PathOrder): ExplainedPath[] {
  const chosen = betterRoute(null, list, order, null);
  return list.map((route) => ({
    hba: route.hba.id,
    route: route.links.map(({ link }) => link),
    hops: route.hops,
    state: stateOf(route),
    outstanding: route.first.outstanding,
    chosen: route === chosen,
    why:
      chosen === null || route === chosen
        ? whyChosen(route, list, order)
        : drawback(route, chosen, order),
  }));
}
