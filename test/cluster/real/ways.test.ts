/** What hosts leave to switches, on real processes: the way behind the first link, and requests that nobody split. */
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { ControlData } from '../../../protocols/control-data.ts';
import {
  decodeFrame,
  encodeRequest,
  FrameKind,
  isDataIntact,
} from '../../../protocols/frames/frame.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { kibibyte, mebibyte } from '../../../protocols/units.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { digestOf, writeRandomImage } from '../../tools/images.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runToolWell } from '../../tools/run-tool.ts';

describe('hosts that choose the first link only', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ shipped: 'two-tier', route: 'firstHop', store: 'memory' });

  it('are served over two tiers of switches, plain ones among them', async function () {
    const nbdcopy = await toolFor(this, 'nbdcopy');
    const cluster = await place().start();
    const { exports } = await cluster.status();
    const uriOf = (host: string, volume: string) =>
      exports.find((each) => each.host === host && each.volume === volume)?.uri ?? '';
    const [image, back] = [join(place().folder, 'image'), join(place().folder, 'back')];
    const lengthBytes = 8 * mebibyte;
    await writeRandomImage(image, lengthBytes);
    const digest = await digestOf(image, lengthBytes);
    for (const [from, to] of [
      [uriOf('h1', 'vol1'), uriOf('h1', 'vol1')],
      [uriOf('h2', 'vol0'), uriOf('h1', 'vol0')],
    ] as const) {
      await runToolWell(nbdcopy, ['--flush', image, from]);
      await runToolWell(nbdcopy, [to, back]);
      expect(await digestOf(back, lengthBytes)).to.equal(digest);
    }
    await expectEqualMirrors(cluster, 256 * mebibyte);
  });
});

describe('a request that nobody split', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ store: 'memory' });

  it('is serialized by the switch, answered once, and counted', async () => {
    const cluster = await place().start();
    const nats = await connect({ servers: (await cluster.status()).nats.url });
    try {
      const san = new ByHand(nats, place().topology.cluster);
      const overTwoSets = { offset: 60 * kibibyte, lengthBytes: 8 * kibibyte };
      const content = Buffer.alloc(8 * kibibyte, 'by hand ');
      const { data } = await san.ask('virtualizer.v1.control-data', { host: 'h1', volume: 'vol0' });
      const written = await san.send(data, { operation: Operation.write, ...overTwoSets }, content);
      expect(written.reply.outcome.status).to.equal(Status.ok);
      const read = await san.send(data, { operation: Operation.read, ...overTwoSets });
      expect(read.reply.outcome.status).to.equal(Status.ok);
      expect(isDataIntact(read.data, overTwoSets.offset)).to.equal(true);
      expect(Buffer.compare(read.data.bytes, content)).to.equal(0);
      const { facts } = await san.ask('switch.s1.describe', {});
      expect(facts.counters.serializedSpans).to.equal(2);
      await expectEqualMirrors(cluster, 896 * mebibyte);
    } finally {
      await nats.close();
    }
  });
});

/** Speaks to a cluster's actors as an HBA of h1 would. */
class ByHand {
  readonly #nats: NatsConnection;
  readonly #prefix: string;
  #ioNumber = 1000;

  constructor(nats: NatsConnection, cluster: string) {
    this.#nats = nats;
    this.#prefix = `san.v1.${cluster}`;
  }

  /** Asks a command of an actor; `data` is the control data in the answer, `facts` those of the actor. */
  async ask(receiver: string, body: object) {
    const answer = await this.#nats.request(
      `${this.#prefix}.cmd.${receiver}`,
      JSON.stringify(body),
    );
    const { controlData, facts } = answer.json<{
      controlData: ControlData;
      facts: { counters: Record<string, number> };
    }>();
    return { data: controlData, facts };
  }

  /** Sends a request of h1 to switch s1; waits for its answer. */
  async send(control: ControlData, changes: object, content?: Uint8Array) {
    const [attachment] = control.attachments;
    const [partition] = control.partitions;
    if (attachment === undefined || partition === undefined) throw new Error('nobody is attached');
    const ioNumber = this.#ioNumber++;
    const request = {
      flags: 0,
      volume: 'vol0',
      disk: '',
      diskOffset: 0,
      extentGeneration: 0,
      mirrorSet: '',
      generation: control.generation,
      controlEpoch: control.controlEpoch,
      attachEpoch: attachment.attachEpoch,
      eventCount: 0,
      partition: 0,
      partitionEpoch: partition.epoch,
      ownerIncarnation: partition.ownerIncarnation,
      writeNumber: 0,
      lowestUnsettled: 0,
      host: 'h1',
      hostIncarnation: attachment.hostIncarnation,
      ioNumber,
      attempt: 0,
      watermark: 0,
      regionWrites: 0,
      replyKind: 'node',
      replyId: 'by-hand',
      replySlot: ioNumber,
      route: [],
      ...changes,
    } as unknown as Request;
    const answers = this.#nats.subscribe(`${this.#prefix}.rpl.node.by-hand.${ioNumber}`, {
      max: 1,
    });
    const frame = encodeRequest(request, content === undefined ? [] : [content]);
    this.#nats.publish(`${this.#prefix}.io.switch.s1.h1-a-s1`, frame);
    for await (const { data } of answers) {
      const decoded = decodeFrame(data);
      if (decoded?.kind === FrameKind.reply) return decoded;
    }
    throw new Error('no answer came');
  }
}
