/** Handshakes as clients may write them: mostly ones that lead somewhere, with every option, right and wrong. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { writeUint32 } from '../../../protocols/nbd/big-endian.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { encodeOption } from '../../../protocols/nbd/handshake.ts';
import {
  encodeInfoRequest,
  encodeMetaContextRequest,
  encodeString,
} from '../../../protocols/nbd/options.ts';
import { exportNames, limits } from './ground.ts';

const noBytes = new Uint8Array(0);
const options = [
  nbd.NBD_OPT_EXPORT_NAME,
  nbd.NBD_OPT_ABORT,
  nbd.NBD_OPT_LIST,
  nbd.NBD_OPT_STARTTLS,
  nbd.NBD_OPT_INFO,
  nbd.NBD_OPT_INFO,
  nbd.NBD_OPT_GO,
  nbd.NBD_OPT_STRUCTURED_REPLY,
  nbd.NBD_OPT_LIST_META_CONTEXT,
  nbd.NBD_OPT_LIST_META_CONTEXT,
  nbd.NBD_OPT_SET_META_CONTEXT,
  nbd.NBD_OPT_SET_META_CONTEXT,
];
const strangeOptions = [0, 4, 11, 12, 0x7fffffff, 0xffffffff];
const strangeNames = ['nowhere', '\0', 'x'.repeat(5000), '\u{1f4be}', '../memory', 'MEMORY'];
const strangeQueries = ['base:', '', 'x', 'qemu:dirty-bitmap:a', 'base:allocation2', '\0'];
const usualFlags = nbd.NBD_FLAG_C_FIXED_NEWSTYLE | nbd.NBD_FLAG_C_NO_ZEROES;

/** The messages of a client that mostly gets into transmission. */
export function usualHandshake(random: SeededRandom): Uint8Array[] {
  const messages = [clientFlags(random.chance(800_000) ? usualFlags : random.integer(4))];
  const exportName = random.chance(900_000) ? random.pick(exportNames) : '';
  if (random.chance(600_000)) messages.push(encodeOption(nbd.NBD_OPT_STRUCTURED_REPLY, noBytes));
  if (random.chance(400_000)) {
    const queries = [nbd.NBD_META_CONTEXT_BASE_ALLOCATION];
    const data = encodeMetaContextRequest({ exportName, queries });
    messages.push(encodeOption(nbd.NBD_OPT_SET_META_CONTEXT, data));
  }
  while (random.chance(200_000)) messages.push(anyOption(random));
  messages.push(
    random.chance(150_000)
      ? encodeOption(nbd.NBD_OPT_EXPORT_NAME, encodeString(exportName))
      : encodeOption(nbd.NBD_OPT_GO, infoData(random, exportName)),
  );
  return messages;
}

/** The messages of a client that tries everything. */
export function strangeHandshake(random: SeededRandom): Uint8Array[] {
  const flags = random.chance(900_000) ? random.integer(4) : random.word();
  const messages = [clientFlags(flags)];
  const count = random.integer(random.chance(100_000) ? 2 * limits.optionsMax : 8);
  for (let index = 0; index < count; index++) messages.push(anyOption(random));
  return messages;
}

function clientFlags(flags: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, flags);
  return bytes;
}

function anyOption(random: SeededRandom): Uint8Array {
  const option = random.chance(900_000) ? random.pick(options) : random.pick(strangeOptions);
  const kind = random.integer(20);
  const data =
    kind < 14 ? dataOf(option, random) : dataOf(kind < 18 ? random.pick(options) : -1, random);
  const bytes = encodeOption(option, data);
  // A length that is not the data's: too short, too long, longer than any server allows.
  if (random.chance(40_000)) writeUint32(bytes, 12, random.integer(data.length + 20));
  if (random.chance(10_000)) writeUint32(bytes, 12, limits.optionBytesMax + random.word() / 2);
  return bytes;
}

/** What belongs into the option; anything for one that nobody knows. */
function dataOf(option: number, random: SeededRandom): Uint8Array {
  switch (option) {
    case nbd.NBD_OPT_EXPORT_NAME:
      return encodeString(anyName(random));
    case nbd.NBD_OPT_INFO:
    case nbd.NBD_OPT_GO:
      return infoData(random, anyName(random));
    case nbd.NBD_OPT_LIST_META_CONTEXT:
    case nbd.NBD_OPT_SET_META_CONTEXT: {
      const queries = Array.from({ length: random.integer(4) }, () => anyQuery(random));
      return encodeMetaContextRequest({ exportName: anyName(random), queries });
    }
    case nbd.NBD_OPT_ABORT:
    case nbd.NBD_OPT_LIST:
    case nbd.NBD_OPT_STARTTLS:
    case nbd.NBD_OPT_STRUCTURED_REPLY:
      return noBytes;
    default:
      return randomBytes(random, random.integer(48));
  }
}

function infoData(random: SeededRandom, exportName: string): Uint8Array {
  const count = random.chance(500_000) ? random.integer(5) : 0;
  const information = Array.from({ length: count }, () => random.integer(6));
  return encodeInfoRequest({ exportName, information });
}

function anyName(random: SeededRandom): string {
  return random.chance(800_000) ? random.pick(exportNames) : random.pick(strangeNames);
}

function anyQuery(random: SeededRandom): string {
  return random.chance(600_000)
    ? nbd.NBD_META_CONTEXT_BASE_ALLOCATION
    : random.pick(strangeQueries);
}

export function randomBytes(random: SeededRandom, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  for (let at = 0; at < lengthBytes; at++) bytes[at] = random.word();
  return bytes;
}
