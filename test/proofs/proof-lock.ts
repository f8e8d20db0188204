/** Two processes must not run the same proof: the file beside its ledger names the one that does. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Takes the lock; what a process that is gone has left behind is taken over.
 *
 * @returns to be called when the proof has ended
 * @throws Error when another process runs the proof.
 */
export function lockProof(ledger: string): () => void {
  const file = `${ledger}.pid`;
  mkdirSync(dirname(file), { recursive: true });
  const owner = ownerOf(file);
  if (owner !== null && owner !== process.pid && isAlive(owner))
    throw new Error(`process ${owner} runs this proof already; wait for it, or end it (${file})`);
  writeFileSync(file, `${process.pid}\n`);
  return () => {
    if (ownerOf(file) === process.pid) rmSync(file, { force: true });
  };
}

function ownerOf(file: string): number | null {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
