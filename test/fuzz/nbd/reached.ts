/** What a campaign of some ten thousand sessions must have met: a generator that stops reaching something is noticed. */
import { damageKinds } from './damage.ts';

const ends = ['goodbye', 'lost', 'thrown out'];
const worldSteps = ['bytes', 'end', 'stuck', 'drain', 'turn', 'neighbour', 'lost', 'stop'];
/** Options, each with the replies that it may get here. */
const optionReplies: Readonly<Record<string, readonly string[]>> = {
  ABORT: ['ACK'],
  LIST: ['SERVER', 'ACK', 'ERR_INVALID'],
  STARTTLS: ['ERR_UNSUP', 'ERR_INVALID'],
  INFO: ['INFO', 'ACK', 'ERR_INVALID', 'ERR_UNKNOWN'],
  GO: ['INFO', 'ACK', 'ERR_INVALID', 'ERR_UNKNOWN'],
  STRUCTURED_REPLY: ['ACK', 'ERR_INVALID'],
  LIST_META_CONTEXT: ['META_CONTEXT', 'ACK', 'ERR_INVALID', 'ERR_UNKNOWN'],
  SET_META_CONTEXT: ['META_CONTEXT', 'ACK', 'ERR_INVALID', 'ERR_UNKNOWN'],
};
/** Commands, each with the answers that it may get here. */
const commandErrors: Readonly<Record<string, readonly string[]>> = {
  READ: ['SUCCESS', 'EINVAL', 'EIO', 'EPERM', 'EOVERFLOW', 'ESHUTDOWN'],
  WRITE: ['SUCCESS', 'EINVAL', 'EIO', 'EPERM', 'ENOSPC', 'ESHUTDOWN'],
  FLUSH: ['SUCCESS', 'EINVAL', 'EIO', 'EPERM', 'ENOSPC', 'ESHUTDOWN'],
  TRIM: ['SUCCESS', 'EINVAL', 'EIO', 'EPERM', 'ESHUTDOWN'],
  CACHE: ['SUCCESS', 'EINVAL', 'EIO', 'ESHUTDOWN'],
  WRITE_ZEROES: ['SUCCESS', 'EINVAL', 'EIO', 'EPERM', 'ENOSPC', 'ENOTSUP', 'ESHUTDOWN'],
  BLOCK_STATUS: ['SUCCESS', 'EINVAL', 'EIO', 'ESHUTDOWN'],
};

const reachable: readonly string[] = [
  'NBD_OPT_EXPORT_NAME',
  'unknown option NBD_REP_ERR_UNSUP',
  'unknown command NBD_EINVAL',
  ...Object.entries(optionReplies).flatMap(([option, replies]) =>
    replies.map((reply) => `NBD_OPT_${option} NBD_REP_${reply}`),
  ),
  ...Object.entries(commandErrors).flatMap(([command, errors]) =>
    errors.map((error) => `NBD_CMD_${command} NBD_${error}`),
  ),
  ...['negotiation', 'transmission'].flatMap((phase) =>
    ends.map((end) => `ended in ${phase}: ${end}`),
  ),
  ...worldSteps.map((step) => `step ${step}`),
  ...damageKinds.map((kind) => `damage ${kind}`),
];

/** What was never met. */
export function missedOf(counts: ReadonlyMap<string, number>): readonly string[] {
  return reachable.filter((what) => (counts.get(what) ?? 0) === 0);
}
