/** Who may use a volume, as users and intruders meet it on real processes (DESIGN H11, I14, V3). */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import { Operation, type Status, statusName } from '../../../protocols/codes.ts';
import { decodeFrame, encodeRequest, FrameKind } from '../../../protocols/frames/frame.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { digestOf, writeRandomImage } from '../../tools/images.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool, runToolWell } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { replaced } from '../../tools/test-topology.ts';
import { until } from '../../tools/until.ts';

const mebibyte = 1024 * 1024;
const imageBytes = 8 * mebibyte;
const made = (name: string, ...more: string[]) => [
  'volume',
  'create',
  name,
  '--size',
  '8MiB',
  '--layout',
  '{mirror: [d1, d2]}',
  ...more,
];

/** What tests read of `sanctor volume show --json`. */
interface Shown {
  readonly generation: number;
  readonly controlEpoch: number;
  readonly partitions: readonly {
    coordinator: string;
    epoch: number;
    ownerIncarnation: number;
  }[];
  readonly mirrorSets: readonly { set: string; eventCount: number }[];
  readonly attachments: readonly { host: string; hostIncarnation: number; attachEpoch: number }[];
  readonly exports: readonly { host: string; uri: string; problem: string }[];
}

describe('volumes among several hosts', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let connection: NatsConnection;
  let nbdinfo: Tool;
  let nbdcopy: Tool;
  before(async function () {
    nbdinfo = await toolFor(this, 'nbdinfo');
    nbdcopy = await toolFor(this, 'nbdcopy');
    place = await ClusterPlace.open({ shipped: 'two-tier' });
    cluster = await place.start();
    connection = await connect({ servers: (await cluster.status()).nats.url });
  });
  after(async () => {
    await connection?.close();
    await place?.close();
  });

  const show = async (volume: string) =>
    JSON.parse(await cluster.sanctor('volume', 'show', volume, '--json')) as Shown;

  /** Gives an actor a command, as anybody could who reaches the NATS server. */
  async function command(to: string, body: object): Promise<Record<string, unknown>> {
    const subject = `san.v1.${place.topology.cluster}.cmd.${to}`;
    const answer = await connection.request(subject, JSON.stringify(body), { timeout: 5000 });
    return answer.json();
  }

  it('are made with all that can be asked for, which their clients find', async () => {
    const socket = join(place.folder, 'ro.sock');
    const coordinators = '{map: consecutive, bounds: [4MiB], switches: [s1, s2]}';
    const asked = ['--attach', 'shared', '--export', 'h1,h2', '--read-only'];
    const more = ['--logical-block', '4096', '--coordinators', coordinators];
    const listen = ['--listen', `h1=unix:${socket}`];
    const said = await cluster.sanctor(...made('ro', ...asked, ...more, ...listen));
    const { exports, partitions } = await show('ro');
    expect(exports.map(({ uri }) => uri)).to.deep.equal([
      `nbd+unix:///ro?socket=${socket}`,
      exports[1]?.uri,
    ]);
    for (const { uri } of exports) {
      expect(said).to.contain(uri);
      const { exports: found } = JSON.parse(await runToolWell(nbdinfo, ['--json', uri])) as {
        exports: readonly Record<string, unknown>[];
      };
      expect(found[0]).to.include({
        is_read_only: true,
        'export-size': 8 * mebibyte,
        block_size_minimum: 4096,
      });
      const image = join(place.folder, 'image');
      await writeRandomImage(image, mebibyte);
      expect((await runTool(nbdcopy, [image, uri])).code, 'a write').to.not.equal(0);
    }
    expect(partitions.map(({ coordinator }) => coordinator)).to.deep.equal(['s1', 's2']);
  });

  it('are made for nobody yet, or for fewer hosts than may use them', async () => {
    expect(await cluster.sanctor(...made('none', '--export', 'none'))).to.contain(
      'volume none is made; no host exports it',
    );
    expect((await show('none')).exports).to.be.empty;
    await cluster.sanctor(...made('one', '--export', 'h1', '--hosts', 'h1,h2'));
    expect((await show('one')).exports.map(({ host }) => host)).to.deep.equal(['h1']);
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      'no host',
      [],
      /say which hosts export it: --export h1, or several, or none \(there are h1, h2/,
    ],
    [
      'one address for two',
      ['--export', 'h1,h2', '--listen', 'nbd://127.0.0.1:0'],
      /for which host/,
    ],
    [
      'an address of a host that does not export it',
      ['--export', 'h1', '--listen', 'h2=nbd://127.0.0.1:0'],
      /host h2 does not export the volume/,
    ],
    [
      'two hosts that want it for themselves',
      ['--export', 'h1,h2'],
      /exports\[1\]\.attach: host h1 attaches bad exclusively; say shared for both/,
    ],
    [
      'a host that may not use it',
      ['--export', 'h2', '--hosts', 'h1'],
      /exports\[0\]\.volume: volume bad is for h1, not for h2/,
    ],
  ];
  for (const [what, words, says] of refused)
    it(`are not made for ${what}`, async () => {
      const { code, errors } = await cluster.trySanctor(...made('bad', ...words));
      expect(code).to.equal(1);
      expect(errors).to.match(says);
      expect(await cluster.sanctor('volume', 'list')).to.not.contain('bad');
    });

  it('are refused to every other host that asks, whatever it asks for, with who holds them', async () => {
    const { attachments } = await show('vol0');
    const h2 = attachments.find(({ host }) => host === 'h2');
    const request = { host: 'h2', hostIncarnation: h2?.hostIncarnation, readOnly: false };
    const ask = async (volume: string, mode: string) => {
      const body = { ...request, volume, mode };
      const answer = await command('virtualizer.v1.attach', body);
      return answer.reason === 'inactive' ? command('virtualizer.v2.attach', body) : answer;
    };
    for (const mode of ['exclusive', 'shared'])
      expect(await ask('one', mode), mode).to.deep.include({
        ok: false,
        message:
          'volume one is attached exclusively by host h1; detach it there first, or attach it shared everywhere',
      });
    const masked = await ask('vol1', 'exclusive');
    expect(masked.ok).to.equal(false);
    expect(masked.message).to.contain('host h2 may not use volume vol1');
  });

  it('take no write of who is masked, nor of who has lost them, at a switch or at a disk', async () => {
    const shown = await show('vol1');
    const statuses: string[] = [];
    const { cluster: name } = place.topology;
    connection.subscribe(`san.v1.${name}.rpl.hba.forger.*`, {
      callback: (_, { data }) => {
        const frame = decodeFrame(data);
        if (frame?.kind === FrameKind.reply)
          statuses.push(statusName(frame.reply.outcome.status as Status));
      },
    });
    const data = [new Uint8Array(4096).fill(0xbd)];
    const own = requestOf(shown);
    const toDisk = { ...own, disk: 'd3', diskOffset: 256 * mebibyte, extentGeneration: 1 };
    const forged: readonly (readonly [string, object, string])[] = [
      ['switch.s1.h1-a-s1', { ...own, attachEpoch: own.attachEpoch - 1 }, 'fenced'],
      ['switch.s1.h1-a-s1', { ...own, partitionEpoch: own.partitionEpoch - 1 }, 'fenced'],
      ['switch.s1.h2-a-s1', { ...own, host: 'h2' }, 'masked'],
      ['disk.d3.s3-d3', { ...toDisk, partitionEpoch: own.partitionEpoch - 1 }, 'fenced'],
      ['disk.d3.s3-d3', { ...toDisk, attachEpoch: own.attachEpoch - 1 }, 'fenced'],
    ];
    for (const [to, request, status] of forged) {
      statuses.length = 0;
      connection.publish(`san.v1.${name}.io.${to}`, encodeRequest(request as Request, data));
      await connection.flush();
      await until(() => statuses.length > 0, `an answer of ${to}`);
      expect(statuses, `${to} ${JSON.stringify(request)}`).to.deep.equal([status]);
    }
    const back = join(place.folder, 'back');
    await runToolWell(nbdcopy, [shown.exports[0]?.uri ?? '', back]);
    const bytes = await readFile(back);
    expect(bytes.subarray(0, mebibyte).equals(Buffer.alloc(mebibyte))).to.equal(true);
    expect(await cluster.sanctor('compare', 'vol1')).to.contain('the mirrors are identical');
  });

  it('go to another host, with all their data, when the topology says so', async () => {
    const [before] = (await show('vol1')).exports;
    const image = join(place.folder, 'image');
    await writeRandomImage(image, imageBytes);
    await runToolWell(nbdcopy, ['--flush', image, before?.uri ?? '']);
    await connection.close();
    expect(await cluster.stop()).to.equal(0);
    const { file } = place.topology;
    const text = await readFile(file, 'utf8');
    const [line = ''] = /^ *- \{ volume: vol1, .*\n/m.exec(text) ?? [];
    const [uri = ''] = /nbd:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
    const [ofH2 = ''] =
      /hbas: \[h2-a, h2-b\][\s\S]*?nbd:\/\/127\.0\.0\.1:\d+ \}\n/.exec(text) ?? [];
    const [uriOfH2 = ''] = /nbd:\/\/127\.0\.0\.1:\d+/.exec(ofH2) ?? [];
    const moved = text.replace(line, '').replace(ofH2, `${ofH2}${line.replace(uri, uriOfH2)}`);
    await writeFile(file, replaced(moved, /hosts: \[h1\]/, 'hosts: [h1, h2]'));
    cluster = await place.start();
    const shown = await show('vol1');
    expect(shown.attachments.map(({ host }) => host)).to.deep.equal(['h2']);
    const back = join(place.folder, 'back');
    await runToolWell(nbdcopy, [`${uriOfH2}/vol1`, back]);
    expect(await digestOf(back, imageBytes)).to.equal(await digestOf(image, imageBytes));
  });
});

/** A write to the begin of vol1 as its host would make it, but for who waits for the answer. */
function requestOf({ generation, controlEpoch, partitions, mirrorSets, attachments }: Shown) {
  const [partition] = partitions;
  const [set] = mirrorSets;
  const [attachment] = attachments;
  return {
    operation: Operation.write,
    flags: 0,
    volume: 'vol1',
    offset: 0,
    lengthBytes: 4096,
    disk: '',
    diskOffset: 0,
    // None: the switch is to find the disks.
    extentGeneration: 0,
    mirrorSet: set?.set ?? '',
    generation,
    controlEpoch,
    attachEpoch: attachment?.attachEpoch ?? 0,
    eventCount: set?.eventCount ?? 0,
    partition: 0,
    partitionEpoch: partition?.epoch ?? 0,
    ownerIncarnation: partition?.ownerIncarnation ?? 0,
    writeNumber: 0,
    lowestUnsettled: 0,
    host: attachment?.host ?? '',
    hostIncarnation: attachment?.hostIncarnation ?? 0,
    ioNumber: 1_000_000,
    attempt: 0,
    watermark: 0,
    regionWrites: 0,
    replyKind: 'hba',
    replyId: 'forger',
    replySlot: 1,
    route: [],
  };
}
