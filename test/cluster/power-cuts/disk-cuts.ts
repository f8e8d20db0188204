/** Cuts the power of one disk behind the entries of its log, and has each of its remains opened and judged. */
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { SectorImage } from '../../../cluster/simulation/sector-image.ts';
import { stackOf } from '../../../cluster/simulation/trace.ts';
import { DiskWorld, diskId } from '../../actors/disk/disk-world.ts';
import { CrashReplay, type Survival } from '../../tools/crash-replay.ts';
import { type CutReport, type PointChoice, pointsOf } from './cut-report.ts';
import { ExpectedDisk } from './disk-judge.ts';
import { type Lie, recordDisk } from './disk-recording.ts';

/** Of so many disks that were opened, one goes on: moves all home, loses its power, and must be as it was. */
const goesOnOneOf = 4;
const somesPerPoint = 3;
const whateverIsLeft: readonly Survival[] = [
  'all',
  'nothing',
  ...Array.from({ length: somesPerPoint }, () => 'some' as const),
];

/** Ends at the first that is wrong. @param seed of the recording: everything follows from it */
export function cutDisk(seed: string, choice: PointChoice, lie?: Lie): CutReport {
  const { log, base } = recordDisk(seed, lie);
  const expected = new ExpectedDisk();
  const bases = new Map([[diskId as string, base]]);
  const replay = new CrashReplay(log.entries, bases, (mark) => expected.take(mark));
  const done = { recordings: 1, entries: log.entries.length, points: 0, cuts: 0 };
  for (const point of pointsOf(log.entries, choice)) {
    replay.advanceTo(point);
    done.points += 1;
    const name = `disk:${seed}@${point}`;
    const random = new SeededRandom(name);
    const ways = replay.isCovered(diskId) ? whateverIsLeft.slice(0, 1) : whateverIsLeft;
    for (const survival of ways) {
      done.cuts += 1;
      const problems = problemsOf(replay.image(diskId, survival, random), expected, random);
      if (problems.length > 0) return { ...done, failed: [{ name, problems }] };
    }
  }
  return { ...done, failed: [] };
}

function problemsOf(
  image: SectorImage,
  expected: ExpectedDisk,
  random: SeededRandom,
): readonly string[] {
  const world = new DiskWorld({ seed: random.word() });
  world.medium.restore(image);
  try {
    const opened = world.tryOpen();
    if (!opened.ok) return [`it is refused: ${opened.message}`];
    const problems = expected.problemsOf(world);
    if (problems.length > 0 || random.integer(goesOnOneOf) > 0) return problems;
    const shown = expected.sectors.blocks.map((block) => world.readBlock(block));
    world.checkpoint();
    world.powerCycle();
    const isSame = expected.sectors.blocks.every(
      (block, index) => Buffer.compare(world.readBlock(block), shown[index] ?? Buffer.of()) === 0,
    );
    const again = isSame ? [] : ['what it showed is not there after it has moved it home'];
    return [...again, ...expected.problemsOf(world)];
  } catch (error) {
    return [stackOf(error)];
  }
}
