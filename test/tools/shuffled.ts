import type { SeededRandom } from '../../cluster/simulation/random.ts';

/** The same values in an order of chance. */
export function shuffled<Value>(values: readonly Value[], random: SeededRandom): readonly Value[] {
  const left = [...values];
  return values.map(() => left.splice(random.integer(left.length), 1)[0] as Value);
}
