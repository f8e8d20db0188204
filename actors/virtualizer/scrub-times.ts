/**
 * When a volume was scrubbed to its end last: kept in a key of the config database of its own, beside the volume's, so that
 * whoever decides next goes on with the schedule. Nothing else rests on it: a key that is lost, or cannot be read, means only
 * that the volume is scrubbed sooner.
 */
import { z } from 'zod';
import type { VolumeId } from '../../protocols/ids.ts';
import type { ConfigDatabase, Log } from '../../protocols/ports.ts';
import { count } from '../../protocols/schema.ts';
import { databaseKeys, RecordStore } from './record-store.ts';

/** The value of the key. */
const scrubTimesSchema = z.object({
  /** Milliseconds since 1970; null: that was another volume of this name, which was deleted. */
  completedAtMs: count<number>().nullable(),
});
type ScrubTimesRecord = z.infer<typeof scrubTimesSchema>;

export class ScrubTimes {
  readonly #database: ConfigDatabase;
  readonly #log: Log;
  readonly #volume: VolumeId;

  constructor(database: ConfigDatabase, log: Log, volume: VolumeId) {
    this.#database = database;
    this.#log = log;
    this.#volume = volume;
  }

  /** @param known not called when nothing is known */
  read(known: (completedAtMs: number) => void): void {
    this.#store().read((result) => {
      if (result.outcome === 'found') {
        if (result.value.completedAtMs !== null) known(result.value.completedAtMs);
      } else if (result.outcome !== 'absent') this.#complain('read', result.reason);
    });
  }

  /** Tries once: what is not written is only missed by those who come later. */
  write(completedAtMs: number): void {
    this.#replace(completedAtMs, () => true);
  }

  /** The volume is a new one: what is known is of a namesake that was there before it. */
  forget(): void {
    this.#replace(null, (known) => known !== null);
  }

  #replace(completedAtMs: number | null, isWanted: (known: number | null) => boolean): void {
    const store = this.#store();
    store.read((result) => {
      // What this version cannot read it does not write over.
      if (result.outcome === 'unavailable' || result.outcome === 'invalid') {
        this.#complain('written', result.reason);
        return;
      }
      const known = result.outcome === 'found' ? result.value.completedAtMs : null;
      if (!isWanted(known)) return;
      store.write({ completedAtMs }, (written) => {
        if (written.outcome === 'conflict') this.#complain('written', 'somebody else wrote it');
        if (written.outcome === 'unknown') this.#complain('written', written.reason);
      });
    });
  }

  #store(): RecordStore<ScrubTimesRecord> {
    return new RecordStore(this.#database, databaseKeys.scrub(this.#volume), scrubTimesSchema);
  }

  #complain(what: string, reason: string): void {
    const fields = { volume: this.#volume, reason };
    this.#log.warn(fields, `when the volume was scrubbed last cannot be ${what}`);
  }
}
