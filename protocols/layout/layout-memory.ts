/** What a volume takes of a switch's memory for layouts (DESIGN S4): one estimate for who plans and who refuses. */

/** What there is to remember of a volume: the length of each list. */
export interface LayoutCounts {
  readonly extents: number;
  readonly partitions: number;
  readonly attachments: number;
  readonly disks: number;
}

const extentBytes = 512;
const recordBytes = 128;

/** Whatever its memory, a switch loads no more volumes: one costs more than its layout. */
export const loadedVolumesMax = 1024;

/** Bytes, about. */
export function layoutMemoryBytesOf(counts: LayoutCounts): number {
  const { extents, partitions, attachments, disks } = counts;
  return extentBytes * extents + recordBytes * (partitions + attachments + disks);
}
