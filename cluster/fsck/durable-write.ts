/**
 * Writes what a repair puts back, so that a power cut leaves at worst what was damaged as it was: one place after the
 * other, each durable and read back before the next.
 */
import type { BlockStore, StoreError } from '../../protocols/ports.ts';

/** @returns why it is not there for good, for people; '' when it is */
export async function writeDurably(
  store: BlockStore,
  place: number,
  bytes: Uint8Array,
): Promise<string> {
  const written = await ended((done) => store.write(place, [bytes], done));
  if (written !== null) return `it cannot be written: ${written.detail}`;
  const flushed = await ended((done) => store.flush(done));
  if (flushed !== null) return `it cannot be made durable: ${flushed.detail}`;
  const back = new Uint8Array(bytes.length);
  const read = await ended((done) => store.read(place, back, done));
  if (read !== null) return `it cannot be read back: ${read.detail}`;
  return Buffer.compare(back, bytes) === 0 ? '' : 'what is read back is not what was written';
}

function ended(
  begin: (done: (error: StoreError | null) => void) => void,
): Promise<StoreError | null> {
  return new Promise(begin);
}
