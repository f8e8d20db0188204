/** What may be a key of the config database, checked before it reaches one, in both worlds. */
import { isId } from '../protocols/ids.ts';

const keyTokensMax = 8;
/** Far above any volume's control data, below what one NATS message carries. */
export const databaseValueBytesMax = 768 * 1024;

/** @throws RangeError when the key is not ids joined by dots: keys are built from ids, so this is a bug. */
export function checkDatabaseKey(key: string): void {
  const tokens = key.split('.');
  if (tokens.length <= keyTokensMax && tokens.every(isId)) return;
  throw new RangeError(
    `not a key of the config database: ${JSON.stringify(key)}; allowed are up to ${keyTokensMax} ids joined by dots`,
  );
}

/** @throws RangeError when the request cannot be right: a bad key, a revision that was never issued, too large a value. */
export function checkDatabaseWrite(key: string, value: string, expectedRevision: number): void {
  checkDatabaseKey(key);
  if (!Number.isSafeInteger(expectedRevision) || expectedRevision < 0) {
    throw new RangeError(`not a revision of ${key}: ${expectedRevision}`);
  }
  const lengthBytes = Buffer.byteLength(value);
  if (lengthBytes > databaseValueBytesMax) {
    throw new RangeError(
      `the value of ${key} has ${lengthBytes} bytes; at most ${databaseValueBytesMax} fit into the config database`,
    );
  }
}
