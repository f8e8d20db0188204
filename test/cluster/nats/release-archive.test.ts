import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { releaseArchiveFor, unpackRelease } from '../../../cluster/nats/release-archive.ts';
import { runCommand } from '../../../cluster/run-command.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';

describe('release archive of the NATS server', () => {
  const folder = temporaryFolder();
  let archive: Buffer;
  let server: Server;
  let address: string;

  beforeEach(async () => {
    const content = join(folder(), 'content', 'nats-server-v1');
    await mkdir(content, { recursive: true });
    await writeFile(join(content, 'nats-server'), '#!/bin/sh\necho nats-server: v2.10.29\n');
    await chmod(join(content, 'nats-server'), 0o755);
    const file = join(folder(), 'archive.tar.gz');
    const packed = await runCommand(
      'tar',
      ['-czf', file, '-C', join(folder(), 'content'), 'nats-server-v1'],
      { timeoutMs: 10_000 },
    );
    expect(packed.exitCode).to.equal(0);
    archive = await readFile(file);
    server = createServer((request, response) => {
      response.writeHead(request.url === '/archive.tar.gz' ? 200 : 404);
      response.end(archive);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    address = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
  });

  afterEach(() => server.close());

  function pinned(path: string, sha256: string) {
    return { address: `${address}${path}`, folder: 'nats-server-v1', sha256 };
  }

  it('an archive with the pinned checksum gives a program that runs', async () => {
    const sha256 = createHash('sha256').update(archive).digest('hex');
    const program = join(folder(), 'nats-server');
    expect(await unpackRelease(pinned('/archive.tar.gz', sha256), program)).to.equal(null);
    const said = await runCommand(program, ['--version'], { timeoutMs: 10_000 });
    expect(said.output).to.equal('nats-server: v2.10.29\n');
  });

  it('an archive with another checksum is refused', async () => {
    const program = join(folder(), 'nats-server');
    const problem = await unpackRelease(pinned('/archive.tar.gz', '00'), program);
    expect(problem).to.contain('not what was released');
    expect(await readFile(program).catch(() => 'nothing')).to.equal('nothing');
  });

  it('an archive that is not there is a problem that names its address', async () => {
    const problem = await unpackRelease(pinned('/gone', '00'), join(folder(), 'nats-server'));
    expect(problem).to.contain(`${address}/gone`).and.to.contain('404');
  });

  it('is pinned for the systems that Sanctor is used on, and for no unknown one', () => {
    expect(releaseArchiveFor('linux', 'x64')?.address).to.match(/linux-amd64\.tar\.gz$/);
    expect(releaseArchiveFor('linux', 'arm64')?.sha256).to.match(/^[0-9a-f]{64}$/);
    expect(releaseArchiveFor('linux', 'mips')).to.equal(null);
  });
});
