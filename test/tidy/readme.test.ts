/** What the README names is there: files, npm scripts, commands, actors and subjects. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { defaultTopologyFile, readTopologyFile } from '../../cluster/topology-file.ts';
import { root } from './sources.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const scripts = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  }
).scripts;

/** All that one group of a pattern finds in the README, each once. */
function named(pattern: RegExp): readonly string[] {
  return [...new Set([...readme.matchAll(pattern)].map(([, text = '']) => text))];
}

describe('README', () => {
  it('names only files that are there', () => {
    const files = named(/`((?:protocols|actors|cluster|test)\/[\w./-]*)`/g);
    expect(files).to.not.be.empty;
    expect(files.filter((file) => !existsSync(join(root, file)))).to.deep.equal([]);
  });

  it('names only npm scripts that are there', () => {
    const builtIn = ['ci', 'install'];
    const wanted = named(/npm (?:run )?([\w:-]+)/g).filter((name) => !builtIn.includes(name));
    expect(wanted).to.include.members(['start', 'test']);
    expect(wanted.filter((name) => scripts[name] === undefined)).to.deep.equal([]);
  });

  it('names only commands that the command line has', () => {
    const folder = join(root, 'cluster/cli');
    const program = readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    const commands = named(/`sanctor ([a-z]+)/g);
    expect(commands).to.include.members(['up', 'down', 'status', 'watch', 'sim']);
    expect(commands.filter((name) => !program.includes(`.command('${name}')`))).to.deep.equal([]);
  });

  it('tells the truth about the default topology', () => {
    const read = readTopologyFile(defaultTopologyFile);
    if (!read.ok) throw new Error('the default topology is refused');
    const { topology } = read;
    const actors = topology.nodes.flatMap(({ actors }) => actors.map(({ id }) => id));
    for (const id of ['h1', 'h1-a', 'h1-b', 's1', 's2', 'd1', 'd2', 'd3', 'd4', 'v1'])
      expect(actors).to.include(id);
    expect(topology.nodes.length).to.equal(8);
    const links = topology.links.map(({ id }) => id);
    expect(
      named(/san\.v1\.sanctor\.io\.[a-z]+\.\w+\.([\w-]+)/g).filter(
        (id) => !links.includes(id as never),
      ),
    ).to.deep.equal([]);
  });
});
