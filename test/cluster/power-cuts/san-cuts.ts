/**
 * Cuts the power of a whole SAN behind the entries of its log, starts another one from what is left, and judges what
 * that serves: nothing lost that was flushed, nothing torn, nothing unreadable, one answer to one question, and mirrors
 * that are equal in the end. The config database vouches for what it said: what it has confirmed is durable.
 */
import { valuesOf } from '../../../cluster/history/stamped-sectors.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { SectorImage } from '../../../cluster/simulation/sector-image.ts';
import { stackOf } from '../../../cluster/simulation/trace.ts';
import type { World } from '../../../cluster/simulation/world.ts';
import type { StatusName } from '../../../protocols/codes.ts';
import type { DiskId, VolumeId } from '../../../protocols/ids.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { blockBytes } from '../../../protocols/units.ts';
import { CrashReplay, type Survival, survivals } from '../../tools/crash-replay.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';
import { placeBytes, places } from './consumer.ts';
import { type CutReport, type PointChoice, pointsOf } from './cut-report.ts';
import type { Lie } from './disk-recording.ts';
import { ExpectedSectors, sectorsPerBlock } from './expected-sectors.ts';
import { type DatabaseChange, recordSan, type SanMark } from './san-recording.ts';
import { areInSync, type SanName } from './small-sans.ts';

/** Mirrors take turns. */
const readsOfEach = 3;
/** Of so many SANs one loses its power once more while it starts, and another one when it has served. */
const cutAgainOneOf = 5;
/** Most of what a SAN does until it serves is done within this. */
const startMsMax = 1500;

/** What is left of a SAN. */
interface Remains {
  readonly topology: Topology;
  readonly images: ReadonlyMap<string, SectorImage>;
  readonly database: readonly DatabaseChange[];
}

type Expected = ReadonlyMap<VolumeId, ExpectedSectors>;

/** Ends at the first that is wrong. @param seed of the recording: everything follows from it */
export function cutSan(san: SanName, seed: string, choice: PointChoice, lie?: Lie): CutReport {
  const { topology, log, bases } = recordSan(san, seed, lie);
  const expected = new Map(topology.volumes.map(({ id }) => [id, new ExpectedSectors()]));
  const database: DatabaseChange[] = [];
  const passed = (mark: SanMark): void => {
    if (mark.kind === 'consumer') expected.get(mark.volume)?.take(mark.mark);
    else database.push(mark.change);
  };
  const replay = new CrashReplay(log.entries, bases, passed);
  const done = { recordings: 1, entries: log.entries.length, points: 0, cuts: 0 };
  for (const point of pointsOf(log.entries, choice)) {
    replay.advanceTo(point);
    done.points += 1;
    done.cuts += 1;
    const name = `${san}:${seed}@${point}`;
    const images = imagesOf(replay, [...bases.keys()], new SeededRandom(name));
    const problems = problemsOf({ topology, images, database }, expected, name);
    if (problems.length > 0) return { ...done, failed: [{ name, problems }] };
  }
  return { ...done, failed: [] };
}

/** Often nothing is left anywhere of what was not flushed; mostly each disk has a fate of its own. */
function imagesOf(
  replay: CrashReplay<SanMark>,
  disks: readonly string[],
  random: SeededRandom,
): ReadonlyMap<string, SectorImage> {
  const everywhere = random.pick<Survival | null>(['nothing', 'nothing', 'all', null, null, null]);
  return new Map(
    disks.map((disk) => {
      const survival = everywhere ?? random.pick(survivals);
      return [disk, replay.image(disk, survival, random)];
    }),
  );
}

function problemsOf(remains: Remains, expected: Expected, seed: string): readonly string[] {
  const random = new SeededRandom(seed).fork('again');
  const again = random.integer(cutAgainOneOf);
  try {
    const san = new SimulatedSan(remains.topology, seed, {
      syncsEveryWrite: true,
      prepare: (world) => {
        restore(world, remains);
        if (again === 0) startInVain(world, random.between(0, startMsMax));
      },
    });
    awaitService(san);
    const shown = new ShownBytes();
    const problems = [...shown.problems(san), ...shown.unexpected(expected)];
    if (again === 1) {
      san.world.powerCut();
      san.world.powerOn();
      awaitService(san);
      problems.push(...shown.problems(san));
    }
    san.runUntil('all mirrors are in sync', () => areInSync(san.world));
    return [...problems, ...rotIn(san.world), ...san.stopAndCompare()];
  } catch (error) {
    return [stackOf(error)];
  }
}

/** By processes that run: those of an earlier start do not know that they have ended. */
function awaitService(san: SimulatedSan): void {
  san.runUntil('all volumes serve', () => san.world.isWhole && san.isServing);
}

function startInVain(world: World, ms: number): void {
  world.powerOn();
  world.clock.runFor(ms);
  world.powerCut();
}

function restore({ media, database }: World, remains: Remains): void {
  for (const [disk, image] of remains.images) media.get(disk as DiskId)?.restore(image);
  for (const { key, value, expectedRevision } of remains.database) {
    const { outcome } = database.serveWrite(key, value, expectedRevision);
    if (outcome !== 'written') throw new Error(`${key} cannot be written again: ${outcome}`);
  }
}

/** Nothing rotted: no disk may say so, also where a mirror helped out. */
function rotIn({ coverage }: World): readonly string[] {
  const { codes } = coverage.counts;
  return (['media', 'mirrorRead'] as const satisfies readonly StatusName[])
    .filter((code) => codes[code] !== undefined)
    .map((code) => `${codes[code]} answers were ${code}, and nothing is rotten`);
}

/** What reads gave: the same question must always get the same answer. */
class ShownBytes {
  readonly #shown = new Map<VolumeId, Buffer[]>();

  /** Reads everything through every host, several times. @returns what was something else before, as sentences */
  problems(san: SimulatedSan): readonly string[] {
    const exports = san.world.topology.hosts.flatMap(({ id: host, exports: own }) =>
      own.map(({ volume }) => ({ host, volume })),
    );
    const turns = Array.from({ length: readsOfEach }, () => exports).flat();
    return turns.flatMap(({ host, volume }) => {
      const reads = places.map((at) => san.read(san.volume(host, volume), at, placeBytes));
      san.finish(...reads);
      const bytes = reads.map((read) => read.bytes);
      const before = this.#shown.get(volume) ?? bytes;
      this.#shown.set(volume, before);
      return places
        .filter((_, index) => bytes[index]?.equals(before[index] ?? Buffer.of()) !== true)
        .map((at) => `volume ${volume}, offset ${at}: a read gave something else than one before`);
    });
  }

  /** @returns what must not be there, as sentences */
  unexpected(expected: Expected): readonly string[] {
    return [...this.#shown].flatMap(([volume, shown]) =>
      shown
        .flatMap((bytes, index) => blockProblems(expected.get(volume), places[index] ?? 0, bytes))
        .map((problem) => `volume ${volume}: ${problem}`),
    );
  }
}

function blockProblems(
  expected: ExpectedSectors | undefined,
  at: number,
  bytes: Buffer,
): readonly string[] {
  const starts = Array.from(
    { length: bytes.length / blockBytes },
    (_, index) => index * blockBytes,
  );
  return starts
    .map((start) => {
      const block = (at + start) / blockBytes;
      const values = valuesOf(bytes.subarray(start, start + blockBytes), block * sectorsPerBlock);
      return expected?.problemOf(block, values) ?? 'nobody has such a volume';
    })
    .filter((problem) => problem !== '');
}
