/**
 * Holds the blocks of a write that a host has open, and that it must send again before anybody else uses them: its only
 * copy cannot be read. The retry takes its place in the order. It ends with the epoch: what is owed is found out anew.
 */
import { blockBytes, type IoNumber, unitOf, type WriteNumber } from '../../protocols/units.ts';
import type { NumberedIo, PartitionIo } from './partition.ts';
import type { OwedTo } from './unfinished-writes.ts';

export class OwedWrite implements PartitionIo {
  readonly isRead = false;
  readonly host: string;
  readonly ioNumber: IoNumber;
  readonly firstBlock: number;
  readonly endBlock: number;
  writeNumber = unitOf<WriteNumber>(0);
  arrival = 0;
  blockers = 0;
  place = -1;
  earlier: NumberedIo | null = null;
  later: NumberedIo | null = null;

  constructor({ host, write }: OwedTo) {
    const { ioNumber, offset, lengthBytes } = write;
    this.host = host;
    this.ioNumber = ioNumber;
    this.firstBlock = Math.floor(offset / blockBytes);
    this.endBlock = Math.ceil((offset + lengthBytes) / blockBytes);
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
