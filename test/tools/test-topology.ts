/** Topologies for tests on real processes: the shipped ones under a name and at addresses of their own. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { defaultTopologyFile } from '../../cluster/topology-file.ts';

export interface TestTopology {
  readonly file: string;
  readonly cluster: string;
  readonly port: number;
  /** Of the volume `vol0`, on the first host that exports it. */
  readonly uri: string;
}

export interface TestTopologyOptions {
  /** Which of the shipped ones; the default one when left out. */
  readonly shipped?: 'default' | 'two-tier' | 'two-fabrics';
  /** Where the disks keep their data; as shipped when left out. */
  readonly store?: 'file' | 'memory';
  /** How much of its frames' ways a host chooses; all of it when left out. */
  readonly route?: 'firstHop';
  /** A port that the test chose; a free one when left out. */
  readonly port?: number;
  /** Left out: a name that no other test has. */
  readonly cluster?: string;
  /** What else a test wants to be different. */
  readonly changed?: (text: string) => string;
}

/** Writes the topology into a folder. */
export async function writeTestTopology(
  folder: string,
  options: TestTopologyOptions = {},
): Promise<TestTopology> {
  const port = options.port ?? (await freePort());
  const cluster = options.cluster ?? `test-${randomBytes(4).toString('hex')}`;
  const shipped = join(dirname(defaultTopologyFile), `${options.shipped ?? 'default'}.yaml`);
  let text = readFileSync(shipped, 'utf8');
  text = replaced(text, /^cluster: .*$/m, `cluster: ${cluster}`);
  const [first, ...others] = new Set(text.match(/nbd:\/\/127\.0\.0\.1:\d+/g));
  if (first === undefined) throw new Error(`${shipped} exports nothing`);
  text = text.replaceAll(first, `nbd://127.0.0.1:${port}`);
  for (const other of others) text = text.replaceAll(other, `nbd://127.0.0.1:${await freePort()}`);
  if (options.store !== undefined) {
    text = replaced(text, /store: \w+/g, `store: ${options.store}`);
  }
  if (options.route !== undefined) {
    text = replaced(text, /^ {2}path: \w+$/m, `  path: hops\n  route: ${options.route}`);
  }
  const file = join(folder, `${cluster}.yaml`);
  writeFileSync(file, options.changed?.(text) ?? text);
  return { file, cluster, port, uri: `nbd://127.0.0.1:${port}/vol0` };
}

/** The text with what the pattern finds in it replaced. @throws Error when it finds nothing. */
export function replaced(text: string, pattern: RegExp, by: string): string {
  if (text.search(pattern) < 0) {
    throw new Error(`the shipped topology has nothing like ${pattern}`);
  }
  return text.replace(pattern, by);
}

/** A port of the loopback address at which nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
