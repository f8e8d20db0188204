/** Schemas that every JSON agreement uses: ids and whole numbers with their units. */
import { z } from 'zod';
import { idPattern } from './ids.ts';

/** Schema of an id of some kind. */
export function id<Kind extends string>(): z.ZodType<Kind> {
  return z.string().regex(idPattern) as unknown as z.ZodType<Kind>;
}

/** Schema of a whole number, at least 0, with a unit. */
export function count<Unit extends number>(): z.ZodType<Unit> {
  return z.int().nonnegative() as unknown as z.ZodType<Unit>;
}
