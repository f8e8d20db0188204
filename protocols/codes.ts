/**
 * What an I/O can end with. Numbers are wire format: never renumbered, never reused. Each special error code
 * has exactly one recovery (DESIGN §5); every consumer of a status switches exhaustively.
 */
export const Status = {
  ok: 0,
  /** A mirror could not be read; names the failed mirror, and the alternates or none. Recovery: mirror retry. */
  mirrorRead: 1,
  /** Links on the way failed; names them. Recovery: path failover. */
  path: 2,
  /** The request was made under old control data. Recovery: take the new one, re-split, re-issue. */
  staleGeneration: 3,
  /** The receiver does not coordinate this partition. Recovery: re-route. */
  notCoordinator: 4,
  /** A number of the request is too old. Recovery: stop, ask for control data; never retry blindly. */
  fenced: 5,
  /** The switch has not loaded this part of the layout. Recovery: load it, re-issue. */
  notLoaded: 6,
  /** Try later; nothing is wrong with the path. Recovery: wait, re-issue. */
  busy: 7,
  /** The host may not use this volume. The consumer gets EPERM. */
  masked: 8,
  /** Stored bytes do not match their checksum, or the medium failed. */
  media: 9,
  noSpace: 10,
  /** Outside the volume or extent. */
  range: 11,
  /** The request makes no sense, or its bytes do not match their checksum. */
  invalid: 12,
} as const;

export type Status = (typeof Status)[keyof typeof Status];
export type StatusName = keyof typeof Status;

const names = new Map<number, StatusName>(
  Object.entries(Status).map(([name, code]) => [code, name as StatusName]),
);

/** True when `value` is a status that this version knows. */
export function isStatus(value: unknown): value is Status {
  return typeof value === 'number' && names.has(value);
}

/** The name of a status, for people. */
export function statusName(status: Status): StatusName {
  return names.get(status) ?? 'invalid';
}

/** What an I/O asks for. Wire format, as above. */
export const Operation = {
  read: 1,
  write: 2,
  /** WRITE_ZEROES: carries no payload. */
  writeZeroes: 3,
  /** TRIM, rounded inward to whole blocks: carries no payload. */
  trim: 4,
  /** Makes everything acknowledged so far durable. Addressed to a disk. */
  flush: 5,
  /** Which ranges hold data: NBD's base:allocation. */
  allocation: 6,
  /** One checksum per region over the tags of its blocks; how a coordinator finds unequal mirrors. */
  tagDigest: 7,
  /** The tags of a range of blocks. */
  tags: 8,
  /** Answers at once; tells a dead link from a slow one. */
  probe: 9,
  /** Makes whole blocks good again on every mirror: addressed to a coordinator, carries no payload. */
  repair: 10,
  /** Says of whole blocks, for each, whether they can be read where they lie. Addressed to a disk. */
  verify: 11,
  /** A host may be writing to these whole blocks from now on: durable before it is answered (DESIGN I7). No payload. */
  mark: 12,
  /** It is not any more, and its mirrors are equal there. From a coordinator: nor is any host that is not attached. */
  unmark: 13,
  /** Which blocks of a range are marked: by the host that it names, or by any. Addressed to a disk. */
  marks: 14,
} as const;

export type Operation = (typeof Operation)[keyof typeof Operation];
export type OperationName = keyof typeof Operation;

const operationNames = new Map<number, OperationName>(
  Object.entries(Operation).map(([name, code]) => [code, name as OperationName]),
);

/** True when `value` is an operation that this version knows. */
export function isOperation(value: unknown): value is Operation {
  return typeof value === 'number' && operationNames.has(value);
}

/** The name of an operation, for people. */
export function operationName(operation: Operation): OperationName {
  return operationNames.get(operation) ?? 'probe';
}

/**
 * Marks a switch as exhaustive: a new member of a union then fails to compile at every switch that forgot it.
 *
 * @throws TypeError when reached at run time after all.
 */
export function assertNever(value: never, what: string): never {
  throw new TypeError(`unexpected ${what}: ${JSON.stringify(value)}`);
}
