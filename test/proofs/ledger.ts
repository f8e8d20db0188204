/**
 * What the steps of a proof have shown so far, in a file under `.sanctor/proofs`, one line a step: a proof that was
 * interrupted goes on from there. Results of another build are never taken for results of this one.
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { root } from '../tidy/sources.ts';
import type { StepResult } from './proof.ts';

export const proofFolder = join(root, '.sanctor', 'proofs');

const headerSchema = z.object({
  proof: z.string(),
  form: z.string(),
  build: z.string(),
  startedAtMs: z.number(),
});
export type LedgerHeader = z.infer<typeof headerSchema>;

const resultSchema = z.object({
  id: z.string(),
  problems: z.array(z.string()),
  said: z.string(),
  data: z.unknown().optional(),
  seconds: z.number(),
});

export interface LedgerContent {
  readonly header: LedgerHeader;
  readonly results: readonly StepResult[];
}

/** Where the ledger of a proof in one of its forms is. */
export function ledgerFile(folder: string, proof: string, form: string): string {
  return join(folder, `${proof}-${form}.jsonl`);
}

/** @returns null when there is none. A last line that was cut off by an interruption counts as not written. */
export function readLedger(file: string): LedgerContent | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  const [first = '', ...rest] = text.split('\n').slice(0, -1);
  if (first === '') return null;
  return {
    header: headerSchema.parse(JSON.parse(first)),
    results: rest.map((line) => resultSchema.parse(JSON.parse(line))),
  };
}

/** Puts a ledger of another build aside, where nothing overwrites it; gives where. */
export function putAside(file: string, { header }: LedgerContent): string {
  const aside = file.replace(/\.jsonl$/, `-of-${header.build}.jsonl`);
  renameSync(file, aside);
  return aside;
}

/** Writes a ledger anew: an empty one, or what is whole of one that was interrupted. */
export function beginLedger(file: string, { header, results }: LedgerContent): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(header)}\n`);
  for (const result of results) appendResult(file, result);
}

export function appendResult(file: string, result: StepResult): void {
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}

const buildFolder = fileURLToPath(new URL('../../', import.meta.url));

/** Names the compiled program and its tests by their content. */
export function buildDigest(): string {
  const hash = createHash('sha256');
  const files = readdirSync(buildFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(file.slice(buildFolder.length)).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}
