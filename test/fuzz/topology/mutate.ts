/** Breaks topology files: their text as typing errors and bad disks do, their contents as mistaken people do. */
import { parse, stringify } from 'yaml';
import type { SeededRandom } from '../../../cluster/simulation/random.ts';

const strangeScalars: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  '',
  '9PiB',
  '0',
  '-1MiB',
  '12 parsecs',
  'd1',
  'vol0',
  'nowhere',
  '__proto__',
  'constructor',
  'a.b',
  '>',
  'x'.repeat(300),
  '\u0000',
  'nbd://127.0.0.1:0',
  'nbd://0.0.0.0:10809',
  'unix:///tmp/x',
  [],
  {},
  [[]],
  [[[['d1']]]],
  { mirror: [] },
  { mirror: ['d1'] },
  { stripe: { unit: 0, of: ['d1', 'd2'] } },
  { concat: [{ mirror: ['d1', 'd2'] }, 'd1'] },
];
const strangeLines = [
  'a: &a [*a]',
  '<<: *nobody',
  '? [a, b]\n: c',
  '%YAML 9.9\n---',
  '--- \n...\n---',
  '!!binary aaaa',
  'cluster: twice',
  '\t- tab',
  'disks: !!set {a, b}',
  '&x disks: *x',
  '{'.repeat(400),
  '['.repeat(2000),
  `bomb: &a0 [x]\n${Array.from({ length: 9 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}]`).join('\n')}`,
];

/** A broken copy of a topology file; some are still right. */
export function mutatedTopology(text: string, random: SeededRandom): string {
  const changed = random.chance(600_000) ? stringify(mutatedValue(parse(text), random)) : text;
  return random.chance(500_000) ? changed : mutatedText(changed, random);
}

/** Every place in the value where something may be changed. */
interface Place {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string | number;
}

function mutatedValue(value: unknown, random: SeededRandom): unknown {
  for (let left = 1 + random.integer(3); left > 0; left--) {
    const places = placesIn(value);
    if (places.length < 2) return value;
    const place = random.pick(places);
    const other = random.pick(places);
    const kind = random.integer(10);
    if (kind < 2) remove(place);
    else if (kind < 4) set(place, random.pick(strangeScalars));
    else if (kind < 6) set(place, structuredClone(valueAt(other)));
    else if (kind < 8) {
      const kept = valueAt(place);
      set(place, structuredClone(valueAt(other)));
      set(other, structuredClone(kept));
    } else if (Array.isArray(place.holder)) place.holder.push(structuredClone(valueAt(place)));
    else place.holder[`${place.key}2`] = structuredClone(valueAt(place));
  }
  return value;
}

function placesIn(value: unknown): readonly Place[] {
  if (value === null || typeof value !== 'object') return [];
  const holder = value as Place['holder'];
  const keys: (string | number)[] = Array.isArray(holder)
    ? holder.map((_, index) => index)
    : Object.keys(holder);
  return keys.flatMap((key) => [{ holder, key }, ...placesIn(valueAt({ holder, key }))]);
}

function valueAt({ holder, key }: Place): unknown {
  return (holder as Record<string | number, unknown>)[key];
}

function set({ holder, key }: Place, value: unknown): void {
  (holder as Record<string | number, unknown>)[key] = value;
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function mutatedText(text: string, random: SeededRandom): string {
  const lines = text.split('\n');
  for (let left = 1 + random.integer(3); left > 0 && lines.length > 0; left--) {
    const at = random.integer(lines.length);
    const line = lines[at] ?? '';
    const kind = random.integer(8);
    if (kind === 0) lines.splice(at, 1);
    else if (kind === 1) lines.splice(random.integer(lines.length), 0, line);
    else if (kind === 2) lines.splice(at, 0, random.pick(strangeLines));
    else if (kind === 3) lines[at] = ` ${line}`;
    else if (kind === 4) lines[at] = line.slice(0, random.integer(line.length + 1));
    else if (kind === 5) lines[at] = line.replace(/\d+/, String(random.word()));
    else if (kind === 6) lines.length = Math.max(1, at);
    else {
      const place = random.integer(line.length + 1);
      const letter = random.pick([...':{}[]-,&*!|>\'"%@`#\0\u{1f4be}']);
      lines[at] = line.slice(0, place) + letter + line.slice(place + random.integer(2));
    }
  }
  return lines.join('\n');
}
