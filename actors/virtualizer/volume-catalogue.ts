/**
 * The volumes that were created beside those of the topology: each has a definition under a key of its own, changed by
 * compare-and-set. A change counts once a write has surely succeeded: when nobody knows, the key is read again and
 * written again (DESIGN I3); and what stands there when a virtualizer begins to decide counts once it has been written
 * anew, for an old answer could name a volume as deleted that is in use. What becomes of the volumes is their
 * assemblies' business.
 */
import { type Answer, type AttachRequest, refusal } from '../../protocols/commands.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { ConfigDatabase, Log } from '../../protocols/ports.ts';
import { readDefinition } from '../../protocols/topology/created-volume.ts';
import type { Topology } from '../../protocols/topology.ts';
import {
  type DefinedVolume,
  type DefinitionRecord,
  definitionRecordSchema,
} from '../../protocols/volume-definition.ts';
import { databaseKeys, RecordStore } from './record-store.ts';

export interface CatalogueParts {
  readonly topology: Topology;
  readonly database: ConfigDatabase;
  readonly log: Log;
  /** A definition turned up that this virtualizer had not made: a write that arrived late. */
  readonly appeared: (created: CreatedVolume) => void;
}

/** A created volume that is there, or about to go. */
export interface CreatedVolume {
  readonly definition: Exclude<DefinitionRecord, { readonly state: 'deleted' }>;
  readonly defined: DefinedVolume;
}

/** `''`: the change is made, for good. Else why nobody knows that it is, for people. */
type Changed = (problem: string) => void;

/** A write whose outcome nobody knows, or that met another, is tried so often. */
const attemptsMax = 4;

const neverThere: DefinitionRecord = { state: 'deleted', life: 0 };

export class VolumeCatalogue {
  readonly #parts: CatalogueParts;
  readonly #created = new Map<VolumeId, CreatedVolume>();
  /** Of each name, the life of the last volume that had it. */
  readonly #lastLives = new Map<VolumeId, number>();
  #changes = 0;

  constructor(parts: CatalogueParts) {
    this.#parts = parts;
  }

  /** By name. */
  get created(): ReadonlyMap<VolumeId, CreatedVolume> {
    return this.#created;
  }

  /** The exports that are wanted of what was created, for `status`. */
  exportFacts(): readonly object[] {
    return this.wanted.flatMap(({ exports }) =>
      exports.map(({ host, volume, name }) => ({ host, volume, name })),
    );
  }

  /** Those that are not about to go. */
  get wanted(): readonly DefinedVolume[] {
    return [...this.#created.values()]
      .filter(({ definition }) => definition.state === 'wanted')
      .map(({ defined }) => defined);
  }

  /** Of the last volume of that name, whether it is there or was deleted; 0 if there never was one. */
  lastLife(volume: VolumeId): number {
    return this.#lastLives.get(volume) ?? 0;
  }

  /** Says no to who means a volume that was deleted, and whose name another one has; null where that is not so. */
  refusalOfNamesake({ volume, life }: Pick<AttachRequest, 'volume' | 'life'>): Answer | null {
    if (life === undefined || life === this.lastLife(volume)) return null;
    return refusal(
      'refused',
      `that volume ${volume} was deleted; there is another one of its name`,
    );
  }

  /** How often it changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Reads all definitions. @param done gets '' or why they cannot be read */
  read(done: (problem: string) => void): void {
    this.#parts.database.list(databaseKeys.definitions, (result) => {
      if ('unavailable' in result) return done(result.unavailable);
      this.#created.clear();
      this.#lastLives.clear();
      this.#readNext(result.keys, done);
    });
  }

  /** Makes a definition what is given here; `deleted` takes the volume out of the catalogue. */
  change(volume: VolumeId, wanted: DefinitionRecord, done: Changed): void {
    const next = definitionRecordSchema.parse(wanted);
    const key = databaseKeys.definition(volume);
    const store = new RecordStore(this.#parts.database, key, definitionRecordSchema);
    const before = this.#created.get(volume)?.definition ?? null;
    this.#attempt(store, { volume, before, next, attempts: 0 }, (problem) => {
      if (problem === '') this.#note(volume, next);
      done(problem);
    });
  }

  #attempt(
    store: RecordStore<DefinitionRecord>,
    change: {
      volume: VolumeId;
      before: DefinitionRecord | null;
      next: DefinitionRecord;
      attempts: number;
    },
    done: Changed,
  ): void {
    const { volume, before, next, attempts } = change;
    store.read((result) => {
      if (result.outcome === 'unavailable' || result.outcome === 'invalid')
        return done(`the config database cannot be used: ${result.reason}`);
      const found = result.outcome === 'found' ? result.value : null;
      if (!isSame(found, before) && !isSame(found, next)) {
        this.#adopt(volume, store);
        return done('its definition is another one than was known; ask again');
      }
      store.write(next, (written) => {
        if (written.outcome === 'written') done('');
        else if (attempts + 1 < attemptsMax)
          this.#attempt(store, { ...change, attempts: attempts + 1 }, done);
        else done('whether its definition was written is not known');
      });
    });
  }

  /** Takes over what stands in the database, if it is that: the read may have been old. */
  #adopt(volume: VolumeId, store: RecordStore<DefinitionRecord>): void {
    const known = this.#created.get(volume)?.definition ?? null;
    store.confirm(neverThere, (result) => {
      if (result.outcome !== 'confirmed' || isSame(result.value, known)) return;
      this.#note(volume, result.value);
      const created = this.#created.get(volume);
      if (created !== undefined && known === null) this.#parts.appeared(created);
    });
  }

  /** One key after the other: a list of many must not become many requests at once. */
  #readNext(keys: readonly string[], done: (problem: string) => void): void {
    const [key, ...others] = keys;
    if (key === undefined) {
      done('');
      return;
    }
    const { database, log } = this.#parts;
    new RecordStore(database, key, definitionRecordSchema).confirm(neverThere, (result) => {
      if (result.outcome === 'unavailable') return done(result.reason);
      const volume = key.slice(databaseKeys.definitions.length) as VolumeId;
      if (result.outcome === 'invalid')
        log.error({ volume }, `the definition of a volume is not used: ${result.reason}`);
      else this.#note(volume, result.value);
      this.#readNext(others, done);
    });
  }

  /** A volume that the topology file names, too, is the file's. */
  #note(volume: VolumeId, definition: DefinitionRecord): void {
    const { topology, log } = this.#parts;
    this.#changes++;
    this.#lastLives.set(volume, definition.life);
    if (definition.state === 'deleted') {
      this.#created.delete(volume);
      return;
    }
    const defined = readDefinition(topology, definition);
    if (topology.volumes.some(({ id }) => id === volume))
      log.error({ volume }, 'a created volume is in the topology file, too: that one counts');
    else if (defined === null || defined.volume.id !== volume)
      log.error({ volume }, 'the definition of a volume is not used: it is of another version');
    else this.#created.set(volume, { definition, defined });
  }
}

/** No definition, and one of a volume that was deleted, are the same. */
function isSame(found: DefinitionRecord | null, expected: DefinitionRecord | null): boolean {
  const isGone = (definition: DefinitionRecord | null) =>
    definition === null || definition.state === 'deleted';
  if (isGone(found) || isGone(expected)) return isGone(found) && isGone(expected);
  return JSON.stringify(found) === JSON.stringify(expected);
}
