import { expect } from 'chai';
import { readFailoverArguments } from './failover-main.ts';

describe('the words of the failover benchmark', () => {
  it('mean 20 injections of each kind on the default cluster when left out', () => {
    const { scale, json } = readFailoverArguments([]);
    expect(scale).to.include({ topology: 'default', injections: 20 });
    expect(scale.only).to.include.members(['link', 'hba', 'killed', 'silent']);
    expect(json).to.equal(undefined);
  });

  it('can ask for the long form, for another cluster, for some kinds, and for a file', () => {
    expect(readFailoverArguments(['--long']).scale.injections).to.equal(200);
    const words = [
      '--long',
      '--injections',
      '3',
      '--topology',
      'two-tier',
      '--only',
      'link,silent',
    ];
    const { scale, json } = readFailoverArguments([...words, '--json', 'numbers.json']);
    expect(scale).to.include({ topology: 'two-tier', injections: 3 });
    expect(scale.only).to.deep.equal(['link', 'silent']);
    expect(json).to.equal('numbers.json');
  });

  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['--injections', '0'], /--injections 0: a whole number/],
    [['--injections', 'many'], /--injections many/],
    [['--rest', '-1'], /--rest/],
    [['--topology', 'ring'], /--topology ring: there is default, two-tier/],
    [['--only', 'link,flood'], /--only flood: there is .*silent/],
  ];
  it('are refused when they make no sense', () => {
    for (const [words, says] of refused)
      expect(() => readFailoverArguments(words), words.join(' ')).to.throw(says);
  });
});
