/** The short form of `proof:injections`. */
import { expect } from 'chai';
import { injectedTopologies } from '../../proofs/injection-kinds.ts';
import { injectionRound } from '../../proofs/injection-round.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { realTestTimeoutMs } from '../../tools/real-clusters.ts';

describe('a consumer that verifies what it reads', function () {
  this.timeout(realTestTimeoutMs);

  it('sees no error while links, HBAs, switches, disks and the NATS server are struck and healed', async function () {
    await toolFor(this, 'fio');
    const [topology] = injectedTopologies;
    if (topology === undefined) throw new Error('there is no topology');
    const { problems, said, data } = await injectionRound({ topology, round: 0 });
    expect(problems, said).to.deep.equal([]);
    expect(Object.values(data as object), said).to.deep.equal(topology.kinds.map(() => 1));
  });
});
