/** What the operations of one block device work on together. */
import type { BlockStore, Clock, Log, StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { BlockLocations } from './block-locations.ts';
import { putTag, tagsPerPage, tagWordAt } from './block-tags.ts';
import type { DiskLayout } from './disk-layout.ts';
import type { HostMarks } from './host-marks.ts';
import type { Journal } from './journal.ts';
import type { JournalEntry } from './journal-record.ts';
import type { RememberedIos } from './remembered-ios.ts';
import type { TagPages } from './tag-pages.ts';

export interface DeviceParts {
  readonly store: BlockStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly layout: DiskLayout;
  readonly salt: number;
  readonly tags: TagPages;
  readonly locations: BlockLocations;
  readonly remembered: RememberedIos;
  readonly marks: HostMarks;
}

/** The parts once the journal goes on, after the replay. */
export interface OpenDeviceParts extends DeviceParts {
  readonly journal: Journal;
  /** Not null once the device has failed: then nothing is served any more. */
  failure: StoreError | null;
}

/** What a checkpoint may have to journal anew before it can release anything. */
export function keptBytesOf({ remembered, marks }: DeviceParts): number {
  return remembered.journaledBytes + marks.journaledBytes;
}

/**
 * Makes an entry of the journal visible: tags and locations of the blocks that it changed, and its I/O id; or marks.
 * The tag pages of blocks that it changed must be in the cache. The same for a write that arrives and for one that is replayed.
 */
export function applyEntry(parts: DeviceParts, entry: JournalEntry, payloadPosition: number): void {
  const { tags, locations } = parts;
  if (entry.kind !== 'write') {
    parts.marks.note(entry);
    return;
  }
  let index = 0;
  for (const { firstBlock, blocks } of entry.stretches) {
    let page = tags.cached(firstBlock);
    for (let block = firstBlock; block < firstBlock + blocks; block++, index++) {
      if (page === undefined || block >= (page.number + 1) * tagsPerPage) page = tags.cached(block);
      if (page === undefined) throw new RangeError(`the tag of block ${block} is not in the cache`);
      tags.change(page);
      const checksum = entry.checksums?.[index];
      const at = tagWordAt(block - page.number * tagsPerPage);
      putTag(page.words, at, entry, checksum ?? 0, checksum === undefined);
      if (checksum !== undefined) locations.put(block, payloadPosition + index * blockBytes);
    }
  }
  parts.remembered.note(entry);
}
