/**
 * Control data for tests: a stripe over two mirror sets of two disks each; two HBAs, each linked to two switches, and
 * each switch to every disk and to the other switch; partitions of 1 MiB, coordinated by s1 and s2 in turn.
 */
import type {
  AttachMode,
  ControlData,
  MirrorSetRecord,
  MirrorState,
  Route,
} from '../../../protocols/control-data.ts';
import { controlDataSchema } from '../../../protocols/control-data.ts';
import { type HbaId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import {
  type Extent,
  extentsOf,
  type Layout,
  mirrorSetsOf,
  sizeOf,
} from '../../../protocols/layout/layout.ts';
import { kibibyte, mebibyte, unitOf } from '../../../protocols/units.ts';

export const volume = idOf<VolumeId>('vol0');
export const hbaIds: readonly HbaId[] = [idOf('h1-a'), idOf('h1-b')];
export const stripBytes = 64 * kibibyte;
export const sizeBytes = 16 * mebibyte;

export interface ControlDataOptions {
  readonly state?: 'assembling' | 'serving';
  readonly reason?: string;
  readonly generation?: number;
  readonly controlEpoch?: number;
  /** 0: the host is not attached. */
  readonly attachEpoch?: number;
  /** Default: the attach epoch, as of an attachment that has just begun. */
  readonly firstEpoch?: number;
  readonly partitionEpoch?: number;
  readonly mode?: AttachMode;
  readonly readOnly?: boolean;
  /** By disk, in order. */
  readonly instances?: readonly number[];
  /** State of the second mirror of each set. */
  readonly secondMirror?: 'in-sync' | 'stale';
  /** By set: the states of its mirrors, instead of that. */
  readonly mirrors?: Readonly<Record<string, readonly MirrorState[]>>;
  /** By set, instead of that: what was decided of it. Default: event count 3, nothing was lost since the volume began. */
  readonly sets?: Readonly<Record<string, Omit<MirrorSetRecord, 'set'>>>;
  /** Default: the disks that have an extent with no stale or detached mirror around it. */
  readonly members?: readonly string[];
  readonly frameBytesMax?: number;
  readonly diskRoutes?: ControlData['diskRoutes'];
  readonly cachingSwitches?: readonly string[];
  /** Another layout, on any disks; regions and partitions then are of two blocks. */
  readonly layout?: Layout;
  /** Another volume. */
  readonly volume?: VolumeId;
  /** Of that volume; nothing but its size is another. */
  readonly sizeBytes?: number;
}

const switches = ['s1', 's2'];

export function controlDataOf(
  hostIncarnation: number,
  options: ControlDataOptions = {},
): ControlData {
  const { attachEpoch = 5, partitionEpoch = 10, instances = [1, 1, 1, 1] } = options;
  const { mode = 'exclusive', readOnly = false, secondMirror = 'in-sync' } = options;
  const { layout = stripeOfMirrors(options.sizeBytes ?? sizeBytes) } = options;
  const unitBytes = options.layout === undefined ? mebibyte : 8 * kibibyte;
  const disks = [...new Set(extentsOf(layout).map(({ disk }) => disk))];
  const mirrorSets = mirrorSetsOf(layout).map(({ set, node }) => ({
    set,
    eventCount: 3,
    mirrors:
      options.mirrors?.[set] ??
      node.children.map((_, index) => (index === 1 ? secondMirror : 'in-sync')),
    heldSince: 0,
    epochsSince: node.children.map(() => 0),
    ...options.sets?.[set],
  }));
  const { members = writtenDisks(layout, mirrorSets) } = options;
  const { firstEpoch = attachEpoch } = options;
  const attachment = { host: 'h1', hostIncarnation, attachEpoch, firstEpoch, mode, readOnly };
  return controlDataSchema.parse({
    cluster: 'test',
    host: 'h1',
    state: options.state ?? 'serving',
    reason: options.reason ?? '',
    volume: options.volume ?? volume,
    sizeBytes: sizeOf(layout),
    logicalBlockBytes: 512,
    regionBytes: unitBytes,
    frameBytesMax: options.frameBytesMax ?? 256 * kibibyte,
    layout,
    coordinatorMap: { kind: 'modulo', unitBytes, partitions: 2 },
    generation: options.generation ?? 1,
    controlEpoch: options.controlEpoch ?? 1,
    partitions: switches.map((coordinator, partition) => ({
      partition,
      coordinator,
      epoch: partitionEpoch + partition,
      ownerIncarnation: 100 + partition,
    })),
    mirrorSets,
    attachments: attachEpoch === 0 ? [] : [attachment],
    compared: 'all',
    disks: disks.flatMap((disk, index) =>
      members.includes(disk)
        ? { disk, identity: `${index}`.repeat(32), instance: instances[index] ?? 1 }
        : [],
    ),
    diskRoutes: options.diskRoutes ?? disks.map((disk) => ({ disk, routes: routesToDisk(disk) })),
    coordinatorRoutes: switches.map((coordinator) => ({
      coordinator,
      routes: routesToSwitch(coordinator),
    })),
    cachingSwitches: options.cachingSwitches ?? [],
  });
}

interface States {
  readonly set: string;
  readonly mirrors: readonly string[];
}

function writtenDisks(node: Layout, sets: readonly States[]): readonly string[] {
  if (node.kind === 'extent') return [node.disk];
  const states = node.kind === 'mirror' ? sets.find(({ set }) => set === node.set)?.mirrors : [];
  return node.children.flatMap((child, index) => {
    const state = states?.[index] ?? 'in-sync';
    return state === 'in-sync' || state === 'resyncing' ? writtenDisks(child, sets) : [];
  });
}

/** The whole extent that tests have on a disk. */
export function extentOn(disk: string, lengthBytes: number): Extent {
  return {
    kind: 'extent',
    extent: idOf(`x-${disk}`),
    disk: idOf(disk),
    start: unitOf(mebibyte),
    lengthBytes,
    generation: unitOf(7),
  };
}

export function mirror(set: string, children: readonly Layout[]): Layout {
  return { kind: 'mirror', set: idOf(set), children };
}

function stripeOfMirrors(bytes: number): Layout {
  return {
    kind: 'stripe',
    stripBytes,
    children: [
      mirror('m0', [extentOn('d1', bytes / 2), extentOn('d2', bytes / 2)]),
      mirror('m1', [extentOn('d3', bytes / 2), extentOn('d4', bytes / 2)]),
    ],
  };
}

/** Through one switch, and through both. */
export function routesToDisk(disk: string): Route[] {
  return hbaIds.flatMap((hba) =>
    switches.flatMap((name) => {
      const other = name === 's1' ? 's2' : 's1';
      return [
        route(hba, [`${hba}-${name}`, `${name}-${disk}`], [name]),
        route(hba, [`${hba}-${name}`, 's1-s2', `${other}-${disk}`], [name, other]),
      ];
    }),
  );
}

function routesToSwitch(name: string): Route[] {
  const other = name === 's1' ? 's2' : 's1';
  return hbaIds.flatMap((hba) => [
    route(hba, [`${hba}-${name}`], []),
    route(hba, [`${hba}-${other}`, 's1-s2'], [other]),
  ]);
}

function route(hba: HbaId, links: readonly string[], through: readonly string[]): Route {
  return { hba, links: links.map((link) => idOf(link)), switches: through.map((id) => idOf(id)) };
}
