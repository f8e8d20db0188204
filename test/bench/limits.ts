/**
 * The limits beside Sanctor: what NBD and the machine allow when nothing is mirrored and nothing is sent over NATS.
 * nbdkit serves memory and one file on TCP, as Sanctor does.
 */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChildGuard } from '../../cluster/child-guard.ts';
import { fetchTool, nbdkitPlugin } from '../tools/fetch-tool.ts';
import { freePort } from '../tools/test-topology.ts';
import { type BenchRow, type Measuring, measureTarget, type Target } from './targets.ts';

const listenDeadlineMs = 10_000;
const lookAgainMs = 20;

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
    const memory = await serve(nbdkit, await nbdkitPlugin(nbdkit, 'memory'), size, (uri) =>
      measureTarget({ name: 'nbdkit, memory', uri, durable: 'nothing', medium: null }, by),
    );
    const onFile: Omit<Target, 'uri'> = {
      name: 'nbdkit, file',
      durable: 'nothing until flushed: page cache',
      medium: 'one file',
    };
    const filed = await serve(nbdkit, await nbdkitPlugin(nbdkit, 'file'), file, (uri) =>
      measureTarget({ ...onFile, uri }, by),
    );
    return [...memory, ...filed];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function serve<Result>(
  nbdkit: { command: string; environment: NodeJS.ProcessEnv },
  plugin: string,
  what: string,
  use: (uri: string) => Promise<Result>,
): Promise<Result> {
  const guard = createChildGuard();
  const port = await freePort();
  const child = guard.start({
    command: nbdkit.command,
    arguments: ['--foreground', '--ipaddr', '127.0.0.1', '--port', String(port), plugin, what],
    environment: nbdkit.environment,
    output: 'ignore',
    errors: 'inherit',
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  try {
    await listening(port);
    return await use(`nbd://127.0.0.1:${port}`);
  } finally {
    child.kill('SIGKILL');
    await exited;
    guard.close();
  }
}

async function listening(port: number): Promise<void> {
  const deadline = performance.now() + listenDeadlineMs;
  while (performance.now() < deadline) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
  throw new Error(`nobody listened at port ${port} within ${listenDeadlineMs / 1000} s`);
}
