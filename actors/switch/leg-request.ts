/** How a volume-addressed request becomes one for a disk: the numbers that the switch adds from what it has loaded. */
import { Operation, Status } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError } from '../../protocols/frames/reply.ts';
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import type { DiskId, SwitchId } from '../../protocols/ids.ts';
import type { CutPart } from '../../protocols/layout/compiled-layout.ts';
import type { Leg } from '../../protocols/layout/geometry.ts';
import type { WriteNumber } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import type { LegOwner } from './leg-call.ts';
import { eventCountOf, inSyncLegsOf, type LoadedVolume } from './loaded-volume.ts';

/** The numbers of a write's calls. */
export const inSyncLeg = 0;
const resyncingLeg = 1;

/** Where the answer of a disk goes, and in what order the write stands. */
interface LegNumbers {
  readonly self: SwitchId;
  readonly slot: number;
  readonly writeNumber: WriteNumber;
  readonly lowestUnsettled: WriteNumber;
}

/** A host's write as it goes to one leg. */
function legRequestOf(
  request: Request,
  volume: LoadedVolume,
  part: CutPart,
  leg: Leg,
  numbers: LegNumbers,
): Request {
  return {
    operation: request.operation,
    flags: request.flags & RequestFlag.fua,
    volume: request.volume,
    offset: request.offset,
    lengthBytes: request.lengthBytes,
    disk: leg.disk,
    diskOffset: leg.offset,
    extentGeneration: leg.generation,
    mirrorSet: part.set ?? '',
    generation: volume.load.generation,
    controlEpoch: volume.load.controlEpoch,
    attachEpoch: request.attachEpoch,
    eventCount: eventCountOf(volume, part.set),
    partition: request.partition,
    partitionEpoch: request.partitionEpoch,
    ownerIncarnation: request.ownerIncarnation,
    writeNumber: numbers.writeNumber,
    lowestUnsettled: numbers.lowestUnsettled,
    host: request.host,
    hostIncarnation: request.hostIncarnation,
    ioNumber: request.ioNumber,
    attempt: request.attempt,
    watermark: request.watermark,
    regionWrites: request.regionWrites,
    replyKind: 'switch',
    replyId: numbers.self,
    replySlot: numbers.slot,
    route: [],
  };
}

/**
 * Sends a host's write, of one part, to all its mirrors that are in sync or being made so; gives how many these are: 0,
 * with nothing sent, where none is in sync.
 */
export function sendToMirrors(
  { self, calls }: Pick<CoordinatorParts, 'self' | 'calls'>,
  volume: LoadedVolume,
  part: CutPart,
  write: { readonly request: Request; readonly data: FrameData },
  owner: LegOwner,
  order: Pick<LegNumbers, 'writeNumber' | 'lowestUnsettled'>,
): number {
  let sent = 0;
  if (inSyncLegsOf(volume, part) === 0) return sent;
  for (const leg of part.legs) {
    if (volume.written[leg.extentIndex] !== true) continue;
    const slot = calls.claim();
    const request = legRequestOf(write.request, volume, part, leg, { self, slot, ...order });
    const number = volume.inSync[leg.extentIndex] === true ? inSyncLeg : resyncingLeg;
    calls.send(slot, owner, number, request, write.data);
    sent++;
  }
  return sent;
}

/**
 * Addresses a read to the copy on the disk that it names, or to any when it names none.
 *
 * @returns why that cannot be; null when it is done
 */
export function addressRead(request: Request, volume: LoadedVolume, part: CutPart): Outcome | null {
  const leg = readableLeg(request, volume, part);
  if (leg === undefined) {
    const what =
      request.disk === ''
        ? 'no copy of this range is in sync'
        : `disk ${request.disk} holds no copy of this range that is in sync`;
    return plainError(Status.invalid, what);
  }
  request.disk = leg.disk;
  request.diskOffset = leg.offset;
  request.extentGeneration = leg.generation;
  request.mirrorSet = part.set ?? '';
  request.controlEpoch = volume.load.controlEpoch;
  request.eventCount = eventCountOf(volume, part.set);
  return null;
}

function readableLeg(request: Request, volume: LoadedVolume, part: CutPart): Leg | undefined {
  for (const leg of part.legs) {
    const chosen = request.disk === '' || leg.disk === request.disk;
    if (chosen && volume.inSync[leg.extentIndex] === true) return leg;
  }
  return undefined;
}

/** The disks that hold other copies of a part which are in sync. */
export function otherMirrors(
  volume: LoadedVolume,
  part: CutPart,
  than: DiskId | '',
): readonly DiskId[] {
  const inSync = part.legs.filter(({ extentIndex }) => volume.inSync[extentIndex] === true);
  return inSync.map(({ disk }) => disk).filter((disk) => disk !== than);
}

/** True for what changes data, and so goes through a coordinator. */
export function isWriting(operation: Operation): boolean {
  return (
    operation === Operation.write ||
    operation === Operation.writeZeroes ||
    operation === Operation.trim
  );
}
