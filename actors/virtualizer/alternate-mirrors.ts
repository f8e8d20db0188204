/**
 * Which other mirrors a host may read when one has failed (DESIGN §5, mirror-read): those that hold all of the range,
 * are in sync, are there, and can be reached by that host now.
 */
import {
  type AlternatesAnswer,
  type AlternatesQuery,
  type Answer,
  refusal,
} from '../../protocols/commands.ts';
import type { Route, VolumeRecord } from '../../protocols/control-data.ts';
import { assemblableDiskStates } from '../../protocols/facts.ts';
import type { DiskId, HostId, MirrorSetId } from '../../protocols/ids.ts';
import { cutRange } from '../../protocols/layout/geometry.ts';
import { queriedWaysMax } from '../../protocols/path-queries.ts';
import type { Actor } from '../actor.ts';
import type { PresenceTable } from './presence.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';
import type { VolumeEnvironment } from './volume-environment.ts';
import { checkWays, hasAnswered, type Way } from './way-check.ts';

/** What is known of who can be reached, and how that is found out. */
export type ReachableBy = Pick<VolumeEnvironment, 'failedLinksOf'> & {
  readonly actor: Pick<Actor, 'ask'>;
  readonly input: Pick<VirtualizerInput, 'diskRoutes' | 'coordinatorRoutes'>;
  readonly presence: Pick<PresenceTable, 'find'>;
};

/** A volume that hosts ask about. */
export interface AskedVolume {
  /** What was decided about it last; null while it does not serve. */
  readonly served: () => VolumeRecord | null;
  readonly state: () => string;
  readonly facts: ReachableBy;
}

/** Answers a host; only while what was decided holds. */
export function answerAlternates(
  query: AlternatesQuery,
  { served, state, facts }: AskedVolume,
  answer: (result: Answer) => void,
): void {
  const { volume, offset, lengthBytes } = query;
  const record = served();
  const refuse = () => answer(refusal('not-ready', `volume ${volume} is ${state()}`));
  if (record === null) refuse();
  else if (offset + lengthBytes > record.sizeBytes)
    answer(refusal('invalid', `volume ${volume} ends at ${record.sizeBytes}`));
  else
    findAlternates(query, record, facts, (found) => {
      if (served() === record) answer({ ok: true, ...found });
      else refuse();
    });
}

/**
 * Finds them: only mirrors that answer just now, by a way on which everybody does, over no link that has failed for the
 * host. One that is away may come back, and is none that failed. The range must be of the volume.
 */
export function findAlternates(
  query: AlternatesQuery,
  record: VolumeRecord,
  facts: ReachableBy,
  found: (answer: AlternatesAnswer) => void,
): void {
  const inSync = mirrorsBeside(query, record);
  const ways = inSync
    .filter((disk) => isServing(facts.presence, disk))
    .flatMap((disk) => waysTo(disk, query.host, record, facts));
  checkWays(facts.actor, ways, (silent) => {
    const reached = new Set<string>(
      ways.filter((way) => hasAnswered(way, silent)).map(({ target }) => target.id),
    );
    found({
      alternates: inSync.filter((disk) => reached.has(disk)),
      away: inSync.filter((disk) => !reached.has(disk)),
    });
  });
}

/** The mirrors that hold all of a range and are in sync, beside the one that failed. */
function mirrorsBeside(query: AlternatesQuery, record: VolumeRecord): readonly DiskId[] {
  const { offset: start, lengthBytes, disk: failed } = query;
  const parts = cutRange(record.layout, { start, lengthBytes });
  const copies = parts.map(({ legs }) =>
    legs
      .filter(({ steps }) => steps.every(({ set, mirror }) => isInSync(record, set, mirror)))
      .map(({ disk }) => disk),
  );
  const [first = [], ...others] = copies;
  return first.filter((disk) => disk !== failed && others.every((disks) => disks.includes(disk)));
}

/** The ways that reads of a host take to a disk: in shared attach to a coordinator, which goes on from there. */
function waysTo(
  disk: DiskId,
  host: HostId,
  { attachments, partitions }: VolumeRecord,
  { input, failedLinksOf }: ReachableBy,
): readonly Way[] {
  const isShared = attachments.some((each) => each.host === host && each.mode === 'shared');
  const coordinators = [...new Set(partitions.map(({ coordinator }) => coordinator))];
  const routes: readonly Route[] = isShared
    ? coordinators.flatMap((coordinator) =>
        input
          .coordinatorRoutes(host, coordinator)
          .map((route) => ({ ...route, switches: [...route.switches, coordinator] })),
      )
    : input.diskRoutes(host, disk);
  const failed = failedLinksOf(host);
  return routes
    .filter(({ links }) => links.every((link) => !failed.includes(link)))
    .slice(0, queriedWaysMax)
    .map((route) => ({ route, target: { kind: 'disk', id: disk } }));
}

function isInSync({ mirrorSets }: VolumeRecord, set: MirrorSetId, mirror: number): boolean {
  return mirrorSets.find((each) => each.set === set)?.mirrors[mirror] === 'in-sync';
}

function isServing(presence: Pick<PresenceTable, 'find'>, disk: DiskId): boolean {
  const state = presence.find({ kind: 'disk', id: disk })?.description.state;
  return state !== undefined && assemblableDiskStates.includes(state);
}
