/** Breaks the messages of a session as bad memory, bad clients and bad intentions do. */
import type { SeededRandom } from '../../../cluster/simulation/random.ts';

/** Notes in `kinds` what it did; `another` gives the messages of another session. */
export function damaged(
  messages: Uint8Array[],
  random: SeededRandom,
  another: () => Uint8Array[],
  kinds: string[],
): Uint8Array[] {
  const result = [...messages];
  for (let left = 1 + random.integer(3); left > 0; left--) {
    const at = random.integer(Math.max(1, result.length));
    const message = result[at] ?? new Uint8Array(0);
    const place = random.integer(message.length + 1);
    const kind = damageKinds[random.integer(damageKinds.length)] ?? 'flip';
    kinds.push(kind);
    switch (kind) {
      case 'flip':
        result[at] = flipped(message, random);
        break;
      case 'overwrite':
        result[at] = overwritten(message, random);
        break;
      case 'cut short':
        result[at] = message.subarray(0, place);
        break;
      case 'lose the beginning':
        result[at] = message.subarray(place);
        break;
      case 'repeat':
        result.splice(random.integer(result.length + 1), 0, message);
        break;
      case 'swap':
        result[at] = result[at + 1] ?? message;
        if (at + 1 < result.length) result[at + 1] = message;
        break;
      case 'splice': {
        const other = another();
        result.splice(at, result.length, ...other.slice(random.integer(other.length)));
        break;
      }
      case 'end early':
        result.length = at;
        break;
    }
  }
  return result;
}

export const damageKinds = [
  'flip',
  'overwrite',
  'cut short',
  'lose the beginning',
  'repeat',
  'swap',
  'splice',
  'end early',
] as const;

/** One bit changed, mostly near the beginning, where the headers are. */
function flipped(message: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = Uint8Array.from(message);
  const at = random.integer(Math.max(1, Math.min(bytes.length, 48)));
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(8));
  return bytes;
}

/** Some bytes set to values that numbers break at. */
function overwritten(message: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = Uint8Array.from(message);
  const at = random.integer(bytes.length + 1);
  bytes.fill(random.pick([0, 0x7f, 0x80, 0xff, 1]), at, at + 1 + random.integer(8));
  return bytes;
}
