/** What stands in the way of a NATS server that is about to start: a taken port, a data folder in use. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { runCommand } from '../run-command.ts';

const answerTimeoutMs = 1_000;

/** The first line that whoever listens on a port of this machine says ('' when nothing); null when nobody listens. */
export function greetingOf(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (greeting: string | null): void => {
      socket.destroy();
      resolve(greeting);
    };
    socket.setTimeout(answerTimeoutMs, () => finish(''));
    socket.once('error', () => finish(null));
    socket.once('data', (data) => finish(data.toString('utf8').split('\r\n')[0] ?? ''));
    socket.once('end', () => finish(''));
  });
}

/** Why a NATS server cannot have this port, and what to do; null when it can. */
export async function portConflict(port: number): Promise<string | null> {
  const greeting = await greetingOf(port);
  if (greeting === null) return null;
  const isNats = greeting.startsWith('INFO ');
  const who = isNats ? `a NATS server (${nameIn(greeting)})` : 'another program';
  const orUse = isNats ? `, or use that server with --nats nats://127.0.0.1:${port}` : '';
  return (
    `port ${port} of 127.0.0.1 is taken by ${who}. Stop it (\`ss -ltnp 'sport = :${port}'\` tells its process id), ` +
    `or choose another port, or leave the port out to get a free one${orUse}.`
  );
}

function nameIn(greeting: string): string {
  const name = /"server_name":"([^"]*)"/.exec(greeting)?.[1] ?? 'unnamed';
  const version = /"version":"([^"]*)"/.exec(greeting)?.[1] ?? 'unknown';
  return `${name}, version ${version}`;
}

/**
 * Why a server cannot have this data folder; null when it can. Goes by the process id that a server leaves there.
 * Another program may have got a crashed server's id since: only one that runs with this configuration counts.
 */
export async function folderConflict(folder: string, configFile: string): Promise<string | null> {
  const id = (await readFile(join(folder, 'nats-server.pid'), 'utf8').catch(() => '')).trim();
  if (!/^\d+$/.test(id) || !(await commandLineOf(id)).includes(configFile)) return null;
  return (
    `the data folder ${folder} is used by another NATS server, process ${id}. ` +
    'Stop that one first, or choose another folder.'
  );
}

async function commandLineOf(processId: string): Promise<string> {
  if (process.platform === 'linux') {
    return readFile(`/proc/${processId}/cmdline`, 'utf8').catch(() => '');
  }
  const answer = await runCommand('ps', ['-o', 'args=', '-p', processId], {
    timeoutMs: answerTimeoutMs,
  });
  return answer.output;
}
