import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { type Lane, runLanes, sumOf } from './lanes.ts';

/** A program that does this. */
function laneOf(name: string, script: string): Lane {
  return { name, words: ['--eval', script] };
}

async function run(...lanes: Lane[]) {
  const output = new PassThrough({ encoding: 'utf8' });
  const results = await runLanes(lanes, output);
  return { results, printed: (output.read() as string | null) ?? '', sum: sumOf(results) };
}

describe('tests in lanes', () => {
  it('run side by side, print one after the other, and are counted together', async () => {
    const slow = laneOf('slow', "setTimeout(() => console.log('1\\n7 passed, 0 failed'), 300)");
    const fast = laneOf('fast', "console.log('2\\n5 passed, 0 failed')");
    const { printed, sum } = await run(slow, fast);
    expect(printed).to.equal('1\n7 passed, 0 failed\n2\n5 passed, 0 failed\n');
    expect(sum).to.deep.equal({ exitCode: 0, line: '12 passed, 0 failed' });
  });

  it('fail together when one of them fails', async () => {
    const bad = laneOf('bad', "console.log('1 passed, 2 failed'); process.exitCode = 2");
    const good = laneOf('good', "console.log('5 passed, 0 failed')");
    expect((await run(bad, good)).sum).to.deep.equal({ exitCode: 2, line: '6 passed, 2 failed' });
  });

  it('tell what failed, apart from all that passed', async () => {
    const said =
      "'  ok\\n\\n  5 passing\\n\\u001b[31m  1 failing\\u001b[0m\\n\\n  1) a disk: lost'";
    const bad = laneOf('bad', `console.log(${said})`);
    const good = laneOf('good', "console.log('  5 passing')");
    const { results } = await run(bad, good);
    expect(results.map(({ failures }) => failures)).to.deep.equal([
      '  1 failing\n\n  1) a disk: lost\n',
      '',
    ]);
  });

  it('come to no sum when one breaks off, even if it says that all is well', async () => {
    const broken = laneOf('broken', 'process.exit(0)');
    const good = laneOf('good', "console.log('5 passed, 0 failed')");
    const { results, sum } = await run(good, broken);
    expect(results[1]).to.deep.equal({ name: 'broken', counts: null, failures: '', exitCode: 0 });
    expect(sum).to.deep.equal({ exitCode: 1, line: '' });
  });

  it('fail when one is killed', async () => {
    const killed = laneOf('killed', "process.kill(process.pid, 'SIGKILL')");
    expect((await run(killed)).sum.exitCode).to.equal(1);
  });
});
