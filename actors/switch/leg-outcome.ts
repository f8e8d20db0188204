/** What a disk's answer to a write means for its partition. */
import { assertNever, Status, statusName } from '../../protocols/codes.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { DiskInstance } from '../../protocols/units.ts';
import type { LoadedVolume } from './loaded-volume.ts';

/**
 * Why a leg's answer is trouble, as a sentence for people; '' when the leg is done. Every error of a leg is, of mirrors
 * that are in sync and of those that are being made so: only a decision makes one stale.
 *
 * @param failedDisks gets the disk when it says itself that it cannot store or read what it was asked to. What it makes
 *   nothing of may be no fault of it: frames are damaged on the way
 */
export function legTroubleOf(
  volume: LoadedVolume,
  request: Request,
  reply: Reply,
  failedDisks: Set<DiskId>,
): string {
  const { outcome } = reply;
  const name = statusName(outcome.status);
  switch (outcome.status) {
    case Status.ok:
      return instanceTroubleOf(volume, request.disk, reply.diskInstance);
    case Status.media:
    case Status.noSpace:
      if (request.disk !== '') failedDisks.add(request.disk);
      return `disk ${request.disk} answers ${name}: ${outcome.detail.what}`;
    case Status.range:
    case Status.invalid:
    case Status.masked:
      return `disk ${request.disk} answers ${name}: ${outcome.detail.what}`;
    case Status.fenced: {
      const { number, current } = outcome.detail;
      return `disk ${request.disk} answers ${name}: ${number} is ${current} there`;
    }
    case Status.path:
    case Status.mirrorRead:
    case Status.staleGeneration:
    case Status.notCoordinator:
    case Status.notLoaded:
    case Status.busy:
      return `disk ${request.disk} answers ${name}, which a disk does not say to a coordinator`;
    default:
      return assertNever(outcome, 'outcome');
  }
}

/** An answer counts only from the disk process that the volume was assembled from (DESIGN I11). */
function instanceTroubleOf(
  volume: LoadedVolume,
  disk: DiskId | '',
  instance: DiskInstance,
): string {
  const assembled = disk === '' ? undefined : volume.instances.get(disk);
  if (assembled === instance) return '';
  return `disk ${disk} restarted: instance ${instance} answers, ${assembled} was assembled`;
}
