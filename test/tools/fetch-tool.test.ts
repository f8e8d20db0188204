import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ChildGuard, createChildGuard } from '../../cluster/child-guard.ts';
import { type CommandResult, runCommand } from '../../cluster/run-command.ts';
import { fetchTimeoutMs, nbdkitPlugin, type Tool, type ToolName, toolFor } from './fetch-tool.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

function run(tool: Tool, toolArguments: readonly string[]): Promise<CommandResult> {
  return runCommand(tool.command, toolArguments, {
    environment: tool.environment,
    timeoutMs: 60_000,
  });
}

describe('the clients that tests use', function () {
  this.timeout(fetchTimeoutMs);
  const folder = temporaryFolder();
  const names: readonly ToolName[] = [
    ...(['nbdinfo', 'nbdcopy', 'nbdfuse', 'nbdkit', 'fio', 'qemu-img', 'qemu-io'] as const),
    'sqlite3',
  ];
  for (const name of names) {
    it(`${name} runs`, async function () {
      const result = await run(await toolFor(this, name), ['--version']);
      expect(result.errors).to.equal('');
      expect(result.exitCode).to.equal(0);
    });
  }

  it('they work with each other: an image served, looked at, written, verified and compared', async function () {
    const nbdkit = await toolFor(this, 'nbdkit');
    const [nbdinfo, nbdcopy, fio, qemuImg, qemuIo] = await Promise.all([
      toolFor(this, 'nbdinfo'),
      toolFor(this, 'nbdcopy'),
      toolFor(this, 'fio'),
      toolFor(this, 'qemu-img'),
      toolFor(this, 'qemu-io'),
    ]);
    const socket = join(folder(), 'nbd.sock');
    const uri = `nbd+unix:///?socket=${socket}`;
    const guard: ChildGuard = createChildGuard();
    const server = guard.start({
      command: nbdkit.command,
      arguments: ['--foreground', '--unix', socket, await nbdkitPlugin(nbdkit, 'memory'), '16M'],
      environment: nbdkit.environment,
      output: 'inherit',
      errors: 'inherit',
    });
    try {
      await until(() => existsSync(socket), 'nbdkit listens');
      const size = await run(nbdinfo, ['--size', uri]);
      expect(size.output.trim()).to.equal(String(16 * 1024 * 1024));
      const verified = await run(fio, [
        '--name=verify',
        '--ioengine=nbd',
        `--uri=${uri}`,
        '--rw=randwrite',
        '--bs=4k',
        '--iodepth=8',
        '--size=16M',
        '--verify=crc32c',
        '--verify_state_save=0',
      ]);
      expect(verified.exitCode, verified.errors).to.equal(0);
      const written = await run(qemuIo, ['-f', 'raw', '-c', 'write -P 7 0 64k', uri]);
      expect(written.exitCode, written.errors).to.equal(0);
      const image = join(folder(), 'image');
      await writeFile(image, '');
      expect((await run(nbdcopy, [uri, image])).exitCode).to.equal(0);
      const compared = await run(qemuImg, ['compare', '-f', 'raw', '-F', 'raw', uri, image]);
      expect(compared.output).to.contain('Images are identical');
    } finally {
      server.kill('SIGKILL');
    }
  });
});
