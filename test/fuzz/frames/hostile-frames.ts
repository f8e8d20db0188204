/** Frames that nobody should send, made from frames that were sent: noise, broken ones, and forged ones with false numbers. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Operation } from '../../../protocols/codes.ts';
import {
  decodeFrame,
  encodeReply,
  encodeRequest,
  FrameKind,
} from '../../../protocols/frames/frame.ts';
import type { Reply } from '../../../protocols/frames/reply.ts';
import { type Request, routeLengthMax } from '../../../protocols/frames/request.ts';
import { blockBytes } from '../../../protocols/units.ts';

/** A message as it was seen. */
export interface SeenMessage {
  readonly subject: string;
  readonly bytes: Uint8Array;
}

export type HostileKind = 'noise' | 'broken' | 'request' | 'reply';

export interface HostileMessage extends SeenMessage {
  readonly kind: HostileKind;
}

const noiseBytesMax = 2000;
const damageMax = 6;
const numbersMax = 2 ** 48;

/** @param seen at least one */
export function hostileMessage(seen: readonly SeenMessage[], random: SeededRandom): HostileMessage {
  const message = random.pick(seen);
  const { subject } = random.chance(800_000) ? message : random.pick(seen);
  const choice = random.integer(10);
  if (choice === 0) return { kind: 'noise', subject, bytes: noise(random) };
  if (choice < 4) return { kind: 'broken', subject, bytes: broken(message.bytes, seen, random) };
  const frame = decodeFrame(message.bytes);
  if (frame === null) return { kind: 'noise', subject, bytes: noise(random) };
  if (frame.kind === FrameKind.reply) {
    const bytes = encodeReply(forgedReply(frame.reply, random), [frame.data.bytes]);
    return { kind: 'reply', subject, bytes };
  }
  const data = frame.data.bytes.length === 0 ? [] : [frame.data.bytes.map((byte) => byte ^ 0x5a)];
  return {
    kind: 'request',
    subject,
    bytes: encodeRequest(forgedRequest(frame.request, random), data),
  };
}

function noise(random: SeededRandom): Uint8Array {
  return Uint8Array.from({ length: random.integer(noiseBytesMax) }, () => random.integer(256));
}

function broken(bytes: Uint8Array, seen: readonly SeenMessage[], random: SeededRandom): Uint8Array {
  const copy = Uint8Array.from(bytes);
  switch (random.integer(4)) {
    case 0:
      return copy.subarray(0, random.integer(copy.length + 1));
    case 1:
      return Buffer.concat([copy, noise(random)]);
    case 2: {
      const cut = random.integer(copy.length + 1);
      return Buffer.concat([copy.subarray(0, cut), random.pick(seen).bytes.subarray(cut)]);
    }
    default:
      for (let times = 1 + random.integer(damageMax); times > 0; times--)
        copy[random.integer(copy.length)] = random.integer(256);
      return copy;
  }
}

/** Well formed, and with at least one number that is not its sender's to use (DESIGN §1). */
function forgedRequest(request: Request, random: SeededRandom): Request {
  const forged: Request = { ...request, route: [...request.route] };
  lie(forged, random);
  const more = random.integer(4);
  for (let times = 0; times < more; times++) vary(forged, random);
  return forged;
}

/** A host is told by its attachment, a coordinator by its epoch; what is for a disk by the extent that it is for. */
function lie(forged: Request, random: SeededRandom): void {
  const isHosts = forged.host !== '' && forged.extentGeneration === 0;
  const lies: readonly (() => void)[] = isHosts
    ? [
        () => change(forged, 'attachEpoch', random),
        () => change(forged, 'hostIncarnation', random),
        () => {
          forged.host = 'nobody' as never;
        },
        () => {
          forged.volume = 'nothing' as never;
        },
      ]
    : [
        // Never 0: that would make a host's own write of it, with nothing false in it.
        () => change(forged, 'extentGeneration', random, 1),
        () => {
          forged.volume = 'nothing' as never;
        },
      ];
  random.pick(lies)();
}

/** Anything else about it. */
function vary(forged: Request, random: SeededRandom): void {
  const variations: readonly (() => void)[] = [
    () => change(forged, 'generation', random),
    () => change(forged, 'partitionEpoch', random),
    () => change(forged, 'ownerIncarnation', random),
    () => change(forged, 'ioNumber', random),
    () => change(forged, 'watermark', random),
    () => change(forged, 'writeNumber', random),
    () => change(forged, 'lowestUnsettled', random),
    () => change(forged, 'eventCount', random),
    () => {
      forged.partition = random.integer(2000);
    },
    () => {
      forged.offset = (random.integer(4096) * blockBytes) as never;
    },
    () => {
      if (forged.operation !== Operation.write) forged.lengthBytes = random.integer(2 ** 26);
    },
    () => {
      forged.route = Array.from(
        { length: random.integer(routeLengthMax + 1) },
        () => random.pick(loopLinks) as never,
      );
    },
    () => {
      forged.replyId = random.pick(['h1-a', 's1', 'd1', 'nobody']);
      forged.replySlot = random.integer(2000);
    },
  ];
  random.pick(variations)();
}

/** Links that lead from a switch to its neighbour and back again. */
const loopLinks = ['s1-s3', 's1-s4', 's2-s4', 's3-d1', 's4-d1', 'nowhere'];

type Numbered = {
  [Field in keyof Request]: Request[Field] extends number ? Field : never;
}[keyof Request];

/** Another number: the next or the one before, or anything. */
function change(forged: Request, field: Numbered, random: SeededRandom, only = 0): void {
  const value: number = forged[field];
  const step = only === 0 ? random.pick([-1, 1]) : only;
  const near = Math.max(value + step, 0);
  const next = only === 0 && random.chance(300_000) ? random.integer(numbersMax) : near;
  (forged as Record<Numbered, number>)[field] = next === value ? value + 1 : next;
}

/** An answer to what was not asked, or not like that. */
function forgedReply(reply: Reply, random: SeededRandom): Reply {
  const forged: Reply = { ...reply };
  switch (random.integer(3)) {
    case 0:
      forged.ioNumber = (reply.ioNumber + 1 + random.integer(1000)) as never;
      break;
    case 1:
      forged.hostIncarnation = (reply.hostIncarnation + 1) as never;
      break;
    default:
      forged.attempt = reply.attempt + 1 + random.integer(5);
  }
  return forged;
}
