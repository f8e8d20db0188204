/**
 * Frames that arrive damaged, at a disk or back here (DESIGN §5): path trouble, which no disk is blamed for. What was sent
 * is sent again, a few times.
 */
import { decodeFrame, FrameKind, isDataIntact } from '../../protocols/frames/frame.ts';
import type { LegCall } from './leg-call.ts';

/** How often something is sent again for that. */
export const damagedFramesMax = 3;
/** Before it is. */
export const damagedRetryMs = 20;

/** True when what was sent matches its checksums: what its disk makes nothing of was damaged on the way. */
export function isIntact({ frame, request }: LegCall): boolean {
  const sent = decodeFrame(frame);
  return sent?.kind === FrameKind.request && isDataIntact(sent.data, request.offset);
}
