import { expect } from 'chai';
import { MemoryStore } from '../../../cluster/stores/memory-store.ts';
import { describeBlockStoreContract, storeBytes } from '../../ports/block-store-contract.ts';
import { until } from '../../tools/until.ts';

describeBlockStoreContract('in memory, for real', () => ({
  open: () => new MemoryStore(storeBytes),
  until: (condition) => until(condition),
}));

describe('memory store of the cluster', () => {
  it('takes memory only for what was written', async () => {
    const store = new MemoryStore(2 ** 40);
    let isWritten = false;
    store.write(2 ** 39, [new Uint8Array(4096)], () => {
      isWritten = true;
    });
    await until(() => isWritten);
    expect(store.residentBytes).to.equal(64 * 1024);
  });

  it('delivers the results of the others when one callback throws', async () => {
    const store = new MemoryStore(storeBytes);
    const listeners = process.listeners('uncaughtException');
    const errors: unknown[] = [];
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => errors.push(error));
    try {
      let ended = 0;
      store.flush(() => {
        throw new Error('a bug');
      });
      store.flush(() => {
        ended += 1;
      });
      await until(() => ended === 1);
      expect(String(errors[0])).to.equal('Error: a bug');
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});
