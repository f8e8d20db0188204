/**
 * Proofs on real processes have two lengths: the one of every test run, and the long one of
 * `npm run proof:clients -- --long` (or `SANCTOR_PROOF=long`), with the sizes that the proof is about.
 */
export const isLongProof = process.argv.includes('--long') || process.env.SANCTOR_PROOF === 'long';

const mebibyte = 1024 * 1024;

/** How much of a volume a proof writes: the first in every run, the second in the long one. */
export function proofBytes(mebibytes: number, longMebibytes: number): number {
  return (isLongProof ? longMebibytes : mebibytes) * mebibyte;
}
