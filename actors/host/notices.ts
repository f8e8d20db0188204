/**
 * When frames tell switches which way their host prefers (DESIGN H8), where switches choose how a frame goes on: at once
 * when it is another way than before; then now and then, for a switch that restarted does without until it is told.
 */
import type { RouteEntry } from './route-table.ts';

const tellEveryFrames = 64;

/** Whether a frame that takes this way is to say so. */
export function tellsWay({ isPreferred, notice, service }: RouteEntry): boolean {
  return isPreferred && (notice.told !== service || notice.frames >= tellEveryFrames);
}

/** A frame left. @param hasTold it said which way it is to take */
export function noteSent({ isPreferred, notice, service }: RouteEntry, hasTold: boolean): void {
  if (!isPreferred) return;
  if (hasTold) notice.told = service;
  notice.frames = hasTold ? 0 : notice.frames + 1;
}
