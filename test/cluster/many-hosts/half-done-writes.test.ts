/**
 * What reads show of writes that not every mirror has yet (DESIGN §6, Reads; I2), through whole actors: nothing that may
 * be gone later. Beside seed 3006: a read is asked for again, and reaches a disk behind a write that came after it.
 */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import {
  type Ended,
  type Plain,
  SimulatedSan,
  smallShippedTopology,
} from '../../tools/simulated-san.ts';

const pageBytes = 4096;
const before = 1;
const after = 2;
/** Long enough for what was lost to be sent again, to the other mirror and back to this one; nobody is missed yet. */
const mirrorLagsMs = 1500;

function twoTier(): SimulatedSan {
  const topology = smallShippedTopology('two-tier.yaml', (plain) => ({
    ...plain,
    volumes: (plain.volumes as Plain[]).map((volume) =>
      volume.id === 'vol0'
        ? { ...volume, size: '6MiB' }
        : {
            ...volume,
            size: '4MiB',
            coordinators: { map: 'consecutive', bounds: ['2MiB'], switches: ['s1', 's3'] },
          },
    ),
  }));
  return new SimulatedSan(topology);
}

describe('a write that one mirror lacks', () => {
  let san: SimulatedSan;
  beforeEach(() => {
    san = twoTier();
    san.watchFrames();
  });
  afterEach(() => expect(san.stopAndCompare()).to.deep.equal([]));

  /** Frames to this disk get lost while `step` is taken. */
  function whileDeaf(disk: string, step: () => Ended): Ended {
    const { cluster, links } = san.world.topology;
    const ends = links.filter((link) => link.ends.some((end) => end === disk));
    const receiver = { kind: 'disk', id: disk as DiskId } as const;
    const subjects = ends.map(({ id }) => subjectsOf(cluster).io(receiver, id));
    for (const subject of subjects) san.world.network.silence(subject);
    const ended = step();
    san.runFor(5);
    for (const subject of subjects) san.world.network.endSilence(subject);
    return ended;
  }

  /** Lets the mirror lag; sees whether the read ends while the write has not. */
  function showsEarly(lagging: string, read: Ended, begin: () => Ended): boolean {
    expect(read.status, 'of the read, which was lost once').to.equal(null);
    const process = san.node(lagging).process;
    process?.pause();
    const write = begin();
    let isEarly = false;
    for (let ms = 0; ms < mirrorLagsMs; ms++) {
      san.runFor(1);
      isEarly ||= read.status === Status.ok && write.status === null && read.bytes[0] === after;
    }
    process?.resume();
    san.finish(read, write);
    return isEarly;
  }

  const askedForReads = (disk: string) =>
    san.frames.filter(
      ({ receiver, request }) => receiver === disk && request.operation === Operation.read,
    ).length;

  it('is not shown by a read of a shared volume that came before it', () => {
    const [h1, h2] = [san.volume('h1', 'vol0'), san.volume('h2', 'vol0')];
    san.finish(san.write(h1, 0, pageBytes, before));
    const read = whileDeaf('d1', () => san.read(h2, 0, pageBytes));
    const early = showsEarly('d3', read, () => san.write(h1, 0, pageBytes, after));
    expect(early).to.equal(false);
    expect(read.bytes).to.deep.equal(Buffer.alloc(pageBytes, before));
  });

  it('is not shown by a read of the host that has the volume for itself before all mirrors have it', () => {
    const h1 = san.volume('h1', 'vol1');
    san.finish(san.write(h1, 0, pageBytes, before), san.read(h1, pageBytes, pageBytes));
    const disk = askedForReads('d3') > 0 ? 'd3' : 'd4';
    const read = whileDeaf(disk, () => san.read(h1, 0, pageBytes));
    const lagging = disk === 'd3' ? 'd4' : 'd3';
    const early = showsEarly(lagging, read, () => san.write(h1, 0, pageBytes, after));
    expect(early).to.equal(false);
    expect(read.bytes).to.deep.equal(Buffer.alloc(pageBytes, after));
    expect(san.hostOf('h1').counters.keptAnswers).to.equal(1);
  });
});
