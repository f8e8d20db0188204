import { ftruncateSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describeBlockStoreContract, storeBytes } from '../ports/block-store-contract.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';
import { VolatileFileStore } from './volatile-file-store.ts';

describe('a file store with a volatile write cache', () => {
  const folder = temporaryFolder();
  const path = () => join(folder(), 'store');
  const opened: VolatileFileStore[] = [];

  function open(): VolatileFileStore {
    const fd = openSync(path(), 'w+');
    ftruncateSync(fd, storeBytes);
    const segment = { fd, path: path(), startBytes: 0, lengthBytes: storeBytes };
    const store = new VolatileFileStore([segment]);
    opened.push(store);
    return store;
  }

  afterEach(async () => {
    for (const store of opened.splice(0))
      await new Promise<void>((resolve) => store.close(resolve));
  });

  describeBlockStoreContract('with a volatile write cache', () => ({
    open,
    until: (condition) => until(condition),
  }));

  it('has in its file what was flushed, and nothing that was written since', async () => {
    const store = open();
    let done = 0;
    const count = () => {
      done += 1;
    };
    store.write(0, [Buffer.alloc(4096, 1)], count);
    store.write(4096, [Buffer.alloc(4096, 2)], count);
    await until(() => done === 2);
    expect(readFileSync(path()).every((byte) => byte === 0)).to.equal(true);
    store.flush(count);
    await until(() => done === 3);
    store.write(4096, [Buffer.alloc(4096, 3)], count);
    const seen = Buffer.alloc(8192);
    store.read(0, seen, count);
    await until(() => done === 5);
    const filled = (...values: number[]) =>
      Buffer.concat(values.map((value) => Buffer.alloc(4096, value)));
    expect(seen.equals(filled(1, 3)), 'a reader sees what is cached').to.equal(true);
    expect(readFileSync(path()).subarray(0, 8192).equals(filled(1, 2))).to.equal(true);
  });
});
