/**
 * Stores that do not do what they say, to be put between a disk and its log: whoever judges power cuts must notice. Reads
 * of them are honest.
 */
import type { BlockStore, StoreDone } from '../../../protocols/ports.ts';
import type { Lie } from './disk-recording.ts';

/** A flush does nothing. */
export const swallowsFlushes: Lie = (store) => ({
  ...passedOn(store),
  flush: (done) => endSoon(store, done),
});

/**
 * Writes of a range are confirmed first, and carried out behind the next flush: those of a journal come later than
 * writes of the home locations that they must precede.
 */
export function writesLate(fromBytes: number, toBytes: number): Lie {
  return (store) => {
    let held: (() => void)[] = [];
    const release = () => {
      const writes = held;
      held = [];
      for (const write of writes) write();
    };
    return {
      ...passedOn(store),
      read: (atBytes, into, done) => {
        release();
        store.read(atBytes, into, done);
      },
      write: (atBytes, pieces, done) => {
        if (atBytes < fromBytes || atBytes >= toBytes) {
          store.write(atBytes, pieces, done);
          return;
        }
        const bytes = Buffer.concat([...pieces]);
        held.push(() => store.write(atBytes, [bytes], () => {}));
        endSoon(store, done);
      },
      flush: (done) =>
        store.flush((error) => {
          release();
          done(error);
        }),
    };
  };
}

function passedOn(store: BlockStore): BlockStore {
  return {
    sizeBytes: store.sizeBytes,
    read: (atBytes, into, done) => store.read(atBytes, into, done),
    write: (atBytes, pieces, done) => store.write(atBytes, pieces, done),
    flush: (done) => store.flush(done),
    close: (done) => store.close(done),
  };
}

/** Not before the call has returned: as the store ends a read of nothing. */
function endSoon(store: BlockStore, done: StoreDone): void {
  store.read(0, new Uint8Array(), done);
}
