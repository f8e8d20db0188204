/**
 * The layout of a volume without the config database: the form that the topology gives it, with the extents that its disks
 * know. They are named in the order of the tree (`planVolume`), so that each finds its leaf again. Pure.
 */
import { assertNever } from '../../protocols/codes.ts';
import type { ExtentRecord } from '../../protocols/control-data.ts';
import {
  type DiskId,
  type ExtentId,
  idOf,
  type MirrorSetId,
  type VolumeId,
} from '../../protocols/ids.ts';
import { type Extent, extentsOf, type Layout } from '../../protocols/layout/layout.ts';
import { validateLayout } from '../../protocols/layout/validate-layout.ts';
import { childSizesOf } from '../../protocols/topology/form-sizes.ts';
import type { LayoutForm } from '../../protocols/topology/layout-form.ts';
import { type DiskOffset, type ExtentGeneration, unitOf } from '../../protocols/units.ts';

/** An extent that a disk knows as the volume's. */
export type FoundExtent = Pick<ExtentRecord, 'extent' | 'start' | 'lengthBytes' | 'generation'> & {
  readonly disk: DiskId;
};

export interface WrittenVolume {
  readonly id: VolumeId;
  readonly sizeBytes: number;
  readonly layout: LayoutForm;
}

interface Placing {
  readonly volume: VolumeId;
  /** In the order of the tree; what is placed is taken from the front. */
  readonly left: FoundExtent[];
  readonly known: ReadonlySet<DiskId>;
  sets: number;
  absent: number;
}

/**
 * Finds the layout again. Where a disk knows no extents a placeholder stands, whose place on the disk means nothing.
 *
 * @param found of one life of the volume, in any order
 * @returns null when the extents are not those of this form
 */
export function layoutAgain(volume: WrittenVolume, found: readonly FoundExtent[]): Layout | null {
  const placing: Placing = {
    volume: volume.id,
    left: found.toSorted((one, other) => numberOf(one.extent) - numberOf(other.extent)),
    known: new Set(found.map(({ disk }) => disk)),
    sets: 0,
    absent: 0,
  };
  const layout = place(volume.layout, volume.sizeBytes, placing);
  if (layout === null || placing.left.length > 0) return null;
  return isValid(layout, placing.known) ? layout : null;
}

/** Only of those that are there: placeholders may lie on each other. */
function isValid(layout: Layout, known: ReadonlySet<DiskId>): boolean {
  const isWhole = extentsOf(layout).every(({ disk }) => known.has(disk));
  return !isWhole || validateLayout(layout).length === 0;
}

function numberOf(extent: ExtentId): number {
  return Number(/-e(\d+)$/.exec(extent)?.[1] ?? 0);
}

function place(form: LayoutForm, sizeBytes: number, placing: Placing): Layout | null {
  const sizes = childSizesOf(form, sizeBytes);
  const placeAll = (forms: readonly LayoutForm[]): Layout[] | null => {
    const children = forms.map((child, index) => place(child, sizes[index] ?? 0, placing));
    return children.every((child) => child !== null) ? children : null;
  };
  switch (form.kind) {
    case 'disk':
      return placeLeaf(form.disk, sizeBytes, placing);
    case 'concat': {
      const children = placeAll(form.children.map((child) => child.form));
      return children && { kind: 'concat', children };
    }
    case 'stripe': {
      const children = placeAll(form.children);
      return children && { kind: 'stripe', stripBytes: form.stripBytes, children };
    }
    case 'mirror': {
      const set = idOf<MirrorSetId>(`${placing.volume}-m${placing.sets++}`);
      const children = placeAll(form.children);
      return children && { kind: 'mirror', set, children };
    }
    default:
      return assertNever(form, 'layout form');
  }
}

/** A leaf is one extent, or several where the disk had no gap that held it whole. */
function placeLeaf(disk: DiskId, sizeBytes: number, placing: Placing): Layout | null {
  if (!placing.known.has(disk)) return placeholder(disk, sizeBytes, placing);
  const extents: Extent[] = [];
  let restBytes = sizeBytes;
  while (restBytes > 0) {
    const next = placing.left[0];
    if (next === undefined || next.disk !== disk || next.lengthBytes > restBytes) return null;
    placing.left.shift();
    const { extent, start, lengthBytes, generation } = next;
    extents.push({ kind: 'extent', disk, extent, start, lengthBytes, generation });
    restBytes -= lengthBytes;
  }
  const [only, ...others] = extents;
  return only !== undefined && others.length === 0 ? only : { kind: 'concat', children: extents };
}

function placeholder(disk: DiskId, lengthBytes: number, placing: Placing): Extent {
  return {
    kind: 'extent',
    disk,
    extent: idOf<ExtentId>(`absent-${placing.absent++}`),
    start: unitOf<DiskOffset>(0),
    lengthBytes,
    generation: unitOf<ExtentGeneration>(0),
  };
}
