/** What the host of a read is told whose disk could not carry it out (DESIGN §5). */
import { Status } from '../../protocols/codes.ts';
import type { Outcome } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import { otherMirrors } from './leg-request.ts';
import { holdsRange, type LoadedVolume, onlyPartOf } from './loaded-volume.ts';

/**
 * @param request as it went to the disk
 * @param failed what the disk said: that is the answer where no other mirror is in sync
 * @param namesAlternates whether the answer names the other mirrors, or is bare
 */
export function mirrorOutcomeOf(
  volume: LoadedVolume,
  { offset, lengthBytes, disk }: Request,
  failed: Outcome,
  namesAlternates: boolean,
): Outcome {
  if (disk === '' || !holdsRange(volume, offset, lengthBytes)) return failed;
  const part = onlyPartOf(volume, offset, lengthBytes, new PartList());
  if (part === null) return failed;
  const alternates = otherMirrors(volume, part, disk);
  if (alternates.length === 0) return failed;
  return {
    status: Status.mirrorRead,
    detail: { disk, alternates: namesAlternates ? alternates : [] },
  };
}
