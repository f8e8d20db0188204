/**
 * One key of the config database, read and changed by compare-and-set (DESIGN I3). A decision counts once `written`
 * says so, and never before: after a conflict, or when it is not known whether a write arrived, the key must be read
 * again and the decision made anew from what it holds.
 */
import type { z } from 'zod';
import type { ConfigDatabase } from '../../protocols/ports.ts';

export type RecordRead<Value> =
  | { readonly outcome: 'found'; readonly value: Value }
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'unavailable'; readonly reason: string }
  /** What the key holds was not written by this version, or not by Sanctor. */
  | { readonly outcome: 'invalid'; readonly reason: string };

export type RecordConfirm<Value> =
  | { readonly outcome: 'confirmed'; readonly value: Value }
  | Extract<RecordRead<Value>, { readonly outcome: 'unavailable' | 'invalid' }>;

export type RecordWrite =
  | { readonly outcome: 'written' }
  | { readonly outcome: 'conflict' }
  | { readonly outcome: 'unknown'; readonly reason: string };

/** Keys of the config database. */
export const databaseKeys = {
  /** What tells this cluster from any other of the same name. */
  cluster: 'cluster',
  /** Who decides. */
  control: 'control',
  definitions: 'definition.',
  definition: (volume: string) => `definition.${volume}`,
  volumes: 'volume.',
  volume: (volume: string) => `volume.${volume}`,
  /** When a volume was scrubbed last. */
  scrub: (volume: string) => `scrub.${volume}`,
} as const;

export class RecordStore<Value> {
  readonly #database: ConfigDatabase;
  readonly #key: string;
  readonly #schema: z.ZodType<Value>;
  /** What the next write expects; null: unknown, the key must be read first. */
  #revision: number | null = null;
  #isWriting = false;

  constructor(database: ConfigDatabase, key: string, schema: z.ZodType<Value>) {
    this.#database = database;
    this.#key = key;
    this.#schema = schema;
  }

  read(done: (result: RecordRead<Value>) => void): void {
    this.#database.read(this.#key, (result) => {
      if (result.outcome === 'unavailable') return done(result);
      if (result.outcome === 'absent') {
        this.#readAt(0);
        return done(result);
      }
      const parsed = this.#schema.safeParse(parseJson(result.value));
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const where = issue?.path.map(String).join('.') ?? '';
        const reason =
          `key ${this.#key} of the config database does not hold what this version writes: ` +
          `${where === '' ? '' : `${where}: `}${issue?.message ?? 'no record'}`;
        return done({ outcome: 'invalid', reason });
      }
      this.#readAt(result.revision);
      done({ outcome: 'found', value: parsed.data });
    });
  }

  /**
   * Writes, if the key still holds what was read or written last.
   *
   * @throws Error when that is not known, or while another write is under way: a decision made then rests on nothing.
   */
  write(value: Value, done: (result: RecordWrite) => void): void {
    const revision = this.#revision;
    if (revision === null || this.#isWriting)
      throw new Error(`key ${this.#key} must be read before it is written`);
    this.#isWriting = true;
    this.#revision = null;
    this.#database.write(this.#key, JSON.stringify(value), revision, (result) => {
      this.#isWriting = false;
      if (result.outcome !== 'written') return done(result);
      this.#revision = result.revision;
      done({ outcome: 'written' });
    });
  }

  /**
   * Reads what the key holds now. A plain read may be old: only a write that succeeds proves it (DESIGN I3), so what was
   * read is written again; nothing that somebody else began before can arrive afterwards.
   *
   * @param whenAbsent what is written where nothing is, so that the absence is proven, too
   */
  confirm(whenAbsent: Value, done: (result: RecordConfirm<Value>) => void): void {
    this.read((result) => {
      if (result.outcome === 'unavailable' || result.outcome === 'invalid') return done(result);
      const value = result.outcome === 'found' ? result.value : whenAbsent;
      this.write(value, (written) => {
        if (written.outcome === 'written') return done({ outcome: 'confirmed', value });
        const reason =
          written.outcome === 'conflict' ? 'somebody else wrote at the same time' : written.reason;
        done({ outcome: 'unavailable', reason });
      });
    });
  }

  /** A read that was overtaken by a write says nothing about what comes next. */
  #readAt(revision: number): void {
    if (!this.#isWriting) this.#revision = revision;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
