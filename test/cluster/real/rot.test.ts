/** The short form of `proof:rot`, and rules of verification broken on purpose, which it must notice. */
import { join } from 'node:path';
import { expect } from 'chai';
import { mutatedBuild, type Patch } from '../../tools/mutated-build.ts';
import { realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { type RotData, type RotPlan, rotRound } from '../rot/rot-round.ts';

const plan: RotPlan = {
  inSync: { oneMirror: 18, written: 5, allMirrors: 3 },
  away: { elsewhereGood: 3, lone: 2, gone: 2 },
  metadata: { superblocks: 1, checkpoints: 1, tags: 2, journal: 3 },
};

describe('rot in the files of disks', function () {
  this.timeout(5 * realTestTimeoutMs);
  const folder = temporaryFolder();

  /** What a round finds wrong with a program that breaks a rule. */
  async function foundWrong(patch: Patch): Promise<string> {
    const program = await mutatedBuild(join(folder(), 'broken'), [patch]);
    const { problems } = await rotRound({ name: 'broken', plan, program });
    return problems.join('\n');
  }

  it('is found, repaired where a good copy is, reported where none is, and neither read nor copied', async () => {
    const { problems, said, data } = await rotRound({ name: 'short', plan });
    console.log(`      ${said}`);
    expect(problems, said).to.deep.equal([]);
    expect((data as RotData).corruptions).to.equal(40);
  });

  it('is read by consumers, and noticed to be, if disks do not compare what they read with its checksum', async () => {
    const wrong = await foundWrong({
      file: 'actors/disk/read-operation.js',
      snippet:
        'if (expected === noBytes || checksumOf(this.#blockAt(index)) === expected) continue;',
      replacement: `if (expected !== noBytes) this.#expected[index] = checksumOf(this.#blockAt(index));
        continue;`,
    });
    expect(wrong).to.match(/block \d+ was read as/);
  });

  it('stays where it is, and is noticed to, if a scrub looks at one mirror only', async () => {
    const wrong = await foundWrong({
      file: 'actors/switch/scrub.js',
      snippet: 'answers.some((answer) => hasBlockBit(answer.bytes, index))',
      replacement: 'answers[0] !== undefined && hasBlockBit(answers[0].bytes, index)',
    });
    expect(wrong).to.match(/was not repaired/);
  });
});
