/**
 * The request frame: one physical I/O on its way to a switch or a disk, with every number of DESIGN §1. A host sends
 * it volume-addressed (`disk` tells the chosen mirror, for reads); the switch or coordinator that virtualizes fills
 * in the disk address. Field order is wire format: `requestFields`, guarded by a golden file.
 */
import { isOperation, type Operation } from '../codes.ts';
import type { ActorKind, DiskId, HostId, LinkId, MirrorSetId, VolumeId } from '../ids.ts';
import { actorKinds, isId } from '../ids.ts';
import type {
  AttachEpoch,
  ControlEpoch,
  DiskOffset,
  EventCount,
  ExtentGeneration,
  Generation,
  Incarnation,
  IoNumber,
  PartitionEpoch,
  VolumeOffset,
  WriteNumber,
} from '../units.ts';

export const RequestFlag = {
  /** Durable before it is acknowledged. */
  fua: 1,
  /** The sender prefers this path (DESIGN H8). */
  preferredPath: 2,
  /** A coordinator's own copy (settling, repair, resync): `host` is '', the numbers are the coordinator's. */
  copy: 4,
} as const;

export interface Request {
  operation: Operation;
  /** Sum of `RequestFlag`s. */
  flags: number;
  volume: VolumeId;
  offset: VolumeOffset;
  lengthBytes: number;
  /** '' until a mirror is chosen. */
  disk: DiskId | '';
  /** Valid once disk-addressed: `extentGeneration` is not 0. */
  diskOffset: DiskOffset;
  extentGeneration: ExtentGeneration;
  /** '' where the range is not mirrored. */
  mirrorSet: MirrorSetId | '';
  generation: Generation;
  controlEpoch: ControlEpoch;
  attachEpoch: AttachEpoch;
  eventCount: EventCount;
  partition: number;
  partitionEpoch: PartitionEpoch;
  /** The coordinator's. */
  ownerIncarnation: Incarnation;
  /** 0 until a coordinator has admitted the write. */
  writeNumber: WriteNumber;
  /** All writes of the partition and epoch below this are settled. */
  lowestUnsettled: WriteNumber;
  host: HostId | '';
  hostIncarnation: Incarnation;
  ioNumber: IoNumber;
  /** Counts re-issues of the same I/O, from 0. */
  attempt: number;
  /** The host's I/Os below this have all ended. */
  watermark: IoNumber;
  /** How often the host has written to the region (DESIGN I9). */
  regionWrites: number;
  /** Where the final reply goes: `rpl.<replyKind>.<replyId>.<replySlot>`. */
  replyKind: ActorKind;
  replyId: string;
  replySlot: number;
  /** Links still to be taken, first one next; empty where the receiver chooses or is the end. */
  route: readonly LinkId[];
}

/** The order of the fields on the wire, behind version and frame kind. */
export const requestFields = [
  'operation',
  'flags',
  'volume',
  'offset',
  'lengthBytes',
  'disk',
  'diskOffset',
  'extentGeneration',
  'mirrorSet',
  'generation',
  'controlEpoch',
  'attachEpoch',
  'eventCount',
  'partition',
  'partitionEpoch',
  'ownerIncarnation',
  'writeNumber',
  'lowestUnsettled',
  'host',
  'hostIncarnation',
  'ioNumber',
  'attempt',
  'watermark',
  'regionWrites',
  'replyKind',
  'replyId',
  'replySlot',
  'route',
] as const satisfies readonly (keyof Request)[];

export const routeLengthMax = 8;
/** A frame without payload (trim, zeroes, digest) may speak of more than it carries. */
export const rangeBytesMax = 64 * 1024 * 1024;

/** The values of a request in wire order. */
export function requestValues(r: Request): unknown[] {
  return [
    r.operation,
    r.flags,
    r.volume,
    r.offset,
    r.lengthBytes,
    r.disk,
    r.diskOffset,
    r.extentGeneration,
    r.mirrorSet,
    r.generation,
    r.controlEpoch,
    r.attachEpoch,
    r.eventCount,
    r.partition,
    r.partitionEpoch,
    r.ownerIncarnation,
    r.writeNumber,
    r.lowestUnsettled,
    r.host,
    r.hostIncarnation,
    r.ioNumber,
    r.attempt,
    r.watermark,
    r.regionWrites,
    r.replyKind,
    r.replyId,
    r.replySlot,
    r.route,
  ];
}

/** A whole number that a double holds exactly and that counts something. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const numericPlaces = requestFields
  .map((name, index) => ({ name, index }))
  .filter(
    ({ name }) =>
      !['volume', 'disk', 'mirrorSet', 'host', 'replyKind', 'replyId', 'route'].includes(name),
  )
  .map(({ index }) => index);

/** Reads a request from its wire values, which begin at `first`; null when any of them is not valid. */
export function requestFrom(values: readonly unknown[], first: number): Request | null {
  if (values.length !== first + requestFields.length) return null;
  for (const place of numericPlaces) if (!isCount(values[first + place])) return null;
  const v = values.slice(first) as never[];
  const request = {
    operation: v[0],
    flags: v[1],
    volume: v[2],
    offset: v[3],
    lengthBytes: v[4],
    disk: v[5],
    diskOffset: v[6],
    extentGeneration: v[7],
    mirrorSet: v[8],
    generation: v[9],
    controlEpoch: v[10],
    attachEpoch: v[11],
    eventCount: v[12],
    partition: v[13],
    partitionEpoch: v[14],
    ownerIncarnation: v[15],
    writeNumber: v[16],
    lowestUnsettled: v[17],
    host: v[18],
    hostIncarnation: v[19],
    ioNumber: v[20],
    attempt: v[21],
    watermark: v[22],
    regionWrites: v[23],
    replyKind: v[24],
    replyId: v[25],
    replySlot: v[26],
    route: v[27],
  } as unknown as Request;
  return isValid(request) ? request : null;
}

function isValid(r: Request): boolean {
  return (
    isOperation(r.operation) &&
    r.lengthBytes <= rangeBytesMax &&
    isId(r.volume) &&
    (r.disk === '' || isId(r.disk)) &&
    (r.mirrorSet === '' || isId(r.mirrorSet)) &&
    (r.host === '' || isId(r.host)) &&
    isId(r.replyId) &&
    actorKinds.includes(r.replyKind) &&
    Array.isArray(r.route) &&
    r.route.length <= routeLengthMax &&
    r.route.every(isId)
  );
}
