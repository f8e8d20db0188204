/** The short form of `proof:injections`. */
import { expect } from 'chai';
import { injectedTopologies } from '../../proofs/injection-kinds.ts';
import { injectionRound, type RoundData } from '../../proofs/injection-round.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { realTestTimeoutMs } from '../../tools/real-clusters.ts';

/** What one round takes is enough here: three fabrics are for the long form. */
const here = injectedTopologies.filter(({ shipped }) => shipped !== 'two-fabrics');

describe('consumers that verify what they read', function () {
  this.timeout(realTestTimeoutMs);

  for (const topology of here)
    it(`see no error while links, HBAs, switches, disks and the NATS server are struck and healed, on ${topology.shipped}`, async function () {
      await toolFor(this, 'fio');
      const { problems, said, data } = await injectionRound({ topology, round: 0 });
      expect(problems, said).to.deep.equal([]);
      const counts = Object.values(data as RoundData);
      expect(
        counts.map(({ times }) => times),
        said,
      ).to.deep.equal(topology.kinds.map(() => 1));
      const met = counts.filter((each) => each.met > 0);
      expect(met.length, `met: ${said}`).to.be.at.least(topology.kinds.length / 2);
    });
});
