/** An I/O's place in the order of its partition: what admission and partition keep of it while it is open. */
import { blockBytes, unitOf, type WriteNumber } from '../../protocols/units.ts';
import type { OrderedIo } from './admission.ts';
import type { NumberedIo } from './partition.ts';

export abstract class PartitionEntry implements OrderedIo, NumberedIo {
  abstract readonly isRead: boolean;
  readonly firstBlock: number;
  readonly endBlock: number;
  writeNumber = unitOf<WriteNumber>(0);
  arrival = 0;
  blockers = 0;
  place = -1;
  earlier: NumberedIo | null = null;
  later: NumberedIo | null = null;

  /** @param offset where its range begins in the volume; it may begin and end within blocks */
  constructor(offset: number, lengthBytes: number) {
    this.firstBlock = Math.floor(offset / blockBytes);
    this.endBlock = Math.ceil((offset + lengthBytes) / blockBytes);
  }
}
