import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { proofFolder } from './ledger.ts';

/** Keeps what happened in a step with a problem where people find it. @returns the file */
export function keepStory(name: string, lines: readonly string[]): string {
  mkdirSync(proofFolder, { recursive: true });
  const file = join(proofFolder, `${name}.story`.replaceAll(' ', '-'));
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
