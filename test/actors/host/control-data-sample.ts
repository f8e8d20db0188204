/**
 * Control data for tests: a stripe over two mirror sets of two disks each; two HBAs, each linked to two switches, and
 * each switch to every disk and to the other switch; partitions of 1 MiB, coordinated by s1 and s2 in turn.
 */
import type { AttachMode, ControlData, Route } from '../../../protocols/control-data.ts';
import { controlDataSchema } from '../../../protocols/control-data.ts';
import { type HbaId, idOf, type VolumeId } from '../../../protocols/ids.ts';
import { extentsOf, type Layout, mirrorSetsOf, sizeOf } from '../../../protocols/layout/layout.ts';
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
    mirrorSets: mirrorSetsOf(layout).map(({ set, node }) => ({
      set,
      eventCount: 3,
      mirrors: node.children.map((_, index) => (index === 1 ? secondMirror : 'in-sync')),
    })),
    attachments: attachEpoch === 0 ? [] : [attachment],
    compared: 'all',
    disks: disks.map((disk, index) => ({
      disk,
      identity: `${index}`.repeat(32),
      instance: instances[index] ?? 1,
    })),
    diskRoutes: options.diskRoutes ?? disks.map((disk) => ({ disk, routes: routesToDisk(disk) })),
    coordinatorRoutes: switches.map((coordinator) => ({
      coordinator,
      routes: routesToSwitch(coordinator),
    })),
    cachingSwitches: options.cachingSwitches ?? [],
  });
}

function mirror(set: string, lengthBytes: number, disks: readonly string[]): Layout {
  const children = disks.map(
    (disk): Layout => ({
      kind: 'extent',
      extent: idOf(`x-${disk}`),
      disk: idOf(disk),
      start: unitOf(mebibyte),
      lengthBytes,
      generation: unitOf(7),
    }),
  );
  return { kind: 'mirror', set: idOf(set), children };
}

function stripeOfMirrors(bytes: number): Layout {
  return {
    kind: 'stripe',
    stripBytes,
    children: [mirror('m0', bytes / 2, ['d1', 'd2']), mirror('m1', bytes / 2, ['d3', 'd4'])],
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
