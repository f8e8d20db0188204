/** Cuts the power of a broken program, in a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import type { CutReport } from './cut-report.ts';
import type { PowerCutMutant } from './power-cut-mutants.ts';

const program = 'test/cluster/power-cuts';
const rooms = ['test/tools', 'test/actors/disk', program];

/** @param folder to put the broken program into */
export async function cutMutant(
  folder: string,
  { patches, recording, every }: PowerCutMutant,
): Promise<CutReport> {
  await mutatedBuild(folder, patches, rooms);
  const main = join(folder, 'dist', program, 'main.js');
  return new Promise((resolve, reject) => {
    const words = [main, recording, '--every', String(every)];
    execFile(process.execPath, words, (error, text, errors) => {
      const line = text.split('\n').find((each) => each.startsWith('{"recordings"'));
      if (line === undefined) reject(new Error(`it broke off: ${error?.message} ${errors}`));
      else resolve(JSON.parse(line) as CutReport);
    });
  });
}
