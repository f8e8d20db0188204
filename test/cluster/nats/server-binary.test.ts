import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { findNatsServer, NatsServerMissing } from '../../../cluster/nats/server-binary.ts';
import type { WayToFetch } from '../../../cluster/nats/server-fetch.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';

/** A program that only knows its version. */
async function fakeServer(folder: string, version: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'nats-server');
  await writeFile(path, `#!/bin/sh\necho 'nats-server: v${version}'\n`);
  await chmod(path, 0o755);
  return path;
}

async function refusal(finding: Promise<unknown>): Promise<string> {
  try {
    await finding;
  } catch (error) {
    expect(error).to.be.instanceOf(NatsServerMissing);
    return error instanceof Error ? error.message : '';
  }
  throw new Error('a server was found, but none should have been');
}

/** Tests do not care for a server that this machine happens to have in a system folder. */
const noSystemFolders = { systemFolders: [] };

describe('finding a NATS server', () => {
  const folder = temporaryFolder();

  it('SANCTOR_NATS_SERVER comes before PATH, PATH before the cache folder', async () => {
    const named = await fakeServer(join(folder(), 'named'), '2.11.1');
    const onPath = await fakeServer(join(folder(), 'path'), '2.12.2');
    const cache = await fakeServer(join(folder(), 'cache/sanctor/nats-server/some'), '2.13.3');
    const environment = {
      SANCTOR_NATS_SERVER: named,
      PATH: join(folder(), 'path'),
      XDG_CACHE_HOME: join(folder(), 'cache'),
    };
    const first = await findNatsServer({ environment, ...noSystemFolders });
    expect(first).to.include({ path: named, source: 'SANCTOR_NATS_SERVER' });
    expect(first.version.text).to.equal('2.11.1');
    environment.SANCTOR_NATS_SERVER = '';
    expect(await findNatsServer({ environment, ...noSystemFolders })).to.include({ path: onPath });
    environment.PATH = '';
    const third = await findNatsServer({ environment, ...noSystemFolders });
    expect(third).to.include({ path: cache, source: 'cache' });
  });

  it('a server named in the environment that is no server is an error, not passed over', async () => {
    const message = await refusal(
      findNatsServer({ environment: { SANCTOR_NATS_SERVER: '/nonexistent' }, ...noSystemFolders }),
    );
    expect(message).to.contain('SANCTOR_NATS_SERVER').and.to.contain('/nonexistent');
  });

  it('a server before 2.9 is refused, and the next place is looked at', async () => {
    const old = await fakeServer(join(folder(), 'old'), '2.8.4');
    const good = await fakeServer(join(folder(), 'good'), '2.10.27');
    const environment = {
      PATH: `${join(folder(), 'old')}:${join(folder(), 'good')}`,
      XDG_CACHE_HOME: join(folder(), 'cache'),
    };
    expect(await findNatsServer({ environment, ...noSystemFolders })).to.include({ path: good });
    environment.PATH = join(folder(), 'old');
    const message = await refusal(
      findNatsServer({ environment, fetch: false, ...noSystemFolders }),
    );
    expect(message).to.contain(`${old} is version 2.8.4`).and.to.contain('2.9.0');
  });

  it('a server before 2.10.27 is taken with the reasons to replace it', async () => {
    await fakeServer(join(folder(), 'path'), '2.9.10');
    const said: string[] = [];
    const binary = await findNatsServer({
      environment: { PATH: join(folder(), 'path'), XDG_CACHE_HOME: folder() },
      say: (line) => said.push(line),
      ...noSystemFolders,
    });
    expect(binary.warnings.join(' ')).to.contain('one server only').and.to.contain('sync');
    expect(said.join(' ')).to.contain('2.9.10').and.to.contain('one server only');
  });

  it('nothing is found and nothing can be fetched: the error lists what was tried and the remedy', async () => {
    const way: WayToFetch = { name: 'a mirror', fetch: async () => 'the mirror is away' };
    const message = await refusal(
      findNatsServer({
        environment: { PATH: '', XDG_CACHE_HOME: folder() },
        ways: [way],
        ...noSystemFolders,
      }),
    );
    expect(message).to.contain('the mirror is away').and.to.contain('SANCTOR_NATS_SERVER');
    expect(message).to.contain('Install nats-server');
  });

  it('a fetched program that does not run is passed over for the next way', async () => {
    const broken = join(folder(), 'broken');
    await writeFile(broken, 'not a program');
    const good = await fakeServer(join(folder(), 'good'), '2.10.29');
    const said: string[] = [];
    const binary = await findNatsServer({
      environment: { PATH: '', XDG_CACHE_HOME: folder() },
      say: (line) => said.push(line),
      ways: [
        { name: 'first', fetch: async () => ({ path: broken, source: 'first' }) },
        { name: 'second', fetch: async () => ({ path: good, source: 'second' }) },
      ],
      ...noSystemFolders,
    });
    expect(binary).to.include({ path: good, source: 'second' });
    expect(said.join('\n')).to.contain('from second');
  });
});
