/**
 * What a consumer is told about a failed I/O: the one place where a `Status` becomes an NBD error value.
 */
import { assertNever, Status } from '../codes.ts';
import {
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EINVAL,
  NBD_EIO,
  NBD_ENOSPC,
  NBD_EPERM,
  NBD_SUCCESS,
} from './constants.ts';

/**
 * The NBD error value for the end of an I/O that came as `command` (`NBD_CMD_…`). Codes that the driver recovers
 * from reach a consumer only when recovery was given up: then they are plain I/O errors.
 */
export function nbdErrorOf(status: Status, command: number): number {
  switch (status) {
    case Status.ok:
      return NBD_SUCCESS;
    case Status.masked:
      return NBD_EPERM;
    case Status.noSpace:
      return NBD_ENOSPC;
    case Status.range:
      return rangeErrorOf(command);
    case Status.invalid:
      return NBD_EINVAL;
    case Status.mirrorRead:
    case Status.path:
    case Status.staleGeneration:
    case Status.notCoordinator:
    case Status.fenced:
    case Status.notLoaded:
    case Status.busy:
    case Status.media:
      return NBD_EIO;
    default:
      return assertNever(status, 'status');
  }
}

/** Beyond the end of an export: no space for what would store something, else an invalid argument. */
export function rangeErrorOf(command: number): number {
  return command === NBD_CMD_WRITE || command === NBD_CMD_WRITE_ZEROES ? NBD_ENOSPC : NBD_EINVAL;
}
