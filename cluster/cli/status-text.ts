/** The state of a cluster as people want to see it: what is wrong first, sizes as they write them, paths summed up. */
import { faultKindText, faultSchema } from '../../protocols/faults.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';
import type { PathStatus, StatusReport } from '../status-report.ts';
import type { MirrorStatus, ResyncStatus, VolumeStatus } from '../volume-status-report.ts';
import { tableOf } from './table.ts';

type Row = Readonly<Record<string, unknown>>;

export interface StatusTextOptions {
  /** Every path instead of the ones that are taken. */
  readonly allPaths: boolean;
}

export function statusText(report: StatusReport, { allPaths }: StatusTextOptions): string {
  const parts = [
    `cluster ${report.cluster}: ${report.ready ? 'ready' : 'not ready'}   NATS ${report.nats.url}`,
    ...report.waitingFor.map((what) => `  waiting: ${what}`),
    sectionOf('faults', report.faults.map(faultRow), ['target', 'kind', 'nodes']),
    natsServers(report),
    processes(report),
    sectionOf('volumes', report.volumes.map(volumeRow), [
      'name',
      'size',
      'state',
      'generation',
      'layout',
      'mirrors',
      'scrubbed',
      'reason',
    ]),
    sectionOf('mirrors that are proposed for removal', report.volumes.flatMap(removalRows), [
      'volume',
      'disk',
      'mirror set',
      'reason',
    ]),
    sectionOf('coordinators', report.coordinators.map(coordinatorRow), [
      'volume',
      'partition',
      'switch',
      'epoch',
      'stands in for',
    ]),
    sectionOf('read caches', report.caches.map(cacheRow), [
      'switch',
      'size',
      'used',
      'hits',
      'misses',
      'hit ratio',
      'invalidations',
    ]),
    sectionOf(
      'read caches that are not used until they have forgotten a volume',
      report.cacheCleanups.map((cleanup) => ({ ...cleanup })),
      ['host', 'volume', 'switch', 'state', 'reason'],
    ),
    sectionOf('exports', report.exports, ['host', 'volume', 'attach', 'uri', 'problem']),
    allPaths ? pathTable(report.paths) : pathSummary(report.paths),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

/** With one server, all that matters of it stands in the first line. */
function natsServers({ nats: { servers } }: StatusReport): string {
  const rows = servers.length > 1 ? servers.map((server) => ({ ...server })) : [];
  const columns = ['fabric', 'carries', 'url', 'version', 'pid', 'state', 'restarts'];
  return sectionOf('NATS servers', rows, columns);
}

/** Nodes with the actors in them; the actors alone when nobody tells about nodes. */
function processes({ nodes, actors }: StatusReport): string {
  if (nodes.length === 0)
    return sectionOf(
      'actors',
      actors.map((actor) => ({ ...actor })),
      ['kind', 'id', 'state'],
    );
  const states = new Map(actors.map(({ kind, id, state }) => [`${kind}:${id}`, state]));
  const rows = nodes.map((node) => ({
    ...node,
    actors: node.actors
      .map((actor) => `${actor.replace(':', ' ')} ${states.get(actor) ?? 'silent'}`)
      .join(', '),
  }));
  return sectionOf('nodes', rows, ['name', 'pid', 'state', 'restarts', 'actors']);
}

function volumeRow(volume: VolumeStatus): Row {
  const { size, mirrors, reason } = volume;
  const why = [reason, degradedText(volume)].filter((each) => each !== '').join('; ');
  const scrubbed = scrubbedText(volume);
  return { ...volume, size: sizeText(size), mirrors: countsOf(mirrors), scrubbed, reason: why };
}

/** `2026-07-01 09:30`, as it was in Greenwich; '' when nobody knows. */
function scrubbedText({ scrub }: VolumeStatus): string {
  const atMs = scrub?.completedAtMs ?? null;
  return atMs === null ? '' : new Date(atMs).toISOString().slice(0, 16).replace('T', ' ');
}

/** Which mirrors are not in sync, and how far those have got that are being made equal; '' where all are in sync. */
function degradedText({ mirrors, resync }: VolumeStatus): string {
  const missing = mirrors.filter(({ state }) => state !== 'in-sync');
  if (missing.length === 0) return '';
  const progress = resync === null ? '' : `; ${resyncText(resync)}`;
  return `degraded: ${missing.map(mirrorText).join(', ')}${progress}`;
}

function mirrorText({ set, mirror, state, disks }: MirrorStatus): string {
  const name = disks.length === 0 ? `mirror ${mirror}` : `mirror on ${disks.join(', ')}`;
  return `${name} of ${set} ${state}`;
}

/** `37 % of 1GiB equal, about 12 s left` */
function resyncText({ done, total, etaSeconds, problem }: ResyncStatus): string {
  if (problem !== '') return `does not go on: ${problem}`;
  if (total === 0) return 'just begun';
  const percent = Math.floor((100 * done) / total);
  const left = etaSeconds === null ? '' : `, about ${durationText(etaSeconds)} left`;
  return `${percent} % of ${sizeText(total)} equal${left}`;
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  if (seconds < 7200) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}

function removalRows({ name, removalsProposed }: VolumeStatus): readonly Row[] {
  return removalsProposed.map((each) => ({ ...each, volume: name, 'mirror set': each.mirrorSet }));
}

function coordinatorRow(coordinator: StatusReport['coordinators'][number]): Row {
  const { switch: present, preferred } = coordinator;
  return { ...coordinator, 'stands in for': preferred === present ? '' : preferred };
}

function cacheRow(cache: StatusReport['caches'][number]): Row {
  const { bytesMax, bytes, hitRatio } = cache;
  const ratio = hitRatio === null ? '-' : `${(100 * hitRatio).toFixed(0)} %`;
  return { ...cache, size: sizeText(bytesMax), used: sizeText(bytes), 'hit ratio': ratio };
}

/** `2 in-sync, 1 stale` */
function countsOf(items: readonly { readonly state: string }[]): string {
  const counts = new Map<string, number>();
  for (const { state } of items) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

function pathTable(paths: readonly PathStatus[]): string {
  const columns = ['host', 'disk', 'hba', 'route', 'state', 'preferred', 'outstanding'];
  return sectionOf(
    'paths',
    paths.map((path) => ({ ...path })),
    columns,
  );
}

/** For each host and disk the paths that its policy would take now, and how many others there are. */
function pathSummary(paths: readonly PathStatus[]): string {
  const byDisk = new Map<string, PathStatus[]>();
  for (const path of paths) {
    const key = `${path.host} ${path.disk}`;
    const others = byDisk.get(key);
    if (others === undefined) byDisk.set(key, [path]);
    else others.push(path);
  }
  const rows = [...byDisk.values()].flatMap((ways) => {
    const preferred = ways.filter((way) => way.preferred);
    const taken = preferred.length > 0 ? preferred : ways.slice(0, 1);
    const rest = ways.filter((way) => !taken.includes(way));
    return taken.map((way, index) => ({
      ...way,
      others: index === 0 && rest.length > 0 ? countsOf(rest) : '',
    }));
  });
  const columns = ['host', 'disk', 'hba', 'route', 'state', 'outstanding', 'others'];
  return sectionOf('paths that are taken now (--paths shows all)', rows, columns);
}

function faultRow(fault: StatusReport['faults'][number]): Row {
  const { nodes: _, ...rest } = fault;
  const parsed = faultSchema.safeParse(rest);
  return { ...fault, kind: parsed.success ? faultKindText(parsed.data) : fault.kind };
}

/** A table without the columns in which nothing stands; '' when there is nothing to show. */
function sectionOf(title: string, rows: readonly Row[], columns: readonly string[]): string {
  if (rows.length === 0) return '';
  const used = columns.filter((column) => rows.some((row) => row[column] !== ''));
  return `\n${title}\n${tableOf(rows, used).replace(/ +$/gm, '')}`;
}
