import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasApt, unpackDebianPackages } from '../../../cluster/debian-packages.ts';
import { findNatsServer, NatsServerMissing } from '../../../cluster/nats/server-binary.ts';
import { waysToFetch } from '../../../cluster/nats/server-fetch.ts';
import { PackageUnavailable } from '../../../cluster/private-apt.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';

describe('fetching a NATS server with apt', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();

  before(async function () {
    if (!(await hasApt())) {
      console.log('      pending, because this machine has no apt');
      this.skip();
    }
  });

  it('two that begin with an empty cache at once both get a server, and a third finds it there', async function () {
    const find = async (said: string[]) => {
      const environment = { PATH: '', XDG_CACHE_HOME: folder() };
      const say = (line: string) => said.push(line);
      return findNatsServer({ environment, say, systemFolders: [] });
    };
    const said: string[] = [];
    try {
      const [first, second] = await Promise.all([find(said), find([])]);
      expect(first.path).to.equal(second.path);
      expect(first.path.startsWith(folder())).to.equal(true);
      expect(said.join('\n')).to.contain('fetching').and.to.contain(` from ${first.source}`);
      expect(first.source).to.match(/ of \w+:\/\//);
      const third = await find(said);
      expect(third).to.include({ path: first.path, source: 'cache' });
      const rests = (await readdir(join(folder(), 'sanctor', 'nats-server'))).length;
      expect(rests).to.equal(1);
    } catch (error) {
      if (!(error instanceof NatsServerMissing) || process.env.CI === 'true') throw error;
      console.log(`      pending, because none can be fetched: ${error.message}`);
      this.skip();
    }
  });

  it('a package that does not exist is refused, naming it and where it was looked for', async () => {
    const missing = 'sanctor-no-such-package';
    try {
      await unpackDebianPackages({ packages: [missing], into: folder() });
      throw new Error('it was found');
    } catch (error) {
      expect(error).to.be.instanceOf(PackageUnavailable);
      expect(String(error)).to.contain('cannot');
      expect(await readdir(folder())).to.deep.equal([]);
    }
  });

  it('the newer suite is tried before the own one, and the release archive last', async () => {
    const names = (await waysToFetch(folder())).map(({ name }) => name);
    expect(names[0]).to.contain('trixie');
    expect(names[1]).to.contain('own suite');
  });
});
