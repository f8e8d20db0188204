/**
 * The limits beside Sanctor: what NBD and the machine allow when nothing is mirrored and nothing is sent over NATS.
 * nbdkit serves memory and one file on TCP, as Sanctor does.
 */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchTool, nbdkitPlugin } from '../tools/fetch-tool.ts';
import { servedByNbdkit } from '../tools/nbdkit.ts';
import { type BenchRow, type Measuring, measureTarget, type Target } from './targets.ts';

/** Measures both; says why when nbdkit cannot be had. */
export async function measureLimits(by: Measuring): Promise<readonly BenchRow[]> {
  const nbdkit = await fetchTool('nbdkit');
  if (typeof nbdkit === 'string') {
    by.say(`nbdkit cannot be had (${nbdkit}): its rows are missing`);
    return [];
  }
  const folder = await mkdtemp(join(tmpdir(), 'sanctor-bench-'));
  const size = String(by.scale.areaBytes);
  const file = join(folder, 'file');
  await writeFile(file, '');
  await truncate(file, by.scale.areaBytes);
  try {
    const memory = await servedByNbdkit(nbdkit, await nbdkitPlugin(nbdkit, 'memory'), size, (uri) =>
      measureTarget({ name: 'nbdkit, memory', uri, durable: 'nothing', medium: null }, by),
    );
    const onFile: Omit<Target, 'uri'> = {
      name: 'nbdkit, file',
      durable: 'nothing until flushed: page cache',
      medium: 'one file',
    };
    const filed = await servedByNbdkit(nbdkit, await nbdkitPlugin(nbdkit, 'file'), file, (uri) =>
      measureTarget({ ...onFile, uri }, by),
    );
    return [...memory, ...filed];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
