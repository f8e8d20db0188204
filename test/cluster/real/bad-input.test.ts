import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { toolFor } from '../../tools/fetch-tool.ts';
import { ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import { type RunningCluster, sanctorProgram } from '../../tools/running-cluster.ts';
import { freePort, replaced, writeTestTopology } from '../../tools/test-topology.ts';
import { TestClient } from '../nbd/test-client.ts';
import { placeOf } from './history-load.ts';

/** What is changed in the default topology, and what must be said about it, with its line. */
type BadTopology = readonly [string, RegExp, string, RegExp];

const badTopologies: readonly BadTopology[] = [
  [
    'a disk that is missing',
    /- mirror: \[d3, d4\]/,
    '- mirror: [d3, d9]',
    /\.yaml:\d+:\d+: volumes\[0\]\.layout\.stripe\.of\[1\]\.mirror\[1\]: there is no disk d9; there are d1, d2/,
  ],
  [
    'a link from a switch to itself',
    /- \[s1, s2\]/,
    '- [s1, s1]',
    /\.yaml:\d+:\d+: links\[4\]: a link from s1 to itself/,
  ],
  [
    'two disks over one file',
    /(\{ id: d1, [^}]*) \}\n *- (\{ id: d2, [^}]*) \}/,
    '$1, files: [/x] }\n  - $2, files: [/x] }',
    /\.yaml:\d+:\d+: disks\[1\]\.files\[0\]: \/x is a file of disk d1 already/,
  ],
  [
    'a disk that holds two mirrors of a set',
    /mirror: \[d1, d2\]/,
    'mirror: [d1, d1]',
    /\.yaml:\d+:\d+: volumes\[0\].*disk d1 already holds another mirror of this set/,
  ],
  [
    'more on a disk than fits',
    /size: 896MiB/,
    'size: 1GiB',
    /\.yaml:\d+:\d+: disks\[0\]\.size: volumes need 512MiB of disk d1, which can give/,
  ],
  [
    'a size that does not divide',
    /size: 896MiB/,
    'size: 65600KiB',
    /\.yaml:\d+:\d+: .*65600KiB do not divide into rows of 2 strips of 64KiB; the nearest sizes that do/,
  ],
  [
    'an unknown key',
    /attach: exclusive/,
    'attach: exclusive\n        color: red',
    /\.yaml:\d+:\d+: hosts\[0\]\.exports\[0\]\.color: unknown key; allowed are/,
  ],
  [
    'an unknown volume',
    /volume: vol0/,
    'volume: vol9',
    /\.yaml:\d+:\d+: hosts\[0\]\.exports\[0\]\.volume: there is no volume vol9; there are vol0/,
  ],
  ['no YAML', /^cluster:/m, 'cluster: [', /\.yaml:\d+:\d+: not YAML/],
];

describe('sanctor up', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();

  /** Runs it with what it must refuse; everything that it says. */
  async function refusal(options: Parameters<ClusterPlace['launch']>[0]): Promise<string> {
    const cluster = await place().launch(options);
    expect(await cluster.ended()).to.equal(1);
    expect(cluster.output)
      .to.match(/^sanctor: /m)
      .and.to.not.match(/^ready|^ +at /m);
    return cluster.output;
  }

  for (const [what, pattern, by, says] of badTopologies) {
    it(`refuses a topology with ${what}, names the line, and starts nothing`, async () => {
      const changed = (text: string) => replaced(text, pattern, by);
      const topology = await writeTestTopology(place().folder, { changed });
      const said = await refusal({ topology });
      expect(said).to.match(says).and.to.contain('the topology cannot be used');
      expect(said).to.not.contain('NATS server');
    });
  }

  it('refuses a topology file that is not there', async () => {
    const topology = { ...place().topology, file: join(place().folder, 'none.yaml') };
    expect(await refusal({ topology })).to.match(/none\.yaml.*cannot be read: ENOENT/);
  });

  it('says that no NATS server answers where --nats points', async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    const said = await refusal({ words: ['--nats', url] });
    expect(said).to.contain(`no NATS server answers at ${url}`);
    expect(said).to.contain('start one, or name another with --nats');
  });

  describe('with a NATS server that is too old', () => {
    let server: Server;
    let url = '';
    const sockets = new Set<Socket>();
    beforeEach(async () => {
      server = createServer((socket) => greetAsOldServer(socket, sockets));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      url = `nats://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    });
    afterEach(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });

    it('refuses one that --nats names', async () => {
      const said = await refusal({ words: ['--nats', url] });
      expect(said).to.contain(`the NATS server at ${url} is version 2.1.0`);
      expect(said).to.match(/needs 2\.9\.0 or newer: replace it, or leave --nats out/);
    });

    it('refuses one that is installed, and so does doctor', async () => {
      const path = join(place().folder, 'bin', 'nats-server');
      await mkdir(join(place().folder, 'bin'));
      await writeFile(path, "#!/bin/sh\necho 'nats-server: v2.1.0'\n");
      await chmod(path, 0o755);
      const variables = { SANCTOR_NATS_SERVER: path };
      const says = `${path} is version 2.1.0; Sanctor needs 2.9.0 or newer`;
      expect(await refusal({ variables })).to.contain(says);
      const environment = { ...process.env, ...variables };
      const doctor = await runTool({ command: process.execPath, environment }, [
        sanctorProgram,
        'doctor',
      ]);
      expect(doctor.code).to.equal(1);
      expect(doctor.output)
        .to.match(/^fail {2}NATS server: /m)
        .and.to.contain(says);
    });
  });
});

describe('what a running cluster is asked for in vain', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  before(async () => {
    place = await ClusterPlace.open();
    cluster = await place.start();
  });
  after(() => place?.close());

  const asked: readonly (readonly [string, readonly string[], () => string])[] = [
    [
      'another cluster',
      ['status', '--cluster', 'none'],
      () => `running: ${place.topology.cluster}`,
    ],
    ['an unknown volume', ['compare', 'vol9'], () => 'there is no volume vol9; there are: vol0'],
    ['an unknown command', ['destroy'], () => "unknown command 'destroy'"],
  ];
  for (const [what, words, says] of asked) {
    it(`${what}: sanctor ${words.join(' ')} says what there is`, async () => {
      const { code, output, errors } = await cluster.trySanctor(...words);
      expect(code).to.equal(1);
      expect(errors).to.contain(says());
      expect(output).to.equal('');
    });
  }

  it('an unknown export: an NBD client is told what there is', async function () {
    const uri = place.uri.replace('vol0', 'vol9');
    const client = await TestClient.connect(placeOf(uri).at);
    const refused = await client.go('vol9').catch((error: Error) => error.message);
    client.close();
    expect(refused).to.equal('no export "vol9"; there is "vol0"');
    const nbdinfo = await toolFor(this, 'nbdinfo');
    const { code, errors } = await runTool(nbdinfo, [uri]);
    expect(code).to.not.equal(0);
    expect(errors).to.contain('vol9');
  });

  it('the same cluster once more: up says that it runs, and where', async () => {
    const { code, errors } = await cluster.trySanctor('up', place.topology.file);
    expect(code).to.equal(1);
    expect(errors).to.contain(`cluster ${place.topology.cluster} runs already (process `);
    expect(errors).to.contain('stop it with `sanctor down`');
  });

  it('nothing of that disturbs it, and it is found no more when it has stopped', async () => {
    expect((await cluster.status()).ready).to.equal(true);
    expect(await cluster.stop()).to.equal(0);
    const { code, errors } = await cluster.trySanctor('status');
    expect(code).to.equal(1);
    expect(errors).to.contain('no cluster runs here for this user; start one with: sanctor up');
  });
});

/** Talks like a NATS server as far as a client's first ping goes. */
function greetAsOldServer(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  const info = { server_id: 'OLD', version: '2.1.0', proto: 1, host: '127.0.0.1', port: 4222 };
  socket.on('error', () => {});
  socket.write(`INFO ${JSON.stringify({ ...info, headers: true, max_payload: 1_048_576 })}\r\n`);
  socket.on('data', (data) => {
    if (data.includes('PING\r\n')) socket.write('PONG\r\n');
  });
}
