/** Requests as clients may write them: every command, every flag, ranges around every edge. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { requestHeaderBytes, writeRequest } from '../../../protocols/nbd/transmission.ts';
import { blockBytes } from '../../../protocols/units.ts';
import { ioBytesMax, limits, sizeBytes } from './ground.ts';

const commands = [
  nbd.NBD_CMD_READ,
  nbd.NBD_CMD_READ,
  nbd.NBD_CMD_READ,
  nbd.NBD_CMD_WRITE,
  nbd.NBD_CMD_WRITE,
  nbd.NBD_CMD_WRITE,
  nbd.NBD_CMD_FLUSH,
  nbd.NBD_CMD_TRIM,
  nbd.NBD_CMD_CACHE,
  nbd.NBD_CMD_WRITE_ZEROES,
  nbd.NBD_CMD_BLOCK_STATUS,
];
const flagsOf = new Map<number, readonly number[]>([
  [nbd.NBD_CMD_READ, [nbd.NBD_CMD_FLAG_DF, nbd.NBD_CMD_FLAG_FUA]],
  [nbd.NBD_CMD_WRITE_ZEROES, [nbd.NBD_CMD_FLAG_NO_HOLE, nbd.NBD_CMD_FLAG_FAST_ZERO]],
  [nbd.NBD_CMD_BLOCK_STATUS, [nbd.NBD_CMD_FLAG_REQ_ONE]],
]);
const edges = [0, 1, blockBytes, ioBytesMax, sizeBytes, 2 ** 31, 2 ** 32, 2 ** 53];
/** How many cookies a session uses: few enough to meet twice now and then. */
const cookies = 24;

/** The messages of one request: its header and, behind a WRITE, its payload. */
export function anyRequest(random: SeededRandom): Uint8Array[] {
  const strange = random.chance(20_000);
  const command = strange ? random.integer(0x10000) : random.pick(commands);
  if (random.chance(10_000)) return [encoded(random, nbd.NBD_CMD_DISC, 0, 0, 0)];
  const isFlush = command === nbd.NBD_CMD_FLUSH && random.chance(900_000);
  const [offset, lengthBytes] = isFlush ? [0, 0] : anyRange(random, command);
  const header = encoded(random, command, anyFlags(random, command), offset, lengthBytes);
  if (command !== nbd.NBD_CMD_WRITE) return [header];
  return lengthBytes > 2 * limits.skippedPayloadBytesMax
    ? [header]
    : [header, payload(random, lengthBytes)];
}

function encoded(
  random: SeededRandom,
  command: number,
  flags: number,
  offset: number,
  lengthBytes: number,
): Uint8Array {
  const bytes = new Uint8Array(requestHeaderBytes);
  const [cookieHigh, cookieLow] = [random.integer(2) * 0xffffffff, random.integer(cookies)];
  writeRequest(bytes, 0, { command, flags, cookieHigh, cookieLow, offset, lengthBytes });
  return bytes;
}

function anyFlags(random: SeededRandom, command: number): number {
  const kind = random.integer(20);
  if (kind < 12) return 0;
  if (kind < 15) return nbd.NBD_CMD_FLAG_FUA;
  if (kind < 18) return random.pick(flagsOf.get(command) ?? [nbd.NBD_CMD_FLAG_FUA]);
  return kind === 18 ? random.integer(32) : random.integer(0x10000);
}

/** Offset and length: mostly inside and short, often at an edge, seldom absurd. */
function anyRange(random: SeededRandom, command: number): readonly [number, number] {
  const kind = random.integer(20);
  if (kind < 9) return [random.integer(sizeBytes - 600), 1 + random.integer(512)];
  if (kind < 12) {
    const block = random.integer(sizeBytes / blockBytes - 2);
    return [block * blockBytes, (1 + random.integer(2)) * blockBytes];
  }
  if (kind < 14) return [sizeBytes - random.integer(600), random.integer(900)];
  if (kind < 15) return [random.integer(sizeBytes), 0];
  if (kind < 18) {
    const offset = Math.max(0, random.pick(edges) + random.integer(3) - 1);
    return [offset, random.integer(700)];
  }
  if (kind < 19) return [random.integer(sizeBytes / 2), random.integer(2 * ioBytesMax)];
  const isWrite = command === nbd.NBD_CMD_WRITE;
  return [random.integer(sizeBytes), isWrite ? random.integer(70_000) : random.word()];
}

function payload(random: SeededRandom, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes).fill(random.integer(256));
  // Different at both ends, so that bytes that go astray are seen.
  for (let at = 0; at < Math.min(8, lengthBytes); at++) {
    bytes[at] = random.word();
    bytes[lengthBytes - 1 - at] = random.word();
  }
  return bytes;
}
