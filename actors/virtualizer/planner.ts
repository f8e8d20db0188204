/**
 * Finds places on disks for a volume: from the layout form of a topology and the free space of the disks to the
 * layout with its extents. Pure; that nothing else was planned meanwhile is for the caller's compare-and-set.
 */
import { assertNever } from '../../protocols/codes.ts';
import {
  type DiskId,
  type ExtentId,
  idOf,
  type MirrorSetId,
  type VolumeId,
} from '../../protocols/ids.ts';
import type { Extent, Layout } from '../../protocols/layout/layout.ts';
import { validateLayout } from '../../protocols/layout/validate-layout.ts';
import { childSizesOf, formProblems, leafSizesOf } from '../../protocols/topology/form-sizes.ts';
import type { LayoutForm } from '../../protocols/topology/layout-form.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';
import { type DiskOffset, type ExtentGeneration, unitOf } from '../../protocols/units.ts';

/** A stretch of a disk's home area. */
export interface DiskRange {
  readonly start: DiskOffset;
  readonly lengthBytes: number;
}

/** What a disk can give. */
export interface DiskSpace {
  readonly disk: DiskId;
  /** Size of its home area, whole blocks. */
  readonly homeBytes: number;
  /** The extents on it, whoever owns them, in any order. */
  readonly taken: readonly DiskRange[];
}

export interface PlanRequest {
  readonly volume: VolumeId;
  readonly sizeBytes: number;
  readonly form: LayoutForm;
  readonly disks: readonly DiskSpace[];
  /** Of the new extents: higher than that of every extent that these disks ever held. */
  readonly generation: ExtentGeneration;
}

export interface PlanProblem {
  /** The disk that lacks room; null when the form itself is wrong. */
  readonly disk: DiskId | null;
  readonly lackingBytes: number;
  readonly problem: string;
}

export type Plan =
  | { readonly ok: true; readonly layout: Layout }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/**
 * Plans a volume. Each extent goes to the first gap of its disk that holds it whole; where none does, it becomes a
 * concat of gaps. Extents are named `<volume>-e0`, … and mirror sets `<volume>-m0`, … in the order of the tree.
 *
 * @returns a valid layout, or for each disk that lacks room how much.
 */
export function planVolume(request: PlanRequest): Plan {
  const { form, sizeBytes } = request;
  const formWrong = formProblems(form, sizeBytes, []).map(({ problem }) => problem);
  if (formWrong.length > 0) return refused(formWrong);
  const lacks = lackingRoom(request);
  if (lacks.length > 0) return { ok: false, problems: lacks };
  const layout = placeForm(form, sizeBytes, {
    request,
    gaps: new Map(request.disks.map((space) => [space.disk, gapsOf(space)])),
    extents: 0,
    mirrorSets: 0,
  });
  const wrong = validateLayout(layout).map(({ at, problem }) => `${at} ${problem}`.trim());
  return wrong.length > 0 ? refused(wrong) : { ok: true, layout };
}

function refused(problems: readonly string[]): Plan {
  return {
    ok: false,
    problems: problems.map((problem) => ({ disk: null, lackingBytes: 0, problem })),
  };
}

function lackingRoom({ form, sizeBytes, volume, disks }: PlanRequest): readonly PlanProblem[] {
  const needed = new Map<DiskId, number>();
  for (const { disk, lengthBytes } of leafSizesOf(form, sizeBytes))
    needed.set(disk, (needed.get(disk) ?? 0) + lengthBytes);
  return [...needed].flatMap(([disk, neededBytes]) => {
    const space = disks.find((one) => one.disk === disk);
    if (space === undefined) {
      const problem = `nothing is known of disk ${disk}; volume ${volume} needs ${sizeText(neededBytes)} of it`;
      return [{ disk, lackingBytes: neededBytes, problem }];
    }
    const freeBytes = gapsOf(space).reduce((sum, gap) => sum + gap.end - gap.start, 0);
    const lackingBytes = neededBytes - freeBytes;
    const problem =
      `disk ${disk} lacks ${sizeText(lackingBytes)}: volume ${volume} needs ` +
      `${sizeText(neededBytes)} of it, ${sizeText(freeBytes)} are free`;
    return lackingBytes > 0 ? [{ disk, lackingBytes, problem }] : [];
  });
}

/** Free from `start` up to `end`; shrinks as extents are placed. */
interface Gap {
  start: number;
  readonly end: number;
}

/** The free stretches of a disk, in order. */
function gapsOf({ homeBytes, taken }: DiskSpace): Gap[] {
  const gaps: Gap[] = [];
  let free = 0;
  for (const { start, lengthBytes } of taken.toSorted((a, b) => a.start - b.start)) {
    if (start > free) gaps.push({ start: free, end: Math.min(start, homeBytes) });
    free = Math.max(free, start + lengthBytes);
  }
  gaps.push({ start: free, end: homeBytes });
  return gaps.filter(({ start, end }) => start < end);
}

/** A plan in the making. */
interface Planning {
  readonly request: PlanRequest;
  readonly gaps: ReadonlyMap<DiskId, readonly Gap[]>;
  extents: number;
  mirrorSets: number;
}

function placeForm(form: LayoutForm, sizeBytes: number, planning: Planning): Layout {
  const sizes = childSizesOf(form, sizeBytes);
  const place = (child: LayoutForm, index: number) => placeForm(child, sizes[index] ?? 0, planning);
  switch (form.kind) {
    case 'disk':
      return placeLeaf(form.disk, sizeBytes, planning);
    case 'concat':
      return {
        kind: 'concat',
        children: form.children.map((child, index) => place(child.form, index)),
      };
    case 'stripe': {
      const { stripBytes } = form;
      return { kind: 'stripe', stripBytes, children: form.children.map(place) };
    }
    case 'mirror': {
      const set = idOf<MirrorSetId>(`${planning.request.volume}-m${planning.mirrorSets++}`);
      return { kind: 'mirror', set, children: form.children.map(place) };
    }
    default:
      return assertNever(form, 'layout form');
  }
}

function placeLeaf(disk: DiskId, sizeBytes: number, planning: Planning): Layout {
  const gaps = planning.gaps.get(disk) ?? [];
  const whole = gaps.find(({ start, end }) => end - start >= sizeBytes);
  if (whole !== undefined) return takeFrom(whole, disk, sizeBytes, planning);
  const children: Layout[] = [];
  let restBytes = sizeBytes;
  for (const gap of gaps) {
    const lengthBytes = Math.min(gap.end - gap.start, restBytes);
    if (lengthBytes > 0) children.push(takeFrom(gap, disk, lengthBytes, planning));
    restBytes -= lengthBytes;
  }
  return { kind: 'concat', children };
}

function takeFrom(gap: Gap, disk: DiskId, lengthBytes: number, planning: Planning): Extent {
  const { volume, generation } = planning.request;
  const start = unitOf<DiskOffset>(gap.start);
  gap.start += lengthBytes;
  const extent = idOf<ExtentId>(`${volume}-e${planning.extents++}`);
  return { kind: 'extent', extent, disk, start, lengthBytes, generation };
}
