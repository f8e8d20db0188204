/** The short form of `proof:crashes`. */
import { join } from 'node:path';
import { expect } from 'chai';
import { crashesOfDisks } from '../../proofs/crash-plans.ts';
import { type CrashStepOptions, crashStep } from '../../proofs/crash-step.ts';
import { shortCrashSteps } from '../../proofs/crashes.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import { realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';

describe('SIGKILL for many processes at one moment, round after round,', function () {
  // Each round waits for processes that stay down for seconds, and other work may share the machine.
  this.timeout(realTestTimeoutMs * 4);
  const folder = temporaryFolder();

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

  it('loses something when disks that start anew overlook the end of their journals, which is noticed', async () => {
    const program = await mutatedBuild(join(folder(), 'broken'), [
      {
        file: 'actors/disk/replay.js',
        snippet: 'if (this.#position + blockBytes > this.#ringEnd) {',
        replacement: `if (this.#position + blockBytes > this.#ringEnd ||
          this.#sequence > this.#checkpoint.durableSequence) {`,
      },
    ]);
    const { problems, said } = await crashStep({
      ...shortCrashSteps.histories,
      kinds: crashesOfDisks,
      rounds: 1,
      launch: { program },
    });
    expect(problems.join('\n'), said).to.match(/sector \d+: /);
  });
});
