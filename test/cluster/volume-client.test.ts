import { expect } from 'chai';
import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { VolumeClient } from '../../cluster/volume-client.ts';
import { type Answer, refusal } from '../../protocols/commands.ts';
import type { Topology } from '../../protocols/topology.ts';

/** A client of two virtualizers that answer as told; unnamed ones are not asked. */
function clientOf(answers: Readonly<Record<string, Answer>>): VolumeClient {
  const client = {
    ask: ({ id }: { id: string }) => Promise.resolve(answers[id]),
  } as unknown as ClusterClient;
  const virtualizers = [{ id: 'v1' }, { id: 'v2' }];
  return new VolumeClient(client, { virtualizers } as unknown as Topology);
}

describe('the command line asks the virtualizers', () => {
  const done = { ok: true } as const;

  it('one after the other until one decides', async () => {
    for (const reason of ['inactive', 'no-responders', 'timeout'] as const) {
      const client = clientOf({ v1: refusal(reason, 'not v1'), v2: done });
      expect(await client.ask('any')).to.deep.equal(done);
    }
  });

  it('and believes one that decides, also when it says no', async () => {
    for (const reason of ['refused', 'not-ready', 'unknown'] as const) {
      const said = refusal(reason, 'v1 decides');
      expect(await clientOf({ v1: said, v2: done }).ask('any')).to.deep.equal(said);
    }
  });
});
