/** nbdkit, which serves without any of what Sanctor does: as a yardstick, and for tests of the tools themselves. */
import { connect } from 'node:net';
import { createChildGuard } from '../../cluster/child-guard.ts';
import type { Tool } from './fetch-tool.ts';
import { freePort } from './test-topology.ts';

const listenDeadlineMs = 10_000;
const lookAgainMs = 20;

/** Serves with a plugin, at an address of its own, as long as it is used. @param what the plugin's last word */
export async function servedByNbdkit<Result>(
  nbdkit: Pick<Tool, 'command' | 'environment'>,
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
