/**
 * How marks change: in the journal first, as everything does. One that is made counts once it is durable; one that is
 * lost with the power after it was taken away is found again, and does no harm.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { HostId } from '../../protocols/ids.ts';
import type { StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { Admitted } from './admitted.ts';
import type { BlockDevice } from './block-device.ts';
import { applyEntry, keptBytesOf } from './device-parts.ts';
import { type Marker, markEntry } from './host-marks.ts';
import { entryBytes, type JournalEntry, type Stretch } from './journal-record.ts';
import type { MarkOrder } from './marked-stretches.ts';
import type { Ended } from './read-operation.ts';

export interface MarkChange {
  readonly kind: 'mark' | 'unmark';
  readonly reference: number;
  readonly stretch: Stretch;
  readonly order: MarkOrder;
  /** Whose marks change. */
  readonly isMeant: (marker: Omit<Marker, 'reference'>) => boolean;
  /** Who makes one; null where marks are taken away. */
  readonly maker: Marker | null;
}

/** The blocks of a request of whole blocks. */
export function stretchOf({ diskOffset, lengthBytes }: Request): Stretch {
  return { firstBlock: diskOffset / blockBytes, blocks: lengthBytes / blockBytes };
}

/**
 * What a request asks for: a host marks, or takes its own marks away. A coordinator's own request takes away those of all
 * hosts that are not attached any more.
 *
 * @param incarnationOf of a host that is attached
 */
export function markChangeOf(
  { request, reference }: Admitted,
  incarnationOf: (host: HostId) => number | undefined,
): MarkChange {
  const { operation, host, hostIncarnation, partitionEpoch, writeNumber } = request;
  const kind = operation === Operation.mark ? 'mark' : 'unmark';
  const isOwn = (marker: Omit<Marker, 'reference'>) =>
    marker.host === host && marker.hostIncarnation === hostIncarnation;
  const isGone = (marker: Omit<Marker, 'reference'>) =>
    incarnationOf(marker.host) !== marker.hostIncarnation;
  return {
    kind,
    reference,
    stretch: stretchOf(request),
    order: { epoch: partitionEpoch, number: writeNumber },
    isMeant: host === '' ? isGone : isOwn,
    maker: kind === 'mark' && host !== '' ? { reference, host, hostIncarnation } : null,
  };
}

/** Ends once a mark is durable, or those taken away are in the journal. */
export function changeMarks(device: BlockDevice, change: MarkChange, ended: Ended): void {
  const { parts } = device;
  const { clock, failure, journal } = parts;
  const entries = entriesOf(device, change);
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  const written = (error: StoreError | null): void => {
    if (error !== null) ended(Status.media, `the journal cannot be written: ${error.detail}`);
    else if (change.kind === 'unmark') ended(Status.ok, '');
    else device.flush(ended);
  };
  if (failure !== null)
    clock.soon(() => ended(Status.media, `the disk has failed: ${failure.detail}`));
  else if (entries.length === 0) journal.whenWritten(written);
  else if (!journal.hasRoom(bytes, 0, keptBytesOf(parts) + bytes)) {
    device.onNoRoom();
    const full = 'the store of this disk has no space left';
    if (device.isOutOfSpace) clock.soon(() => ended(Status.noSpace, full));
    else clock.soon(() => ended(Status.busy, 'the journal is full'));
  } else {
    for (const entry of entries) applyEntry(parts, entry, journal.append(entry, [], null));
    journal.whenWritten(written);
    device.onJournalUse();
  }
}

function entriesOf({ parts }: BlockDevice, change: MarkChange): readonly JournalEntry[] {
  const { kind, maker, reference, order, stretch, isMeant } = change;
  if (kind === 'mark') return maker === null ? [] : [markEntry(kind, maker, order, [stretch])];
  const markers = parts.marks.markersOf(reference).filter(isMeant);
  return markers.map((marker) => markEntry(kind, marker, order, [stretch]));
}
