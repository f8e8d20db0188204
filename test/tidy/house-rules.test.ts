/** The house rules that a machine can see. Formatting, cycles and function length are the linter's (`npm run check`). */
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { root, type Source, sources } from './sources.ts';

const production = ['protocols', 'actors', 'cluster'];
const fileLinesMax = 300;
const testFileLinesMax = 400;

/** Lines of the files that match, as `path:line: text`. */
function findings(files: readonly Source[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
    ),
  );
}

/** Import lines of the files in `folder` that lead into one of the folders `above`. */
function importsInto(folder: string, above: readonly string[]): readonly string[] {
  return findings(
    sources(folder),
    new RegExp(`(from|import)\\s*\\(?'(\\.\\./)+(${above.join('|')})/`),
  );
}

describe('house rules', () => {
  it('imports point down: protocols, then actors, then cluster, then test', () => {
    expect(importsInto('protocols', ['actors', 'cluster', 'test'])).to.deep.equal([]);
    expect(importsInto('actors', ['cluster', 'test'])).to.deep.equal([]);
    expect(importsInto('cluster', ['test'])).to.deep.equal([]);
  });

  it('protocols/ and actors/ touch the world only through ports', () => {
    const pure = sources('protocols', 'actors');
    const modules =
      /from '(node:)?(fs|fs\/promises|net|tls|http|child_process|worker_threads|timers|crypto|os|process)'|from 'nats'/;
    const worldly =
      /\bDate\.now|\bnew Date\b|\bperformance\.|\bMath\.random|(?<![.\w])set(Timeout|Interval|Immediate)\((?!run: )|\bprocess\.|\bqueueMicrotask\(/;
    expect(findings(pure, modules)).to.deep.equal([]);
    expect(findings(pure, worldly)).to.deep.equal([]);
  });

  it('a machine file holds no I/O, no promise and no port', () => {
    const machines = sources('actors').filter(({ path }) =>
      /^actors\/\w+\/.*-machine\.ts$/.test(path),
    );
    expect(machines).to.not.be.empty;
    expect(
      findings(machines, /ports\.ts|\basync\b|\bawait\b|\bPromise\b|fromPromise/),
    ).to.deep.equal([]);
  });

  it('files stay readable in one sitting', () => {
    const tooLong = (files: readonly Source[], linesMax: number) =>
      files
        .filter(({ lines }) => lines.length > linesMax)
        .map(({ path, lines }) => `${path}: ${lines.length}`);
    expect(tooLong(sources(...production), fileLinesMax)).to.deep.equal([]);
    expect(tooLong(sources('test'), testFileLinesMax)).to.deep.equal([]);
  });

  it('nothing is left behind', () => {
    const everything = sources(...production, 'test');
    const marks = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X'].join(''));
    expect(findings(everything, marks)).to.deep.equal([]);
    expect(
      findings(everything, /\b(it|describe)\.(only|skip)\(|@ts-(ignore|nocheck)/),
    ).to.deep.equal([]);
    expect(findings(everything, /^export \* from|^export default/)).to.deep.equal([]);
  });

  it('every file says first what it is for', () => {
    const silent = sources(...production).filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text));
    expect(silent.map(({ path }) => path)).to.deep.equal([]);
  });

  it('there are no barrels and no grab-bags', () => {
    const named = sources(...production).filter(({ path }) =>
      /(^|\/)(index|utils?|helpers?|misc|common)\.ts$/.test(path),
    );
    expect(named.map(({ path }) => path)).to.deep.equal([]);
  });

  it('the top level holds what was agreed and nothing else', () => {
    const agreed = [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'biome.json',
      'LICENSE',
      'README.md',
    ];
    const rooms = [...production, 'test', 'dist', 'node_modules'];
    const strange = readdirSync(root).filter(
      (name) => !name.startsWith('.') && !agreed.includes(name) && !rooms.includes(name),
    );
    expect(strange).to.deep.equal([]);
  });
});
