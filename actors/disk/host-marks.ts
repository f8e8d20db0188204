/**
 * Where hosts may be writing (DESIGN H10, I7): the disk's part of their dirty region logs. A coordinator looks only
 * there for what differs between mirrors after a crash. Kept in memory and in the journal; a checkpoint writes all
 * marks again before it releases their records. What cannot be kept for want of room is never a mark: many of one host
 * become one that spans them.
 */
import { blockBitsBytes, setBlockBit } from '../../protocols/frames/block-bits.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { HostId } from '../../protocols/ids.ts';
import { blockBytes, mebibyte } from '../../protocols/units.ts';
import { idEntryBytes, type JournalEntry, type Stretch, stretchBytes } from './journal-record.ts';
import { MarkedStretches, type MarkOrder } from './marked-stretches.ts';

/** What all marks may take of a journal, as entries, and of memory. */
const shareOfJournal = 1 / 32;
const bytesMax = mebibyte;
/** Stretches of one entry. */
const stretchesMax = 256;

/** Whose marks they are, and of what. */
export interface Marker {
  /** Of the extent, in block tags. */
  readonly reference: number;
  readonly host: HostId;
  readonly hostIncarnation: number;
}

interface Marks extends Marker {
  readonly stretches: MarkedStretches;
}

export class HostMarks {
  readonly #bytesMax: number;
  #marks: Marks[] = [];
  /** What their entries take. */
  #bytes = 0;
  /** What those took that were taken away since: a replay that does not get that far finds them again. */
  #takenBytes = 0;
  #frozenTakenBytes = 0;

  constructor(journalBytes: number) {
    this.#bytesMax = Math.min(journalBytes * shareOfJournal, bytesMax);
  }

  /** Blocks that are marked, by how many hosts so ever. */
  get markedBlocks(): number {
    return this.#marks.reduce(
      (sum, { stretches }) => sum + stretches.all.reduce((blocks, each) => blocks + each.blocks, 0),
      0,
    );
  }

  /** What a checkpoint may have to write of them, also after a crash. */
  get journaledBytes(): number {
    return this.#bytes + this.#takenBytes + this.#frozenTakenBytes;
  }

  /** Takes what an entry says: one that marks, or takes marks away. */
  note(entry: JournalEntry): void {
    if (entry.host === '') return;
    const order = { epoch: entry.epoch, number: entry.writeNumber };
    const { stretches } = this.#of({ ...entry, host: entry.host });
    for (const stretch of entry.stretches)
      if (entry.kind === 'mark') stretches.mark(stretch, order);
      else stretches.unmark(stretch, order);
    this.#count();
    if (this.#bytes <= this.#bytesMax) return;
    for (const marks of this.#marks) marks.stretches.join();
    this.#count();
  }

  /** One bit for each block of a range that is marked: by this process of a host, or by any where `host` is ''. */
  bitsOf(
    reference: number,
    range: Stretch,
    { host, hostIncarnation }: Pick<Request, 'host' | 'hostIncarnation'>,
  ): Uint8Array {
    const bits = new Uint8Array(blockBitsBytes(range.blocks * blockBytes));
    for (const each of this.#marks) {
      const isMeant = each.host === host && each.hostIncarnation === hostIncarnation;
      if (each.reference !== reference || (host !== '' && !isMeant)) continue;
      each.stretches.eachIn(range, (index, blocks) => {
        for (let block = index; block < index + blocks; block++) setBlockBit(bits, block);
      });
    }
    return bits;
  }

  /** Those that have marked something of this reference. */
  markersOf(reference: number): readonly Marker[] {
    return this.#marks.filter((each) => each.reference === reference);
  }

  /** Forgets the marks of all other references: those extents are no more. */
  keepOnly(references: ReadonlySet<number>): void {
    this.#marks = this.#marks.filter(({ reference }) => references.has(reference));
    this.#count();
  }

  /** What the journal holds by now is going to be released. */
  freeze(): void {
    this.#frozenTakenBytes = this.#takenBytes;
    this.#takenBytes = 0;
  }

  /** It was released. What is still marked was journaled anew. */
  release(): void {
    this.#frozenTakenBytes = 0;
  }

  /** All of them, as entries. */
  entries(): JournalEntry[] {
    return this.#marks.flatMap(({ stretches, ...marker }) => {
      const order = stretches.highestOrder;
      const entries: JournalEntry[] = [];
      for (let first = 0; first < stretches.count; first += stretchesMax) {
        const some = stretches.all.slice(first, first + stretchesMax);
        entries.push(markEntry('mark', marker, order, some));
      }
      return entries;
    });
  }

  #count(): void {
    const before = this.#bytes;
    this.#marks = this.#marks.filter(({ stretches }) => stretches.count > 0);
    this.#bytes = this.#marks.reduce((sum, { host, stretches: { count } }) => {
      const entries = Math.ceil(count / stretchesMax);
      return sum + entries * idEntryBytes(host) + count * stretchBytes;
    }, 0);
    this.#takenBytes += Math.max(0, before - this.#bytes);
  }

  #of({ reference, host, hostIncarnation }: Marker): Marks {
    for (const marks of this.#marks)
      if (
        marks.reference === reference &&
        marks.host === host &&
        marks.hostIncarnation === hostIncarnation
      )
        return marks;
    const marks = { reference, host, hostIncarnation, stretches: new MarkedStretches() };
    this.#marks.push(marks);
    return marks;
  }
}

/** An entry that marks, or takes marks away. */
export function markEntry(
  kind: 'mark' | 'unmark',
  { reference, host, hostIncarnation }: Marker,
  order: MarkOrder,
  stretches: readonly Stretch[],
): JournalEntry {
  const [first] = stretches;
  const last = stretches.at(-1);
  const firstBlock = first?.firstBlock ?? 0;
  const blocks = last === undefined ? 0 : last.firstBlock + last.blocks - firstBlock;
  return {
    kind,
    host,
    hostIncarnation,
    ioNumber: 0,
    watermark: 0,
    reference,
    epoch: order.epoch,
    writeNumber: order.number,
    range: { firstBlock, blocks },
    stretches: stretches.map((each) => ({ firstBlock: each.firstBlock, blocks: each.blocks })),
    checksums: null,
  };
}
