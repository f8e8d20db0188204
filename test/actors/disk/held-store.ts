/** A store whose operations a test holds back, to look at a disk in the middle of something. */
import type { BlockStore } from '../../../protocols/ports.ts';

type Kind = 'read' | 'write' | 'flush';

export class HeldStore {
  /** Which operations are held back; `atBytes` is 0 for a flush. */
  holds: (kind: Kind, atBytes: number) => boolean = () => false;
  readonly held: (() => void)[] = [];

  readonly wrap = (store: BlockStore): BlockStore => {
    const pass = (kind: Kind, atBytes: number, run: () => void) => {
      if (this.holds(kind, atBytes)) this.held.push(run);
      else run();
    };
    return {
      sizeBytes: store.sizeBytes,
      read: (at, into, done) => pass('read', at, () => store.read(at, into, done)),
      write: (at, pieces, done) => pass('write', at, () => store.write(at, pieces, done)),
      flush: (done) => pass('flush', 0, () => store.flush(done)),
      close: (done) => store.close(done),
    };
  };

  /** Lets go of everything, and holds nothing back any more. */
  letGo(): void {
    this.holds = () => false;
    for (const run of this.held.splice(0)) run();
  }
}
