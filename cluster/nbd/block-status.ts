/** The volume's stretches as descriptors of base:allocation. */
import type { AllocationStretch } from '../../protocols/attached-volume.ts';
import {
  NBD_CMD_FLAG_REQ_ONE,
  NBD_STATE_HOLE,
  NBD_STATE_ZERO,
} from '../../protocols/nbd/constants.ts';
import type { BlockDescriptor, RequestHeader } from '../../protocols/nbd/transmission.ts';

/**
 * At least one and at most `descriptorsMax` descriptors, neighbours with different states, together no longer than
 * the request; exactly one if the client asked for that (NBD_CMD_FLAG_REQ_ONE). Where the volume knows nothing, the
 * state is "allocated", which is always true enough.
 */
export function blockDescriptors(
  request: Readonly<RequestHeader>,
  stretches: readonly AllocationStretch[],
  descriptorsMax: number,
): BlockDescriptor[] {
  const countMax = (request.flags & NBD_CMD_FLAG_REQ_ONE) !== 0 ? 1 : descriptorsMax;
  const descriptors: BlockDescriptor[] = [];
  let restBytes = request.lengthBytes;
  for (const stretch of stretches) {
    const lengthBytes = Math.min(stretch.lengthBytes, restBytes);
    if (lengthBytes <= 0) continue;
    const state = stretch.allocated ? 0 : NBD_STATE_HOLE | NBD_STATE_ZERO;
    const last = descriptors.at(-1);
    if (last?.state === state) {
      descriptors[descriptors.length - 1] = { lengthBytes: last.lengthBytes + lengthBytes, state };
    } else {
      if (descriptors.length === countMax) break;
      descriptors.push({ lengthBytes, state });
    }
    restBytes -= lengthBytes;
  }
  if (descriptors.length === 0) descriptors.push({ lengthBytes: request.lengthBytes, state: 0 });
  return descriptors;
}
