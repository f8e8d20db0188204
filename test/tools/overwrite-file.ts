/** Spoils what a server serves from a file, behind its back. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** Writes over the beginning of a file, in place: at no moment is it shorter than it was. */
export function overwriteFile(file: string, bytes: Uint8Array): void {
  const opened = openSync(file, 'r+');
  writeSync(opened, bytes, 0, bytes.length, 0);
  closeSync(opened);
}
