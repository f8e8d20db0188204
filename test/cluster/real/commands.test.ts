/** The commands that look at a cluster, as a user runs them, on the two-tier topology. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import type { StatusReport } from '../../../cluster/status-report.ts';
import { root } from '../../tidy/sources.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { runFio } from '../../tools/fio.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { ToolResult } from '../../tools/run-tool.ts';
import { runSanctor, sanctorProgram } from '../../tools/sanctor.ts';
import { until, untilAsync } from '../../tools/until.ts';

const mebibyte = 1024 * 1024;
const recoveryTimeoutMs = 60_000;
/** Disks that a host of the two-tier topology can reach, and all its ways to them, both hosts together. */
const reachableDisks = 7;
const ways = 31;

describe('looking at a cluster', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let environment: NodeJS.ProcessEnv;
  let up: ToolResult;
  const watching: ChildProcess[] = [];

  const sanctor = (...words: readonly string[]) => runSanctor(words, '', environment);
  const status = async (): Promise<StatusReport> =>
    JSON.parse((await sanctor('status', '--json')).output) as StatusReport;

  /** Runs `sanctor watch` until the end of the tests; gives what it has printed so far. */
  function watch(...words: readonly string[]): () => string {
    const child = spawn(process.execPath, [sanctorProgram, 'watch', ...words], {
      env: environment,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    watching.push(child);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    return () => output;
  }

  before(async () => {
    place = await ClusterPlace.open({ shipped: 'two-tier', store: 'memory' });
    environment = { ...process.env, SANCTOR_RUN_DIR: join(place.folder, 'run') };
    up = await sanctor('up', place.topology.file, '--data', place.dataFolder, '--detach', '--json');
  });
  after(async () => {
    for (const child of watching) child.kill();
    await sanctor('down');
    await place?.close();
  });

  it('up --detach --json prints the status of the cluster that is ready, and nothing else', async () => {
    expect(up.code, up.errors).to.equal(0);
    const report = JSON.parse(up.output) as StatusReport;
    expect(report).to.include({ cluster: place.topology.cluster, ready: true });
    expect(report.exports.map(({ uri }) => uri)).to.include(place.uri);
    expect(up.errors).to.match(/^ready;/m);
  });

  it('up says of a second one that it runs already, and how to stop it', async () => {
    const { code, errors } = await sanctor('up', place.topology.file);
    expect(code).to.equal(1);
    expect(errors).to.contain(`cluster ${place.topology.cluster} runs already`);
    expect(errors).to.contain('sanctor down');
  });

  it('status shows sizes as people write them, and sums paths up', async () => {
    const { code, output } = await sanctor('status');
    expect(code).to.equal(0);
    expect(output).to.match(/^vol0 +256MiB +serving +\d+ +mirror\(d1, d2, d3\) +3 in-sync$/m);
    expect(output).to.match(/^h1 +\d+ +running +0 +host h1 connected, hba h1-a connected/m);
    expect(output).to.match(/^h1 +d1 +h1-b +h1-b-s2 s2-d1 +usable +\d+ +4 usable$/m);
    const [, paths = ''] = output.split('paths that are taken now');
    expect(paths.trimEnd().split('\n')).to.have.length(2 + reachableDisks);
  });

  it('status --paths shows every path, and --json everything in bytes', async () => {
    const { output } = await sanctor('status', '--paths');
    const [, paths = ''] = output.split('\npaths\n');
    expect(paths.trimEnd().split('\n')).to.have.length(1 + ways);
    const report = await status();
    expect(report.paths).to.have.length(ways);
    expect(report.volumes.map(({ name, size }) => [name, size])).to.deep.equal([
      ['vol0', 256 * mebibyte],
      ['vol1', 64 * mebibyte],
    ]);
  });

  it('decode reads all that travels while a client works', async function () {
    const fio = await toolFor(this, 'fio');
    const connection = await connect({ servers: (await status()).nats.url });
    const dumped: string[] = [];
    for (const plane of ['io', 'rpl'])
      connection.subscribe(`san.v1.${place.topology.cluster}.${plane}.>`, {
        callback: (_, { subject, reply, data }) => {
          const Data = Buffer.from(data).toString('base64');
          dumped.push(`${JSON.stringify({ Subject: subject, Reply: reply ?? '', Data })}\0`);
        },
      });
    const job = { uri: place.uri, rw: 'randrw', blockBytes: 4096, depth: 8 } as const;
    await runFio(fio, { ...job, sizeBytes: 2 * mebibyte });
    await connection.close();
    const { code, output } = await runSanctor(['decode', '--json'], dumped.join(''));
    expect(code).to.equal(0);
    const decoded = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(decoded).to.have.length(dumped.length);
    expect(decoded.filter(({ problem }) => problem !== undefined)).to.deep.equal([]);
    const frames = decoded.filter(({ frame }) => frame !== undefined);
    expect(frames.length).to.be.above(1000);
    expect(frames.filter(({ data }) => data.badPiece !== null)).to.deep.equal([]);
    const text = await runSanctor(['decode'], dumped.join(''));
    expect(text.output).to.match(
      /^io {2}switch s[12] over h\d-[ab]-s\d +request {2}write {2}vol0 /m,
    );
    expect(text.output).to.match(/^rpl hba h1-[ab] slot \d+ +reply {2}read {2}vol0 .* ok /m);
  });

  it('volume move-coordinator moves a partition and gives it back; status says who stands in for whom', async () => {
    const stands = async () =>
      (await status()).coordinators.filter((each) => each.switch !== each.preferred);
    const before = (await status()).coordinators.find(({ volume }) => volume === 'vol0');
    const to = before?.switch === 's1' ? 's2' : 's1';
    const words = ['volume', 'move-coordinator', 'vol0'];
    const moved = await sanctor(...words, '--partition', '0', '--to', to, '--json');
    expect(moved.code, moved.errors).to.equal(0);
    const { partitions } = JSON.parse(moved.output) as { partitions: { coordinator: string }[] };
    expect(partitions[0]?.coordinator).to.equal(to);
    expect(await stands()).to.deep.equal([]);
    const back = await sanctor(...words);
    expect(back.output).to.match(new RegExp(`0 +${String(before?.switch)}`));
    const wrong = await sanctor(...words, '--to', 's9');
    expect(wrong.code).to.equal(1);
    expect(wrong.errors).to.match(/switch s9 cannot coordinate volume vol0; those that can are/);
  });

  it('what README tells users of the nats CLI to ask is answered', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const asked = [...readme.matchAll(/`nats req san\.v1\.sanctor\.(\S+) '([^']*)'/g)];
    expect(asked.length).to.be.above(3);
    const connection = await connect({ servers: (await status()).nats.url });
    const { cluster } = place.topology;
    // One of two decides; the other one says that it stands by.
    const { actors } = await status();
    const deciding = actors.find(
      (actor) => actor.kind === 'virtualizer' && actor.state === 'active',
    );
    for (const [, subject = '', body = ''] of asked) {
      const to = subject.replace('virtualizer.v1', `virtualizer.${deciding?.id}`);
      const answer = await connection.request(`san.v1.${cluster}.${to}`, body, {
        timeout: recoveryTimeoutMs,
      });
      expect(answer.json(), subject).to.not.have.property('ok', false);
    }
    const bucket = await connection.jetstream().views.kv(`san_${cluster}_config`);
    const keys = [...readme.matchAll(/`nats kv (?:get|history) san_sanctor_config (volume\S+)`/g)];
    expect(keys.length).to.be.above(1);
    for (const [, key = ''] of keys)
      expect((await bucket.get(key))?.json(), key).to.include({ volume: 'vol0' });
    await connection.close();
    await sanctor('volume', 'move-coordinator', 'vol0');
  });

  it('failback says that nothing is in reserve, and which hosts there are', async () => {
    const all = await sanctor('failback', '--json');
    expect(JSON.parse(all.output)).to.deep.equal([
      { host: 'h1', links: [], hbas: [] },
      { host: 'h2', links: [], hbas: [] },
    ]);
    expect((await sanctor('failback', 'h9')).errors).to.match(/no host h9; there are h1, h2/);
    expect((await sanctor('failback', 'h1', '--link', 'nope')).errors).to.match(
      /knows no link nope/,
    );
    expect((await sanctor('failback', 'h1', '--hba', 'h2-a')).errors).to.match(/has no HBA h2-a/);
  });

  it('compare says that the mirrors are equal, and which volumes there are', async () => {
    const { code, output } = await sanctor('compare', 'vol1');
    expect(code, output).to.equal(0);
    expect(output).to.match(/^vol1: the mirrors are identical/);
    const json = await sanctor('compare', 'vol0', '--json');
    expect(JSON.parse(json.output)).to.deep.include({ volume: 'vol0', differences: [] });
    const unknown = await sanctor('compare', 'vol9');
    expect(unknown.code).to.equal(1);
    expect(unknown.errors).to.contain('there is no volume vol9; there are: vol0, vol1');
  });

  describe('watch', () => {
    let connection: NatsConnection;
    before(async () => {
      connection = await connect({ servers: (await status()).nats.url });
    });
    after(() => connection?.close());

    /** Tells an event that nobody did, until those who watch have seen it: then they listen. */
    async function untilListening(...outputs: readonly (() => string)[]): Promise<void> {
      const body = { what: 'hark', sequence: 1, incarnation: 1, timeMs: 0 };
      const subject = `san.v1.${place.topology.cluster}.evt.disk.d9.fault`;
      await untilAsync(
        async () => {
          connection.publish(subject, JSON.stringify(body));
          await connection.flush();
          return outputs.every((output) => output().includes('hark'));
        },
        'those who watch',
        recoveryTimeoutMs,
      );
    }

    it('tells the story of a switch that is killed, from its end until another one has taken its place', async () => {
      const text = watch();
      const json = watch('--json');
      await untilListening(text, json);
      const node = (await status()).nodes.find(({ name }) => name === 's1');
      process.kill(Number(node?.pid), 'SIGKILL');
      const isOver = () => /volume vol0 +settling → serving/.test(text());
      await until(isOver, 'the volume to serve again', recoveryTimeoutMs);
      const chapters = [
        /supervisor +exited +node s1 was ended by SIGKILL: switch s1 gone; it is started again/,
        /virtualizer v\d +transition +volume vol0 +serving → gathering\.looking +\(member\.lost\) {2}switch s1/,
        /virtualizer v\d +decision +volume vol0 assembled anew; generation \d+; partition 0 by s2/,
        /virtualizer v\d +transition +volume vol0 +fencing → loading/,
        /switch s2 +settled +volume vol0: mirrors are equal/,
        /virtualizer v\d +transition +volume vol0 +settling → serving/,
      ];
      const places = chapters.map((chapter) => text().search(chapter));
      expect(places, text()).to.deep.equal(places.toSorted((a, b) => a - b));
      expect(places[0], text()).to.be.at.least(0);
      for (const line of text().trimEnd().split('\n'))
        expect(line)
          .to.match(/^\d\d:\d\d:\d\d\.\d{3} {2}\w/)
          .and.to.not.match(/[{}"]/);
      expect(text()).to.not.match(/\bmissed\b/);
      expectNoGaps(json());
    });

    it('says how many events of an actor did not come', async () => {
      const text = watch();
      const json = watch('--json');
      await untilListening(text, json);
      const subject = `san.v1.${place.topology.cluster}.evt.disk.d9.fault`;
      const body = { what: 'the last', sequence: 5, incarnation: 1, timeMs: 0 };
      connection.publish(subject, JSON.stringify(body));
      const isTold = () => [text, json].every((output) => output().includes('the last'));
      await until(isTold, 'the event behind the gap');
      expect(text()).to.match(/disk d9 +missed +3 events were told and did not come\n/);
      expect(json()).to.contain('{"missed":3,"sender":{"kind":"disk","id":"d9"}');
    });
  });

  describe('down', () => {
    it('--json says what was stopped, and then there is nothing to look at', async () => {
      const { code, output } = await sanctor('down', '--json');
      expect(code).to.equal(0);
      expect(JSON.parse(output)).to.include({ cluster: place.topology.cluster, stopped: true });
      const after = await sanctor('status');
      expect(after.code).to.equal(1);
      expect(after.errors).to.contain('no cluster runs here');
    });
  });
});

/** Each actor's events, by process, have numbers that follow each other. */
function expectNoGaps(output: string): void {
  const last = new Map<string, number>();
  for (const line of output.trimEnd().split('\n')) {
    const { subject, sequence, incarnation } = JSON.parse(line) as Record<string, unknown>;
    const [, , , , kind, id] = String(subject).split('.');
    const actor = `${kind} ${id} ${incarnation}`;
    const before = last.get(actor);
    if (before !== undefined && id !== 'd9') expect(sequence, line).to.equal(before + 1);
    last.set(actor, Number(sequence));
  }
  expect(last.size).to.be.above(3);
}
