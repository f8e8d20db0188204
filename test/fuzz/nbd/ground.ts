/** What fuzzed sessions stand on: a small server's limits, and the sizes of what it exports. */
import type { SessionLimits } from '../../../cluster/nbd/limits.ts';
import { defaultSessionLimits } from '../../../cluster/nbd/limits.ts';

export const sizeBytes = 65_536;
export const ioBytesMax = 16_384;
/** Small, so that sessions of a few requests meet each of them. */
export const limits: SessionLimits = {
  ...defaultSessionLimits,
  requestsMax: 6,
  inFlightBytesMax: 12_288,
  readAheadBytesMax: 2048,
  unsentBytesMax: 4096,
  skippedPayloadBytesMax: 32_768,
  optionBytesMax: 6000,
  optionsMax: 12,
  descriptorsMax: 4,
};
/** Exports: a volume, the same one read-only, and another volume with larger blocks. */
export const exportNames = ['memory', 'frozen', 'other'] as const;
