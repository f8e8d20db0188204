import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { createChildGuard } from '../../cluster/child-guard.ts';
import { isRunning } from '../tools/processes.ts';
import { temporaryFolder } from '../tools/temporary-folder.ts';
import { until } from '../tools/until.ts';

const guardModule = new URL('../../cluster/child-guard.js', import.meta.url).href;

/** A process that starts the commands under a guard, prints their ids, and then lives until it is killed. */
async function startParent(commands: readonly string[]): Promise<{
  parent: ChildProcess;
  childIds: readonly number[];
}> {
  const script = `
    const { createChildGuard } = await import(${JSON.stringify(guardModule)});
    const guard = createChildGuard();
    for (const line of ${JSON.stringify(commands)}) {
      const child = guard.start({ command: 'sh', arguments: ['-c', line], output: 'ignore', errors: 'ignore' });
      console.log(child.pid);
    }
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const childIds: number[] = [];
  for await (const line of createInterface({ input: parent.stdout })) {
    childIds.push(Number(line));
    if (childIds.length === commands.length) break;
  }
  return { parent, childIds };
}

function allGone(processIds: readonly number[]): boolean {
  return !processIds.some(isRunning);
}

describe('child guard', () => {
  const folder = temporaryFolder();

  it('a parent killed with SIGKILL takes its children with it, also paused ones', async () => {
    const { parent, childIds } = await startParent(['sleep 1000', 'sleep 1000']);
    const [, paused] = childIds;
    if (paused === undefined) throw new Error('two children were asked for');
    process.kill(paused, 'SIGSTOP');
    expect(isRunning(paused)).to.equal(true);
    parent.kill('SIGKILL');
    await until(() => allGone(childIds), 'both children have ended');
  });

  it('what a child started ends with it, even when the child itself ignores signals', async () => {
    const file = join(folder(), 'grandchild');
    const { parent, childIds } = await startParent([
      `trap '' TERM INT HUP; sleep 1000 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`,
    ]);
    await until(() => existsSync(file), 'the grandchild has started');
    const grandchild = Number(readFileSync(file, 'utf8'));
    expect(isRunning(grandchild)).to.equal(true);
    parent.kill('SIGKILL');
    await until(() => allGone([...childIds, grandchild]), 'child and grandchild have ended');
  });

  it('a child that ended before its parent is not signalled again', async () => {
    const { parent, childIds } = await startParent(['exit 0', 'sleep 1000']);
    await until(() => allGone(childIds.slice(0, 1)), 'the short child has ended');
    parent.kill('SIGKILL');
    await until(() => allGone(childIds), 'the other child has ended');
  });

  it("a child's exit code, output and id are the command's own", async () => {
    const guard = createChildGuard();
    const child = guard.start({
      command: 'sh',
      arguments: ['-c', 'echo $$ "$WORD"; exit 7'],
      environment: { PATH: process.env.PATH, WORD: 'two words' },
      output: 'pipe',
      errors: 'inherit',
    });
    let said = '';
    child.stdout?.on('data', (data: Buffer) => {
      said += data.toString();
    });
    const [code] = await once(child, 'close');
    guard.close();
    expect(code).to.equal(7);
    expect(said).to.equal(`${child.pid} two words\n`);
  });

  it('a command that does not exist ends with code 127', async () => {
    const guard = createChildGuard();
    const child = guard.start({
      command: '/nonexistent/program',
      arguments: [],
      output: 'ignore',
      errors: 'ignore',
    });
    const [code] = await once(child, 'exit');
    guard.close();
    expect(code).to.equal(127);
  });

  it("Node's message channel passes through to the child", async () => {
    const guard = createChildGuard();
    const child = guard.start({
      command: process.execPath,
      arguments: ['-e', "process.send('ready'); process.once('message', () => process.exit(3))"],
      output: 'ignore',
      errors: 'inherit',
      messages: true,
    });
    const [message] = await once(child, 'message');
    expect(message).to.equal('ready');
    child.send('go');
    const [code] = await once(child, 'exit');
    guard.close();
    expect(code).to.equal(3);
  });
});
