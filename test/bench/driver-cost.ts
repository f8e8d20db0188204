/**
 * What the optimization driver costs per 4 KiB I/O: a host whose frames are answered at once, by replies made
 * beforehand. There is no NATS and no disk; the codec and the checksums are measured by themselves and taken off.
 *
 * By itself: `node dist/test/bench/driver-cost.js [--seconds 3] [--depth 32]`.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Status } from '../../protocols/codes.ts';
import {
  decodeFrame,
  encodeReply,
  encodeRequest,
  FrameKind,
  isDataIntact,
} from '../../protocols/frames/frame.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { Cancel, Subscriber } from '../../protocols/ports.ts';
import { blockBytes, mebibyte, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import { HostWorld, replyTo } from '../actors/host/host-world.ts';
import { ManualBus } from '../actors/host/manual-bus.ts';

export interface DriverCost {
  readonly operation: 'read' | 'write';
  /** All of it. */
  readonly totalMicroseconds: number;
  /** Making and reading the frames, replies included, and checksums. */
  readonly codecMicroseconds: number;
  readonly driverMicroseconds: number;
}

/** Delivers without looking for who subscribed: an HBA has one subscription. */
class DirectBus extends ManualBus {
  #only: Subscriber | null = null;

  override subscribe(subject: string, subscriber: Subscriber): Cancel {
    this.#only = subscriber;
    return super.subscribe(subject, subscriber);
  }

  override deliver(subject: string, data: Uint8Array): void {
    this.#only?.message(data, subject, '');
  }
}

interface WaitingFrame {
  readonly bus: ManualBus;
  readonly subject: string;
  readonly frame: Uint8Array;
}

const block = new Uint8Array(blockBytes).fill(7);
const spanBlocks = (8 * mebibyte) / blockBytes;

/** Measures one operation for about `seconds`, with `depth` I/Os under way. */
export function measureDriver(
  operation: DriverCost['operation'],
  seconds: number,
  depth: number,
): DriverCost {
  const world = new HostWorld({ newBus: () => new DirectBus() });
  world.serve();
  const waiting: WaitingFrame[] = [];
  let sample: Request | null = null;
  for (const bus of world.io.values())
    bus.onPublish = (_, bytes, subject) => {
      const decoded = decodeFrame(bytes);
      if (decoded?.kind !== FrameKind.request) throw new Error('not a request');
      sample = decoded.request;
      const data = operation === 'read' ? [block] : [];
      waiting.push({ bus, subject, frame: encodeReply(replyTo(decoded.request), data) });
    };
  let ended = 0;
  let next = 0;
  const pieces = [block];
  const begin = () => {
    const offset = unitOf<VolumeOffset>((next++ % spanBlocks) * blockBytes);
    if (operation === 'read') world.driver.read(offset, blockBytes, done);
    else world.driver.write(offset, pieces, false, done);
  };
  const done = (status: number) => {
    if (status !== Status.ok) throw new Error(`an I/O ended with ${status}`);
    ended++;
    begin();
  };
  for (let count = 0; count < depth; count++) begin();
  const run = (milliseconds: number) => {
    const until = performance.now() + milliseconds;
    while (performance.now() < until)
      for (const { bus, subject, frame } of waiting.splice(0)) bus.deliver(subject, frame);
  };
  run(1000);
  ended = 0;
  const startMs = performance.now();
  run(seconds * 1000);
  const totalMicroseconds = ((performance.now() - startMs) * 1000) / ended;
  if (sample === null) throw new Error('nothing was sent');
  const codecMicroseconds = codecCost(sample, operation);
  return {
    operation,
    totalMicroseconds,
    codecMicroseconds,
    driverMicroseconds: totalMicroseconds - codecMicroseconds,
  };
}

/** The frames of one I/O, made and read at both ends. */
function codecCost(request: Request, operation: DriverCost['operation']): number {
  const requestData = operation === 'write' ? [block] : [];
  const replyData = operation === 'read' ? [block] : [];
  const once = () => {
    decodeFrame(encodeRequest(request, requestData));
    const reply = decodeFrame(encodeReply(replyTo(request), replyData));
    if (reply === null || !isDataIntact(reply.data, request.offset)) throw new Error('not intact');
  };
  for (let count = 0; count < 20_000; count++) once();
  const rounds = 100_000;
  const startMs = performance.now();
  for (let count = 0; count < rounds; count++) once();
  return ((performance.now() - startMs) * 1000) / rounds;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3' },
      depth: { type: 'string', default: '32' },
    },
  });
  for (const operation of ['read', 'write'] as const) {
    const cost = measureDriver(operation, Number(values.seconds), Number(values.depth));
    const [total, codec, driver] = [
      cost.totalMicroseconds,
      cost.codecMicroseconds,
      cost.driverMicroseconds,
    ].map((microseconds) => microseconds.toFixed(2));
    console.log(`${operation}: ${driver} µs in the driver (${total} in all, codec ${codec})`);
  }
}
