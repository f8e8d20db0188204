/** The report of trouble that only a new assembly of a volume mends: body of the command `trouble`. */
import { z } from 'zod';
import type { DiskId, HostId, SwitchId, VolumeId } from './ids.ts';
import { count, id } from './schema.ts';
import type { Generation } from './units.ts';

/** As many as a report may name. */
export const reportedDisksMax = 64;

/** Says that a volume, as assembled in `generation`, cannot go on, and why. */
export const troubleReportSchema = z.object({
  volume: id<VolumeId>(),
  generation: count<Generation>(),
  reporter: z.union([id<HostId>(), id<SwitchId>(), id<DiskId>()]),
  what: z.string().max(2000),
  /** Of a switch: disks that answer it nothing, however often it asks, and over whatever way. */
  silentDisks: z.array(id<DiskId>()).max(reportedDisksMax).optional(),
  /** Disks that said themselves that they cannot store, copy or flush what was asked of them. */
  failedDisks: z.array(id<DiskId>()).max(reportedDisksMax).optional(),
});
export type TroubleReport = z.infer<typeof troubleReportSchema>;
