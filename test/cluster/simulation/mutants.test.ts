import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { misfits, mutatedBuild } from '../../tools/mutated-build.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { runMutant } from './mutant-run.ts';
import { type MutantName, mutantNames, mutants } from './mutants.ts';

/** A few of each kind; `npm run proof:mutants -- --long` runs them all. */
const shown: readonly { readonly name: MutantName; readonly verdict: string }[] = [
  { name: 'takesUnsettledForSettled', verdict: 'wrong' },
  { name: 'skipsSettling', verdict: 'wrong' },
  { name: 'sweepsNothing', verdict: 'stuck' },
  { name: 'throwsAtRetries', verdict: 'crashed' },
];

describe('rules that are broken on purpose', () => {
  for (const name of mutantNames)
    it(`${name} is about the program as it is now`, async () => {
      expect(await misfits(mutants[name].patches)).to.deep.equal([]);
    });
});

describe('the simulation notices a program in which', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();

  for (const { name, verdict } of shown)
    it(`${mutants[name].does} (${verdict})`, async () => {
      const result = await runMutant(mutants[name], { seeds: '1..12', minutes: 1, jobs: 2 });
      expect(result.verdict, result.problem).to.equal(verdict);
    });

  it('chance does not come from the seed: its traces differ', async () => {
    const program = await mutatedBuild(join(folder(), 'broken'), [
      {
        file: 'actors/actor.js',
        snippet: '(random.integer(incarnationLimit) + 1)',
        replacement: 'Math.floor(Math.random() * incarnationLimit) + 1',
      },
    ]);
    const traces = await Promise.all(
      ['first', 'second'].map(async (name) => {
        const file = join(folder(), name);
        const words = ['sim', '--seed', '7', '--minutes', '0.05', '--trace', file];
        await promisify(execFile)(process.execPath, [program, ...words]);
        return readFile(file, 'utf8');
      }),
    );
    expect(traces[0]).to.not.equal(traces[1]);
  });

  it('a snippet that is not there is an error, not a mutant that survives', async () => {
    const patches = [{ file: 'actors/hba/hba.js', snippet: 'is not there', replacement: '' }];
    let message = '';
    try {
      await runMutant({ does: 'nothing', patches }, { seeds: '1..1', minutes: 0.1, jobs: 1 });
    } catch (error) {
      message = String(error);
    }
    expect(message).to.include('holds 0 times, not once');
  });
});
