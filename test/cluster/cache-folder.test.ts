import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { cached, cacheFolderOf } from '../../cluster/cache-folder.ts';
import { temporaryFolder } from '../tools/temporary-folder.ts';

describe('cache folder', () => {
  const folder = temporaryFolder();

  it('follows XDG_CACHE_HOME when that is an absolute path', () => {
    expect(cacheFolderOf({ XDG_CACHE_HOME: '/somewhere' })).to.equal('/somewhere/sanctor');
    expect(cacheFolderOf({ XDG_CACHE_HOME: 'relative' })).to.match(/\.cache\/sanctor$/);
  });

  it('several builders of one entry at once leave one whole entry and no rests', async () => {
    const entry = join(folder(), 'deep', 'entry');
    const builders = Array.from({ length: 8 }, (_, builder) =>
      cached(entry, async (part) => {
        await writeFile(join(part, 'first'), String(builder));
        await writeFile(join(part, 'second'), String(builder));
      }),
    );
    expect(new Set(await Promise.all(builders))).to.deep.equal(new Set([entry]));
    const [first, second] = await Promise.all(
      ['first', 'second'].map((name) => readFile(join(entry, name), 'utf8')),
    );
    expect(first).to.equal(second);
    expect(await readdir(join(folder(), 'deep'))).to.deep.equal(['entry']);
  });

  it('a builder that fails leaves nothing, and the next one may try', async () => {
    const entry = join(folder(), 'entry');
    const failed = await cached(entry, () => Promise.reject(new Error('no room'))).catch(
      (error: Error) => error.message,
    );
    expect(failed).to.equal('no room');
    expect(await readdir(folder())).to.deep.equal([]);
    await cached(entry, (part) => writeFile(join(part, 'it'), 'works'));
    expect(await readFile(join(entry, 'it'), 'utf8')).to.equal('works');
  });
});
