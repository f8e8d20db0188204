/** What frames cost of an HBA's credits. */
import { Operation } from '../../protocols/codes.ts';

/** Beside its payload. */
export const frameOverheadBytes = 512;

/** True when a frame or its answer carries the bytes of the range. */
export function carriesData(operation: Operation): boolean {
  return operation === Operation.read || operation === Operation.write;
}

/** Of a request and its answer. */
export function creditBytesOf(operation: Operation, lengthBytes: number): number {
  return carriesData(operation) ? lengthBytes + frameOverheadBytes : frameOverheadBytes;
}
