/** The power fails where marks of hosts matter: they alone say then where mirrors may differ (DESIGN H10, I7). */
import { Operation } from '../../protocols/codes.ts';
import { decodeFrame, FrameKind } from '../../protocols/frames/frame.ts';
import { recordOf } from './media-damage.ts';
import type { Message } from './message.ts';
import { pickNode, type Strike } from './strike.ts';
import type { World } from './world.ts';

const downMsMin = 10;
const downMsMax = 1000;

/** Longer than most writes take, and shorter than any waits. */
const lostMsMin = 100;
const lostMsMax = 1500;

/** Hosts mark regions, and none of their marks arrives anywhere; then the power fails. */
export const powerCutAmidMarks: Strike = ({ world, powerCut: cut }, random) => {
  if (!world.hasPower) return null;
  const lostMs = random.between(lostMsMin, lostMsMax);
  const downMs = random.between(downMsMin, downMsMax);
  const endLoss = world.network.lose(isMark);
  world.clock.setTimeout(() => {
    endLoss();
    cut(downMs);
  }, lostMs);
  return `after ${lostMs.toFixed(0)} ms without marks, for ${downMs.toFixed(0)} ms`;
};

function isMark({ bytes }: Message): boolean {
  const frame = decodeFrame(bytes.data);
  return frame?.kind === FrameKind.request && frame.request.operation === Operation.mark;
}

/** Longer than any volume waits for a disk before it goes on without it. */
const awayMsMin = 2200;
const awayMsMax = 4000;
const lookEveryMs = 20;
/** Until it has been made equal. */
const equalWithinMs = 8000;
const writtenMsMax = 1500;

/** A mirror is away while the others are written, and comes back; then the power fails, soon after all are equal again. */
export const powerCutOnceEqual: Strike = ({ world, crash, later, powerCut: cut }, random) => {
  const node = pickNode(world, random, 'disk');
  const awayMs = random.between(awayMsMin, awayMsMax);
  const writtenMs = random.between(0, writtenMsMax);
  const downMs = random.between(downMsMin, downMsMax);
  if (!world.hasPower || node === null) return null;
  crash(node, awayMs);
  const look = (leftMs: number): void => {
    if (isWhole(world)) later(writtenMs, () => cut(downMs));
    else if (leftMs > 0) later(lookEveryMs, () => look(leftMs - lookEveryMs));
  };
  later(awayMs, () => look(equalWithinMs));
  const what = `${node.node.id} is away for ${awayMs.toFixed(0)} ms`;
  return `for ${downMs.toFixed(0)} ms, ${writtenMs.toFixed(0)} ms after all are equal; ${what}`;
};

/** All mirrors of all volumes are in sync. */
function isWhole({ database, topology }: World): boolean {
  return topology.volumes.every(({ id }) =>
    recordOf(database, id)?.mirrorSets.every(({ mirrors }) =>
      mirrors.every((state) => state === 'in-sync'),
    ),
  );
}
