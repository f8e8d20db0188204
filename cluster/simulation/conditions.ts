/**
 * How well servers, disks and the config database work at the moment: the sum of the bad spells that last. When a spell
 * begins and ends is drawn elsewhere.
 */
import type { DiskId } from '../../protocols/ids.ts';
import { type DatabaseFaults, noDatabaseFaults } from './database.ts';
import { calmWeather, type Weather } from './weather.ts';
import type { World } from './world.ts';

/** What gets worse for a while. */
export interface Spell {
  /** Added to the weather of every server. */
  readonly weather?: Partial<Weather>;
  readonly database?: Partial<DatabaseFaults>;
  /** This disk takes so many times as long as usual. */
  readonly slow?: { readonly disk: DiskId; readonly times: number };
}

export class Conditions {
  readonly #world: World;
  readonly #usual: ReadonlyMap<DiskId, { readMs: number; writeMs: number; flushMs: number }>;
  readonly #spells = new Set<Spell>();

  constructor(world: World) {
    this.#world = world;
    this.#usual = new Map([...world.latencies].map(([disk, latency]) => [disk, { ...latency }]));
  }

  /** Begins a spell that ends by itself. */
  add(spell: Spell, durationMs: number): void {
    this.#spells.add(spell);
    this.#apply();
    this.#world.clock.setTimeout(() => {
      this.#spells.delete(spell);
      this.#apply();
    }, durationMs);
  }

  /** Ends all spells. */
  clear(): void {
    this.#spells.clear();
    this.#apply();
  }

  #apply(): void {
    const { network, database } = this.#world;
    const spells = [...this.#spells];
    const weather = added(
      calmWeather,
      spells.map((spell) => spell.weather),
    );
    for (const server of network.servers) server.weather = weather;
    database.faults = added(
      noDatabaseFaults,
      spells.map((spell) => spell.database),
    );
    for (const [disk, latency] of this.#world.latencies) {
      const usual = this.#usual.get(disk) ?? latency;
      const slow = spells.flatMap((spell) => (spell.slow?.disk === disk ? [spell.slow.times] : []));
      const times = Math.max(1, ...slow);
      latency.readMs = usual.readMs * times;
      latency.writeMs = usual.writeMs * times;
      latency.flushMs = usual.flushMs * times;
    }
  }
}

/** Field by field: the sum of all. */
function added<Fields extends { readonly [Name in keyof Fields]: number }>(
  base: Fields,
  more: readonly (Partial<Fields> | undefined)[],
): Fields {
  const sum: Fields = { ...base };
  for (const part of more)
    for (const name of Object.keys(part ?? {}) as (keyof Fields)[])
      sum[name] = ((sum[name] as number) +
        ((part?.[name] as number | undefined) ?? 0)) as Fields[typeof name];
  return sum;
}
