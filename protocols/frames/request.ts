/**
 * The request frame: one physical I/O on its way to a switch or a disk, with every number of DESIGN §1. A host sends
 * it volume-addressed (`disk` tells the chosen mirror, for reads); the switch or coordinator that virtualizes fills
 * in the disk address. Field order is wire format: `requestFields`, guarded by a golden file.
 */
import { isOperation, type Operation } from '../codes.ts';
import type { ActorKind, DiskId, HostId, LinkId, MirrorSetId, VolumeId } from '../ids.ts';
import { actorKinds } from '../ids.ts';
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
import type { HeaderReader } from './header-reader.ts';
import type { HeaderWriter } from './header-writer.ts';

export const RequestFlag = {
  /** Durable before it is acknowledged. */
  fua: 1,
  /** The sender prefers this path (DESIGN H8). */
  preferredPath: 2,
  /** A coordinator's own copy (settling, repair, resync): `host` is '', the numbers are the coordinator's. */
  copy: 4,
  /** A read that no cache may answer, nor keep what answers it (DESIGN H9). */
  bypassCache: 8,
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
  /** Of a read that caches may answer: the writes to its region that the host had begun (DESIGN I9). */
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

/** Writes the fields of a request in wire order. */
export function writeRequest(r: Request, writer: HeaderWriter): void {
  writer.count(r.operation);
  writer.count(r.flags);
  writer.id(r.volume);
  writer.count(r.offset);
  writer.count(r.lengthBytes);
  writer.id(r.disk);
  writer.count(r.diskOffset);
  writer.count(r.extentGeneration);
  writer.id(r.mirrorSet);
  writer.count(r.generation);
  writer.count(r.controlEpoch);
  writer.count(r.attachEpoch);
  writer.count(r.eventCount);
  writer.count(r.partition);
  writer.count(r.partitionEpoch);
  writer.count(r.ownerIncarnation);
  writer.count(r.writeNumber);
  writer.count(r.lowestUnsettled);
  writer.id(r.host);
  writer.count(r.hostIncarnation);
  writer.count(r.ioNumber);
  writer.count(r.attempt);
  writer.count(r.watermark);
  writer.count(r.regionWrites);
  writer.id(r.replyKind);
  writer.id(r.replyId);
  writer.count(r.replySlot);
  writer.listStart(r.route.length);
  for (const link of r.route) writer.id(link);
}

/** A whole number that a double holds exactly and that counts something. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Reads the fields of a request in wire order; what it gives is valid when `isValidRequest` and the reader agree. */
export function readRequest(reader: HeaderReader): Request {
  const request = {
    operation: reader.count(),
    flags: reader.count(),
    volume: reader.id(),
    offset: reader.count(),
    lengthBytes: reader.count(),
    disk: reader.idOrNone(),
    diskOffset: reader.count(),
    extentGeneration: reader.count(),
    mirrorSet: reader.idOrNone(),
    generation: reader.count(),
    controlEpoch: reader.count(),
    attachEpoch: reader.count(),
    eventCount: reader.count(),
    partition: reader.count(),
    partitionEpoch: reader.count(),
    ownerIncarnation: reader.count(),
    writeNumber: reader.count(),
    lowestUnsettled: reader.count(),
    host: reader.idOrNone(),
    hostIncarnation: reader.count(),
    ioNumber: reader.count(),
    attempt: reader.count(),
    watermark: reader.count(),
    regionWrites: reader.count(),
    replyKind: reader.id(),
    replyId: reader.id(),
    replySlot: reader.count(),
    route: reader.ids(routeLengthMax),
  };
  return request as unknown as Request;
}

/** Checks what the grammar of the fields does not say. */
export function isValidRequest(r: Request): boolean {
  return (
    isOperation(r.operation) &&
    actorKinds.includes(r.replyKind) &&
    r.lengthBytes <= rangeBytesMax &&
    Number.isSafeInteger(r.offset + r.lengthBytes) &&
    Number.isSafeInteger(r.diskOffset + r.lengthBytes)
  );
}
