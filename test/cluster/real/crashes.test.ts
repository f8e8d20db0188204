/** The short form of `proof:crashes`. */
import { expect } from 'chai';
import { type CrashStepOptions, crashStep } from '../../proofs/crash-step.ts';
import { shortCrashSteps } from '../../proofs/crashes.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { realTestTimeoutMs } from '../../tools/real-clusters.ts';

describe('SIGKILL for many processes at one moment, round after round,', function () {
  this.timeout(realTestTimeoutMs * 2);

  async function expectNothingLost(step: CrashStepOptions): Promise<void> {
    const { problems, said } = await crashStep(step);
    console.log(`      ${said}`);
    expect(problems, said).to.deep.equal([]);
  }

  it('is no error for fio that verifies what it reads, while its hosts are spared', async function () {
    await toolFor(this, 'fio');
    await expectNothingLost(shortCrashSteps.fio);
  });

  it('loses nothing that clients were told was done, hosts and NATS servers and the supervisor among them', () =>
    expectNothingLost(shortCrashSteps.histories));
});
