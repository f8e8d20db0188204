import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  examineFolder,
  examineMachine,
  examineMemory,
  examineNatsServer,
  examineNode,
  examineOpenFiles,
  examinePort,
} from '../../cluster/doctor.ts';
import { mebibyte } from '../../protocols/units.ts';
import { temporaryFolder } from '../tools/temporary-folder.ts';

describe('doctor', () => {
  const folder = temporaryFolder();

  async function installedServer(version: string): Promise<NodeJS.ProcessEnv> {
    await mkdir(join(folder(), 'bin'), { recursive: true });
    const path = join(folder(), 'bin', 'nats-server');
    await writeFile(path, `#!/bin/sh\necho 'nats-server: v${version}'\n`);
    await chmod(path, 0o755);
    return { PATH: join(folder(), 'bin'), XDG_CACHE_HOME: folder() };
  }

  it('every finding of a whole examination has a name and a detail, and a remedy unless all is well', async () => {
    const findings = await examineMachine({
      ports: [{ port: 0, purpose: 'NBD server of host h1' }],
      dataFolder: folder(),
      diskBytes: mebibyte,
      environment: await installedServer('2.10.27'),
    });
    const names = findings.map(({ name }) => name);
    expect(names).to.include.members(['Node.js', 'NATS server', 'open files', 'memory']);
    for (const { name, detail, state, remedy } of findings) {
      expect(detail, name).to.not.equal('');
      expect(remedy === '', name).to.equal(state === 'ok');
    }
  });

  it('a Node.js that is too old fails', () => {
    expect(examineNode('18.20.4').state).to.equal('fail');
    expect(examineNode('20.18.0').state).to.equal('fail');
    expect(examineNode('20.19.0').state).to.equal('ok');
    expect(examineNode('24.1.0').state).to.equal('ok');
  });

  it('says which NATS server it found, from where, and what an old one lacks', async () => {
    const good = await examineNatsServer(await installedServer('2.10.27'));
    expect(good).to.include({ state: 'ok', remedy: '' });
    expect(good.detail).to.contain('2.10.27').and.to.contain(folder());
    const old = await examineNatsServer(await installedServer('2.9.10'));
    expect(old.state).to.equal('warn');
    expect(old.detail).to.contain('2.9.10').and.to.contain('sync');
  });

  it('a server named in the environment that is none fails', async () => {
    const finding = await examineNatsServer({ SANCTOR_NATS_SERVER: '/nonexistent/nats-server' });
    expect(finding.state).to.equal('fail');
    expect(finding.detail).to.contain('/nonexistent/nats-server');
  });

  it('few open files and little memory are warned about, hardly any fails', () => {
    expect([100, 512, 20_000, null].map((limit) => examineOpenFiles(limit).state)).to.deep.equal([
      'fail',
      'warn',
      'ok',
      'warn',
    ]);
    expect([100, 1000, 4000].map((size) => examineMemory(size * mebibyte).state)).to.deep.equal([
      'fail',
      'warn',
      'ok',
    ]);
  });

  it('a data folder needs room for its disks; one that is not there yet is judged by its parent', async () => {
    const wanted = join(folder(), 'not', 'there', 'yet');
    expect(await examineFolder(wanted, 0)).to.include({ state: 'ok' });
    const huge = await examineFolder(wanted, Number.MAX_SAFE_INTEGER);
    expect(huge.state).to.equal('warn');
    expect(huge.remedy).to.contain('--data');
    const notWritable = await examineFolder('/proc/nothing', 0);
    expect(notWritable.state).to.equal('fail');
  });

  it('a taken port fails and says who to ask; a free one is free again afterwards', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const taken = await examinePort(port, 'NBD server of host h1');
    expect(taken.state).to.equal('fail');
    expect(taken.detail).to.contain('NBD server of host h1');
    expect(taken.remedy).to.contain(`:${port}`);
    await new Promise((done) => other.close(done));
    for (const attempt of ['first', 'second']) {
      expect((await examinePort(port, 'NBD')).state, attempt).to.equal('ok');
    }
  });
});
