/**
 * What a simulated config database holds: every value with its revision, and how much of that a power cut leaves.
 * Revisions count all writes, as a stream's sequence numbers do; after a loss they are issued again.
 */
import type { DatabaseRead, DatabaseWrite } from '../../protocols/ports.ts';

interface Entry {
  readonly value: string;
  readonly revision: number;
  readonly writtenAtMs: number;
}

/** Older values than these are forgotten, except what a power cut could bring back. */
const historyLength = 16;

export class DatabaseEntries {
  readonly #entriesOf = new Map<string, Entry[]>();
  #revisionLast = 0;

  get revisionLast(): number {
    return this.#revisionLast;
  }

  /** @param age 0 for the newest value, 1 for the one before it, and so on. */
  read(key: string, age: number): DatabaseRead {
    const entry = this.#entriesOf.get(key)?.at(-1 - age);
    if (entry === undefined) return { outcome: 'absent' };
    return { outcome: 'found', value: entry.value, revision: entry.revision };
  }

  /** How many values of the key are still known. */
  ageMax(key: string): number {
    return this.#entriesOf.get(key)?.length ?? 0;
  }

  /** @param syncedUntilMs what was written before is durable. */
  write(
    change: { key: string; value: string; expectedRevision: number },
    nowMs: number,
    syncedUntilMs: number,
  ): DatabaseWrite {
    const entries = this.#entriesOf.get(change.key) ?? [];
    if ((entries.at(-1)?.revision ?? 0) !== change.expectedRevision) return { outcome: 'conflict' };
    const revision = this.#revisionLast + 1;
    this.#revisionLast = revision;
    entries.push({ value: change.value, revision, writtenAtMs: nowMs });
    while (entries.length > historyLength && (entries[1]?.writtenAtMs ?? nowMs) <= syncedUntilMs) {
      entries.shift();
    }
    this.#entriesOf.set(change.key, entries);
    return { outcome: 'written', revision };
  }

  keysFrom(prefix: string): readonly string[] {
    return [...this.#entriesOf.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** The last revision that was written before an instant. */
  revisionAt(instantMs: number): number {
    let revision = 0;
    for (const entries of this.#entriesOf.values()) {
      for (const entry of entries) {
        if (entry.writtenAtMs <= instantMs) revision = Math.max(revision, entry.revision);
      }
    }
    return revision;
  }

  /** Of all writes after `revision` but those to a key: their revisions, in order. */
  revisionsAfter(revision: number, butKey: string): readonly number[] {
    return [...this.#entriesOf]
      .flatMap(([key, entries]) => (key === butKey ? [] : entries))
      .map((entry) => entry.revision)
      .filter((each) => each > revision)
      .sort((one, other) => one - other);
  }

  /** Forgets every write after `revision`. @returns how many. */
  rollBackTo(revision: number): number {
    let count = 0;
    for (const [key, entries] of this.#entriesOf) {
      const kept = entries.filter((entry) => entry.revision <= revision);
      count += entries.length - kept.length;
      if (kept.length === 0) this.#entriesOf.delete(key);
      else this.#entriesOf.set(key, kept);
    }
    this.#revisionLast = Math.min(this.#revisionLast, revision);
    return count;
  }
}
