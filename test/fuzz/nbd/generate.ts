/** Makes the session that belongs to a seed and a number: always the same one. */
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Status } from '../../../protocols/codes.ts';
import { blockBytes } from '../../../protocols/units.ts';
import { damaged } from './damage.ts';
import { sizeBytes } from './ground.ts';
import { randomBytes, strangeHandshake, usualHandshake } from './handshakes.ts';
import type { Plan, Step } from './plan.ts';
import { anyRequest } from './requests.ts';

const floodRequestsMax = 1200;
const floodMessageBytesMax = 64;
const smallPiecesMax = 48;
const largeBytesMax = 8192;
const statuses = Object.values(Status);

export function generatePlan(seed: string, session: number): Plan {
  const random = new SeededRandom(`${seed}/${session}`);
  const damage: string[] = [];
  let messages = anyMessages(random);
  if (random.chance(300_000)) {
    messages = damaged(messages, random, () => anyMessages(random), damage);
  }
  const steps: Step[] = random.chance(100_000) ? [{ kind: 'stuck' }] : [];
  for (const bytes of anyPieces(messages, random)) {
    steps.push({ kind: 'bytes', bytes });
    while (random.chance(350_000)) steps.push(anyEvent(random));
  }
  for (let left = random.integer(4); left > 0; left--) steps.push(anyEvent(random));
  return { steps, endsWell: random.chance(700_000), damage };
}

/** What a client sends, whole. */
function anyMessages(random: SeededRandom): Uint8Array[] {
  const kind = random.integer(20);
  if (kind === 0) return [randomBytes(random, random.integer(300))];
  const isUsual = kind < 16;
  const messages = isUsual ? usualHandshake(random) : strangeHandshake(random);
  if (isUsual && random.chance(12_000)) return [...messages, ...flood(random)];
  const requests = isUsual ? 1 + random.integer(random.chance(100_000) ? 40 : 9) : 2;
  for (let index = 0; index < requests; index++) messages.push(...anyRequest(random));
  return messages;
}

/** More small requests than anybody should have to answer at once. */
function flood(random: SeededRandom): Uint8Array[] {
  const kinds = Array.from({ length: 4 }, () => anyRequest(random)).filter(isSmall);
  if (kinds.length === 0) return [];
  const count = random.integer(floodRequestsMax);
  const all = Array.from({ length: count }, () => random.pick(kinds));
  return random.chance(500_000) ? all.flat() : [Buffer.concat(all.flat())];
}

function isSmall(request: readonly Uint8Array[]): boolean {
  return request.every((message) => message.length <= floodMessageBytesMax);
}

/** The same bytes in the pieces in which they arrive. */
function anyPieces(messages: readonly Uint8Array[], random: SeededRandom): readonly Uint8Array[] {
  const kind = random.integer(10);
  if (kind < 5) return messages;
  const whole = Buffer.concat(messages);
  if (kind < 7) return [whole];
  // Cut anywhere: for a while into small pieces, the rest into large ones.
  const smallBytesMax = random.pick([2, 8, 40, 400]);
  const smallPieces = random.integer(smallPiecesMax);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < whole.length; ) {
    const pieceBytesMax = pieces.length < smallPieces ? smallBytesMax : largeBytesMax;
    const end = at + 1 + random.integer(pieceBytesMax);
    pieces.push(whole.subarray(at, end));
    at = end;
  }
  return pieces;
}

function anyEvent(random: SeededRandom): Step {
  const kind = random.integer(100);
  if (kind < 55) {
    const status = random.chance(800_000) ? Status.ok : random.pick(statuses);
    return { kind: 'end', which: random.integer(64), status };
  }
  if (kind < 62) return { kind: 'stuck' };
  if (kind < 69) return { kind: 'drain' };
  if (kind < 87) return { kind: 'turn' };
  if (kind < 97) {
    const lengthBytes = 1 + random.integer(random.chance(500_000) ? 64 : 8192);
    const block = random.integer(sizeBytes / blockBytes - 3) * blockBytes;
    const offset = random.chance(500_000)
      ? random.integer(sizeBytes - 8200)
      : Math.max(0, block + random.integer(3) - 1);
    return { kind: 'neighbour', offset, lengthBytes };
  }
  return kind < 99 ? { kind: 'lost' } : { kind: 'stop' };
}
