import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { FileStore, slowCallMsDefault } from '../../../cluster/stores/file-store.ts';
import { createFileStore, openFileStore } from '../../../cluster/stores/open-file-store.ts';
import { describeBlockStoreContract, storeBytes } from '../../ports/block-store-contract.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { until } from '../../tools/until.ts';

const opened: FileStore[] = [];

function take(result: ReturnType<typeof openFileStore>): FileStore {
  if (!result.ok) throw new Error(result.problem.message);
  opened.push(result.store);
  return result.store;
}

async function close(store: FileStore): Promise<void> {
  let closed = false;
  store.close(() => {
    closed = true;
  });
  await until(() => closed);
}

describe('file store', () => {
  const folder = temporaryFolder();

  afterEach(async () => {
    for (const store of opened.splice(0)) await close(store);
  });

  const files = (...sizes: number[]) =>
    sizes.map((sizeBytes, index) => ({ path: join(folder(), `part${index}`), sizeBytes }));

  for (const [name, sizes, slowCallMs] of [
    ['of one file', [storeBytes], 10_000],
    ['of one file, through the thread pool', [storeBytes], -1],
    ['of an array of files', [5000, 4096, 10_000, storeBytes - 19_096], 10_000],
    ['of an array of files, through the thread pool', [5000, storeBytes - 5000], -1],
  ] as const)
    describeBlockStoreContract(name, () => ({
      open: () => take(createFileStore(files(...sizes), { slowCallMs })),
      until: (condition) => until(condition),
    }));

  it('creates sparse files, and the part that is reserved takes its space at once', () => {
    const [file] = files(64 * 1024 * 1024);
    if (file === undefined) throw new Error('no file');
    take(createFileStore([file], { reserveBytes: 1024 * 1024 }));
    const { size, blocks } = statSync(file.path);
    expect(size).to.equal(file.sizeBytes);
    expect(blocks * 512).to.be.at.most(2 * 1024 * 1024);
  });

  it('keeps what was written when it is opened again', async () => {
    const first = take(createFileStore(files(4096, 8192)));
    let written = false;
    first.write(4000, [Buffer.from('over the border between two files'.repeat(5))], () => {
      written = true;
    });
    await until(() => written);
    await close(first);
    const second = take(openFileStore(files(0, 0).map(({ path }) => path)));
    expect(second.sizeBytes).to.equal(12_288);
    const into = Buffer.alloc(33);
    let read = false;
    second.read(4000 + 33, into, () => {
      read = true;
    });
    await until(() => read);
    expect(into.toString()).to.equal('over the border between two files');
  });

  it('says what is wrong: missing, existing, empty', () => {
    const [file] = files(4096);
    if (file === undefined) throw new Error('no file');
    const missing = openFileStore([file.path]);
    expect(missing).to.have.nested.property('problem.kind', 'missing');
    writeFileSync(file.path, '');
    expect(openFileStore([file.path])).to.have.nested.property('problem.kind', 'too-small');
    const existing = createFileStore([file]);
    expect(existing).to.have.nested.property('problem.kind', 'exists');
    expect(readFileSync(file.path, 'utf8')).to.equal('');
  });

  it('leaves nothing behind when one of several files cannot be created', () => {
    const [first, second] = files(4096, 4096);
    if (first === undefined || second === undefined) throw new Error('no file');
    writeFileSync(second.path, 'precious');
    expect(createFileStore([first, second]).ok).to.equal(false);
    expect(existsSync(first.path)).to.equal(false);
    expect(readFileSync(second.path, 'utf8')).to.equal('precious');
  });

  it('is refused while somebody has it open, and says who', async () => {
    const store = take(createFileStore(files(4096)));
    const paths = files(4096).map(({ path }) => path);
    const again = openFileStore(paths);
    expect(again).to.have.nested.property('problem.kind', 'locked');
    if (!again.ok && process.platform === 'linux')
      expect(again.problem.message).to.contain(`process ${process.pid}`);
    await close(store);
    take(openFileStore(paths));
  });

  it('is free again once the process that had it open was killed', async () => {
    const [file] = files(4096);
    if (file === undefined) throw new Error('no file');
    const module = new URL('../../../cluster/stores/open-file-store.js', import.meta.url).href;
    const script = `import { createFileStore } from '${module}';
      const opened = createFileStore([{ path: ${JSON.stringify(file.path)}, sizeBytes: 4096 }]);
      console.log(opened.ok); setInterval(() => {}, 1000);`;
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script]);
    try {
      let said = '';
      child.stdout?.on('data', (data) => {
        said += data;
      });
      await until(() => said !== '', 'the other process to open the file');
      expect(said).to.equal('true\n');
      expect(openFileStore([file.path])).to.have.nested.property('problem.kind', 'locked');
    } finally {
      child.kill('SIGKILL');
    }
    await until(() => child.signalCode !== null, 'the other process to be gone');
    take(openFileStore([file.path]));
  });

  describe('asked for several syncs at once', () => {
    type Ended = (error: Error | null) => void;

    /** A store of a file whose syncs end when the test says so; who was told what, by name. */
    function held() {
      const running: Ended[] = [];
      const told: string[] = [];
      const [file] = files(8192);
      if (file === undefined) throw new Error('no file');
      const { path } = file;
      const fd = openSync(path, 'w+');
      ftruncateSync(fd, 8192);
      const segment = { fd, path, startBytes: 0, lengthBytes: 8192 };
      let syncs = 0;
      const store = new FileStore([segment], slowCallMsDefault, (_, done) => {
        syncs++;
        running.push(done);
      });
      opened.push(store);
      const flush = (name: string) =>
        store.flush((error) => told.push(error === null ? name : `${name} ${error.kind}`));
      return { store, running, told, flush, syncs: () => syncs };
    }

    it('runs one at a time, and who asks meanwhile shares the next', async () => {
      const { running, told, flush, syncs } = held();
      for (const name of ['a', 'b', 'c']) flush(name);
      expect(syncs()).to.equal(1);
      running.shift()?.(null);
      expect(syncs(), 'the next begins at once').to.equal(2);
      await until(() => told.length > 0);
      expect(told).to.deep.equal(['a']);
      flush('d');
      expect(syncs()).to.equal(2);
      running.shift()?.(null);
      running.shift()?.(null);
      await until(() => told.length === 4);
      expect(told).to.deep.equal(['a', 'b', 'c', 'd']);
      expect(syncs()).to.equal(3);
    });

    it('takes a failure, of which the system tells one of them, for everybody’s, now and later', async () => {
      const { store, running, told, flush } = held();
      for (const name of ['a', 'b', 'c']) flush(name);
      running.shift()?.(new Error('EIO'));
      while (running.length > 0) running.shift()?.(null);
      await until(() => told.length === 3);
      flush('d');
      store.read(0, new Uint8Array(1), (error) => told.push(`read ${error?.kind}`));
      await until(() => told.length === 5);
      expect(told).to.deep.equal([
        'a sync-failed',
        'b sync-failed',
        'c sync-failed',
        'd sync-failed',
        'read sync-failed',
      ]);
    });
  });

  it('reports a file that was truncated behind its back as a failure of the medium', async () => {
    const store = take(createFileStore(files(8192)));
    truncateSync(files(8192)[0]?.path ?? '', 4096);
    let detail = '';
    store.read(2048, new Uint8Array(4096), (error) => {
      detail = error === null ? 'no error' : `${error.kind}: ${error.detail}`;
    });
    await until(() => detail !== '');
    expect(detail).to.match(/^media: .*part0 ends before byte 4096/);
  });
});
