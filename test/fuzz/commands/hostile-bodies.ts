/** Bodies of commands that make no sense: no JSON at all, JSON of other shapes, or a genuine body bent in one place. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';

/** None of these is what any field of any command holds. */
const misfits: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e308,
  2 ** 60,
  [null],
  { a: 1 },
  '',
  'a b',
  'x'.repeat(5000),
  '\u0000',
  '../../etc/passwd',
  'san.v1.>',
];
const notJson: readonly string[] = [
  '',
  '{',
  '[1,',
  'null',
  '"',
  '\u0000',
  '{"a":}',
  'NaN',
  '<xml/>',
];
const prototypes: readonly string[] = [
  '{"__proto__":{"volume":"vol0","host":"h1","ok":true}}',
  '{"constructor":{"prototype":{"volume":"vol0"}}}',
  '{"hasOwnProperty":1,"toString":2,"volume":{"toString":3}}',
];
const nestingDepth = 3000;
const hugeLength = 200_000;

/** @param genuine a body that the command takes; what comes back it must refuse */
export function hostileBody(genuine: unknown, random: SeededRandom): unknown {
  switch (random.integer(8)) {
    case 0:
      return Buffer.from(`x${random.pick(notJson)}`);
    case 1:
      return Buffer.from(random.pick(prototypes));
    case 2:
      return Buffer.from('['.repeat(nestingDepth) + ']'.repeat(nestingDepth));
    case 3:
      return { volume: 'v'.repeat(hugeLength), host: ['h'.repeat(100)], layout: [] };
    case 4:
      return random.pick([[], 'text', 7, null, [{}], { volume: 7 }]);
    default:
      return bent(genuine, random);
  }
}

/** With one of its fields of another type, or gone; fields of lists of objects, too. */
function bent(genuine: unknown, random: SeededRandom): unknown {
  if (typeof genuine !== 'object' || genuine === null) return random.pick(misfits);
  const names = Object.keys(genuine);
  if (names.length === 0) return random.pick([[], 7, 'text', null]);
  const copy = structuredClone(genuine) as Record<string, unknown>;
  const name = random.pick(names);
  const value = copy[name];
  const goesDeeper = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (goesDeeper && random.chance(700_000)) copy[name] = bent(value, random);
  else copy[name] = misfitFor(value, random);
  return copy;
}

function misfitFor(value: unknown, random: SeededRandom): unknown {
  const others = misfits.filter((misfit) => typeof misfit !== typeof value || isNeverRight(misfit));
  return random.pick(others);
}

/** Of the right type, and still never right: no id, no size, no number that counts anything. */
function isNeverRight(misfit: unknown): boolean {
  return typeof misfit === 'number';
}
