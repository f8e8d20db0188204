/** Sizes as people write them: `4096`, `64KiB`, `512MiB`, `1.5GiB`. Powers of 1024 only, and whole bytes. */
import { z } from 'zod';
import { kibibyte, mebibyte } from '../units.ts';

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: kibibyte,
  MiB: mebibyte,
  GiB: 1024 * mebibyte,
  TiB: 1024 * 1024 * mebibyte,
};
const sizePattern = /^(\d{1,16}(?:\.\d{1,6})?)\s*([A-Za-z]*)$/;

export const sizeHelp = 'a number of bytes, or one with KiB, MiB, GiB or TiB, as in 512MiB';

/** The bytes that a size stands for; null when it is not a size. */
export function parseSize(size: string | number): number | null {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : null;
  const [, amount, unit] = sizePattern.exec(size.trim()) ?? [];
  const factor = unitBytes[unit ?? ''];
  if (amount === undefined || factor === undefined) return null;
  const sizeBytes = Number(amount) * factor;
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : null;
}

/** A size as a person would write it: the largest unit that needs no fraction. */
export function sizeText(sizeBytes: number): string {
  for (const [unit, factor] of Object.entries(unitBytes).reverse())
    if (sizeBytes > 0 && sizeBytes % factor === 0 && unit !== 'B')
      return `${sizeBytes / factor}${unit}`;
  return String(sizeBytes);
}

/** Schema of a size: text or number in, bytes out. */
export const sizeSchema = z
  .union([z.string(), z.number()], { error: `expected a size: ${sizeHelp}` })
  .transform((size, context) => {
    const sizeBytes = parseSize(size);
    if (sizeBytes !== null) return sizeBytes;
    const message = `${JSON.stringify(size)} is not a size; allowed is ${sizeHelp}`;
    context.issues.push({ code: 'custom', message, input: size });
    return z.NEVER;
  });
