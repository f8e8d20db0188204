/**
 * What the driver does about an answer that is not `ok`: one recovery per special error code (DESIGN §5), in the form
 * that needs no decision of this host. Pure.
 */
import { assertNever, Operation, Status } from '../../protocols/codes.ts';
import type { Outcome } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId, LinkId } from '../../protocols/ids.ts';
import type { DriverPolicy } from './driver-policy.ts';
import { changesMarks } from './mark-part.ts';

export type Recovery =
  /** The consumer gets this error for the whole I/O. */
  | { readonly kind: 'end'; readonly status: Status }
  /** What is stored is not known any more: the attachment is lost. */
  | { readonly kind: 'lose'; readonly what: string }
  /** The links failed; on another path, at once if it is known which there are. */
  | { readonly kind: 'reroute'; readonly links: readonly LinkId[]; readonly isNamed: boolean }
  /** Again after a time; no path is blamed. */
  | { readonly kind: 'wait'; readonly delayMs: number; readonly askControlData: boolean }
  /** This mirror is bad there: another one is read. No alternates: the virtualizer is asked for them. */
  | {
      readonly kind: 'retryMirror';
      readonly disk: DiskId;
      readonly alternates: readonly DiskId[];
    }
  /** The disk cannot make durable what it holds: it must not count any more, if others can. */
  | { readonly kind: 'failDisk'; readonly disk: DiskId; readonly what: string }
  /** Not before there is newer control data. */
  | { readonly kind: 'hold' };

/** A frame that was damaged on its way looks like one that makes no sense: it gets another chance. */
const invalidAttemptsMax = 2;

/** @param disk the one that answered; '' when it was a switch */
export function recoveryOf(
  request: Request,
  outcome: Exclude<Outcome, { readonly status: typeof Status.ok }>,
  policy: DriverPolicy,
  disk: DiskId | '',
): Recovery {
  const { status, detail } = outcome;
  switch (status) {
    case Status.path:
      return { kind: 'reroute', links: detail.links, isNamed: detail.alternates.length > 0 };
    case Status.busy: {
      const delayMs = Math.min(Math.max(detail.retryAfterMs, 1), policy.waitDelayMsMax);
      return { kind: 'wait', delayMs, askControlData: false };
    }
    case Status.staleGeneration:
    case Status.notCoordinator:
    case Status.notLoaded:
      return { kind: 'wait', delayMs: laterDelayMs(request, policy), askControlData: true };
    case Status.fenced:
      return { kind: 'hold' };
    case Status.invalid:
      return request.attempt < invalidAttemptsMax
        ? { kind: 'wait', delayMs: policy.retryDelayMs, askControlData: false }
        : { kind: 'end', status };
    case Status.masked:
    case Status.range:
      return { kind: 'end', status };
    case Status.mirrorRead:
      return readsMirror(request.operation)
        ? { kind: 'retryMirror', disk: detail.disk, alternates: detail.alternates }
        : { kind: 'end', status: Status.media };
    case Status.media:
      // A disk's own word, past a switch that has forgotten the read: a mirror-read that names no alternates.
      if (disk !== '' && readsMirror(request.operation))
        return { kind: 'retryMirror', disk, alternates: [] };
      // A coordinator says it of a write only when no mirror has it, and none ever will.
      return disk === '' && request.operation !== Operation.flush
        ? { kind: 'end', status }
        : storageRecovery(request.operation, status, detail.what, disk);
    case Status.noSpace:
      return storageRecovery(request.operation, status, detail.what, disk);
    default:
      return assertNever(status, 'status');
  }
}

/** True when the switch that answers lacks what was decided: another one may have it. */
export function isBehind(request: Request, outcome: Outcome): boolean {
  return (
    outcome.status === Status.notLoaded ||
    (outcome.status === Status.staleGeneration && outcome.detail.generation < request.generation)
  );
}

function readsMirror(operation: Operation): boolean {
  return operation === Operation.read || operation === Operation.allocation;
}

/** What changes nothing that was promised ends by itself. */
function storageRecovery(
  operation: Operation,
  status: typeof Status.media | typeof Status.noSpace,
  what: string,
  disk: DiskId | '',
): Recovery {
  if (operation === Operation.flush && disk !== '')
    return { kind: 'failDisk', disk, what: `disk ${disk} failed to flush: ${what}` };
  return readsMirror(operation) || operation === Operation.repair || changesMarks(operation)
    ? { kind: 'end', status }
    : { kind: 'lose', what: `${storageProblem(status)}: ${what}` };
}

function storageProblem(status: Status): string {
  return status === Status.noSpace ? 'a disk has no space' : 'a disk failed to store or flush';
}

/**
 * More patient with each attempt: others may not have heard yet of what this host knows, or the other way round, and
 * where every path is dead each attempt carries its payload in vain.
 */
export function laterDelayMs(request: Request, policy: DriverPolicy): number {
  const delayMs = policy.retryDelayMs * 2 ** Math.min(request.attempt, 10);
  return Math.min(delayMs, policy.waitDelayMsMax);
}
