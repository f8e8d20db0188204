/** What the command line says when something is not as it should be: which thing, and what to do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageFile } from '../../../cluster/package-root.ts';
import { defaultTopologyFile } from '../../../cluster/topology-file.ts';
import { runSanctor } from '../../tools/sanctor.ts';

const twoFabrics = packageFile('cluster', 'topologies', 'two-fabrics.yaml');

describe('a command that cannot be carried out', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sanctor-test-'));
    await writeFile(join(folder, 'broken.yaml'), 'cluster: c\ndisks: [{ id: d1 }]\n');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const node = ['node', 'd1', '--data', '.', '--topology', defaultTopologyFile];
  const server = ['--fabric', 'n1=nats://127.0.0.1:1'];
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ...['status', 'watch', 'down'].map(
      (name) => [`${name} without a cluster`, [name], /no cluster runs here.*sanctor up/] as const,
    ),
    ['compare without a cluster', ['compare', 'vol0'], /no cluster runs here.*sanctor up/],
    [
      'status of a cluster that does not run',
      ['status', '--cluster', 'other'],
      /cluster other does not run here for this user; running: none.*sanctor up/,
    ],
    ['up with a file that is not there', ['up', 'none.yaml'], /none\.yaml/],
    [
      'up with a topology that is wrong',
      ['up', 'FOLDER/broken.yaml'],
      /the topology cannot be used:\n.*broken\.yaml.*disk/s,
    ],
    [
      'up with one server for several fabrics',
      ['up', twoFabrics, '--nats', 'nats://127.0.0.1:1'],
      /--nats names one server, but the topology has the fabrics n1, n2, c1: name the server of each with --fabric n1=URL/,
    ],
    [
      'up with a server for a fabric that is not there',
      ['up', '--fabric', 'n1=nats://127.0.0.1:1', '--fabric', 'n9=nats://127.0.0.1:1', twoFabrics],
      /--fabric n9: there is no such fabric; there are n1, n2, c1/,
    ],
    [
      'up with a server of one fabric that is not there',
      ['up', '--fabric', 'n2=nats://127.0.0.1:1', twoFabrics],
      /no NATS server answers at nats:\/\/127\.0\.0\.1:1/,
    ],
    [
      'a node that the topology does not have',
      ['node', 'd9', ...node.slice(2), ...server],
      /no node d9; there are .*d1/,
    ],
    [
      'a node that is not told where its fabric is',
      [...node, '--fabric', 'n2=nats://127.0.0.1:1'],
      /not told where fabric n1 is: give --fabric n1=URL/,
    ],
    ['a fabric without a URL', [...node, '--fabric', 'n1'], /--fabric n1: expected NAME=URL/],
    [
      'bench of something else',
      ['bench', 'tapes'],
      /there is no benchmark tapes; there are limits/,
    ],
    ['a command that does not exist', ['stat'], /unknown command 'stat'.*\n.*status/],
  ];
  for (const [what, words, message] of cases)
    it(`${what}: says what and what to do`, async () => {
      const replaced = words.map((word) => word.replace('FOLDER', folder));
      const environment = { ...process.env, SANCTOR_RUN_DIR: folder };
      const { code, output, errors } = await runSanctor(replaced, '', environment);
      expect(code, errors).to.equal(1);
      expect(output).to.equal('');
      expect(errors)
        .to.match(message)
        .and.to.not.match(/^ +at /m);
    });
});

describe('sanctor doctor', function () {
  this.timeout(60_000);

  it('says of each part of the machine how it is, as text and as JSON', async () => {
    const text = await runSanctor(['doctor']);
    const { code, output } = await runSanctor(['doctor', '--json']);
    const { findings } = JSON.parse(output) as {
      findings: { name: string; state: string; detail: string; remedy: string }[];
    };
    expect(findings.map(({ name }) => name)).to.include.members(['Node.js', 'NATS server']);
    expect(code).to.equal(findings.some(({ state }) => state === 'fail') ? 1 : 0);
    for (const { name, state } of findings) {
      expect(state).to.match(/^(ok|warn|fail)$/);
      expect(text.output).to.contain(`${name}: `);
    }
  });
});
