/** Files that are opened for looking only, and by nobody else at the same time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { openFileStore } from '../../../cluster/stores/open-file-store.ts';
import type { StoreError } from '../../../protocols/ports.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';

describe('a disk file that is opened for looking only', () => {
  const folder = temporaryFolder();
  const path = () => join(folder(), 'd1.disk');
  beforeEach(() => writeFileSync(path(), Buffer.alloc(8192, 7)));

  it('cannot be written, and can be read', async () => {
    const opened = openFileStore([path()], { readOnly: true });
    if (!opened.ok) throw new Error(opened.problem.message);
    const { store } = opened;
    const written = await new Promise<StoreError | null>((done) =>
      store.write(0, [Buffer.alloc(512)], done),
    );
    expect(written?.detail).to.contain('EBADF');
    const into = new Uint8Array(512);
    const read = await new Promise<StoreError | null>((done) => store.read(0, into, done));
    expect(read).to.equal(null);
    expect(into[0]).to.equal(7);
    await new Promise<void>((done) => store.close(done));
  });

  it('is locked as by a disk: neither can be opened while the other is', async () => {
    for (const [first, second] of [
      [{ readOnly: true }, {}],
      [{}, { readOnly: true }],
    ]) {
      const opened = openFileStore([path()], first);
      if (!opened.ok) throw new Error(opened.problem.message);
      const other = openFileStore([path()], second);
      expect(other.ok ? 'opened' : other.problem.kind).to.equal('locked');
      await new Promise<void>((done) => opened.store.close(done));
    }
  });
});
