import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { root } from '../tidy/sources.ts';
import { temporaryFolder } from '../tools/temporary-folder.ts';
import { ledgerFile } from './ledger.ts';
import type { Proof, StepOutcome } from './proof.ts';
import { proofs } from './proofs.ts';
import { isProven, reportFromLedger, reportText, runProof } from './run-proof.ts';

describe('a proof', () => {
  const folder = temporaryFolder();
  const said: string[] = [];
  let build = 'this';
  beforeEach(() => {
    build = 'this';
  });
  const options = () => ({
    folder: folder(),
    length: 'short' as const,
    jobs: 1,
    again: false,
    say: (line: string) => said.push(line),
    digest: () => build,
  });

  /** Three steps that note when they are done; what a step gives can be replaced. */
  function threeSteps(outcomes: Record<string, () => StepOutcome> = {}) {
    const ran: string[] = [];
    const proof: Proof = {
      name: 'three',
      shows: 'three steps are done',
      shortForm: [],
      steps: () =>
        ['a', 'b', 'c'].map((id) => ({
          id,
          run: async () => {
            ran.push(id);
            return outcomes[id]?.() ?? { said: 'well', problems: [], data: id };
          },
        })),
      conclude: (results) => ({ problems: [], lines: [results.map(({ data }) => data).join('')] }),
    };
    return { proof, ran };
  }

  it('does all its steps and says what they show together', async () => {
    const { proof, ran } = threeSteps();
    const report = await runProof(proof, options());
    expect(ran).to.deep.equal(['a', 'b', 'c']);
    expect(isProven(report)).to.equal(true);
    expect(reportText(report)).to.match(/^abc\nPROVEN: three \(short\), 3 of 3 steps/);
  });

  it('goes on where it was interrupted, even in the middle of a line', async () => {
    const first = threeSteps();
    await runProof(first.proof, options());
    const file = ledgerFile(folder(), 'three', 'short');
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, `${lines.slice(0, 3).join('\n')}\n`);
    appendFileSync(file, '{"id":"c","prob');
    const second = threeSteps();
    const report = await runProof(second.proof, options());
    expect(second.ran).to.deep.equal(['c']);
    expect(isProven(report)).to.equal(true);
    const third = threeSteps();
    await runProof(third.proof, options());
    expect(third.ran, 'after the interruption').to.deep.equal([]);
  });

  it('takes nothing from another build, and does everything anew when asked to', async () => {
    await runProof(threeSteps().proof, options());
    const again = threeSteps();
    await runProof(again.proof, { ...options(), again: true });
    expect(again.ran).to.have.length(3);
    build = 'other';
    const conclude = () => {
      throw new Error('its steps have another form');
    };
    const stale = reportFromLedger({ ...again.proof, conclude }, options());
    expect(stale && isProven(stale)).to.equal(false);
    const other = threeSteps();
    await runProof(other.proof, options());
    expect(other.ran).to.have.length(3);
    const aside = readFileSync(join(folder(), 'three-short-of-this.jsonl'), 'utf8');
    expect(aside, 'what the first build has shown').to.contain('"id":"c"');
  });

  it('ends when the program is built anew under it', async () => {
    const { proof, ran } = threeSteps({
      b: () => {
        build = 'newer';
        return { said: 'well', problems: [] };
      },
    });
    const failure = await runProof(proof, options()).catch(String);
    expect(failure).to.contain('built anew');
    expect(ran).to.deep.equal(['a', 'b']);
  });

  it('is run by one process at a time; what a dead one has left is no hindrance', async () => {
    const file = ledgerFile(folder(), 'three', 'short');
    const { proof, ran } = threeSteps();
    writeFileSync(`${file}.pid`, `${process.ppid}\n`);
    const failure = await runProof(proof, options()).catch(String);
    expect(failure).to.contain(`process ${process.ppid} runs this proof already`);
    expect(ran).to.be.empty;
    const { pid = 0 } = spawnSync(process.execPath, ['--version']);
    writeFileSync(`${file}.pid`, `${pid}\n`);
    await runProof(proof, options());
    expect(ran).to.have.length(3);
    expect(existsSync(`${file}.pid`), 'afterwards').to.equal(false);
  });

  it('does not try what failed until it succeeds', async () => {
    const failing = { b: () => ({ said: 'badly', problems: ['the mirrors differ'] }) };
    await runProof(threeSteps(failing).proof, options());
    const again = threeSteps();
    const report = await runProof(again.proof, options());
    expect(again.ran).to.be.empty;
    expect(isProven(report)).to.equal(false);
  });

  it('is not proven by a step that throws or has a problem; the others are done all the same', async () => {
    const { proof, ran } = threeSteps({
      a: () => {
        throw new Error('it broke');
      },
      b: () => ({ said: 'badly', problems: ['the mirrors differ'] }),
    });
    const report = await runProof(proof, options());
    expect(ran).to.have.length(3);
    expect(isProven(report)).to.equal(false);
    expect(reportText(report))
      .to.contain('a: Error: it broke')
      .and.contain('b: the mirrors differ')
      .and.contain('NOT PROVEN');
  });

  it('that is not whole draws no conclusion', async () => {
    const { proof } = threeSteps();
    await runProof(proof, options());
    const more: Proof = { ...proof, steps: (by) => [...proof.steps(by), { ...one(), id: 'd' }] };
    const report = reportFromLedger(more, options());
    expect(report?.lines).to.deep.equal([]);
    expect(report && isProven(report)).to.equal(false);
  });

  function one() {
    return { id: 'one', run: async () => ({ said: 'well', problems: [] }) };
  }
});

describe('all proofs', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };

  it('hold every test file that has a long form', () => {
    const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => join('test', file));
    const imported = /^import .*\/proof-length\.ts';$/m;
    const withLongForm = files.filter((file) =>
      imported.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(withLongForm).to.have.length.above(5);
    const held = proofs.flatMap(({ steps }) =>
      steps({ length: 'long', jobs: 1 }).map(({ id }) => id),
    );
    expect(withLongForm.filter((file) => !held.includes(file))).to.be.empty;
  });

  for (const { name, shortForm, steps } of proofs) {
    it(`${name} is one npm script, and has a short form in npm test`, () => {
      expect(scripts[`proof:${name}`]).to.match(new RegExp(`proofs/main\\.js ${name}$`));
      expect(scripts[`preproof:${name}`]).to.equal('npm run build');
      expect(shortForm).to.not.be.empty;
      for (const file of shortForm) {
        expect(existsSync(join(root, file)), file).to.equal(true);
        expect(file).to.match(/^test\/.*\.test\.ts$/);
      }
      const ids = steps({ length: 'long', jobs: 1 }).map(({ id }) => id);
      expect(ids).to.not.be.empty;
      expect(new Set(ids).size, 'steps of the same name').to.equal(ids.length);
    });
  }
});
