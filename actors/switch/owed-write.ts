/**
 * Holds the blocks of a write that a host has open, and that it must send again before anybody else uses them: its only
 * copy cannot be read. The retry takes its place in the order. It ends with the epoch: what is owed is found out anew.
 */
import type { IoNumber } from '../../protocols/units.ts';
import type { PartitionIo } from './partition.ts';
import { PartitionEntry } from './partition-entry.ts';
import type { OwedTo } from './unfinished-writes.ts';

export class OwedWrite extends PartitionEntry implements PartitionIo {
  readonly isRead = false;
  readonly host: string;
  readonly ioNumber: IoNumber;

  constructor({ host, write }: OwedTo) {
    super(write.offset, write.lengthBytes);
    this.host = host;
    this.ioNumber = write.ioNumber;
  }

  /** True for the retry of it. */
  isPaidBy({ request, isRead, firstBlock, endBlock }: PartitionIo): boolean {
    return (
      request?.host === this.host &&
      request.ioNumber === this.ioNumber &&
      !isRead &&
      firstBlock === this.firstBlock &&
      endBlock === this.endBlock
    );
  }

  /** Its host has not sent it yet. */
  granted(): void {}

  dropped(): void {}
}
