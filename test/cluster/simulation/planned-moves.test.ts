/** Partitions that come home while consumers go on: on whole actors, in virtual time. */
import { expect } from 'chai';
import { legSilenceMs } from '../../../actors/switch/leg-calls.ts';
import { hostSilenceMs } from '../../../actors/switch/unfinished-writes.ts';
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import { Status } from '../../../protocols/codes.ts';
import type { VolumeId } from '../../../protocols/ids.ts';
import { SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const blockBytes = 4096;
const depth = 8;

/** Keeps so many writes and reads open, each on a block of its own, and notes how late the latest was. */
class Load {
  latestMs = 0;
  ended = 0;
  readonly problems: string[] = [];
  readonly #san: SimulatedSan;
  readonly #thinkMs: number;
  readonly #values = new Map<number, number>();
  #isStopped = false;
  #open = 0;

  constructor(san: SimulatedSan, thinkMs: number) {
    this.#san = san;
    this.#thinkMs = thinkMs;
    for (let place = 0; place < depth; place++) this.#write(place, 1);
  }

  stop(): void {
    this.#isStopped = true;
    this.#san.runUntil('all I/O has ended', () => this.#open === 0);
  }

  /** The pause since it was asked last. */
  takeLatestMs(): number {
    const { latestMs } = this;
    this.latestMs = 0;
    return latestMs;
  }

  #write(place: number, value: number): void {
    const bytes = new Uint8Array(blockBytes).fill(value);
    this.#begin(
      (ended) => this.#volume.write(offsetOf(place), [bytes], false, ended),
      place,
      () => {
        this.#values.set(place, value);
        this.#read(place);
      },
    );
  }

  #read(place: number): void {
    let first: number | undefined;
    this.#begin(
      (ended) =>
        this.#volume.read(offsetOf(place), blockBytes, (status, pieces) => {
          first = pieces[0]?.[0];
          ended(status);
        }),
      place,
      () => {
        const expected = this.#values.get(place) ?? 0;
        if (first !== expected) this.problems.push(`read ${first} where ${expected} was written`);
        this.#write(place, (expected % 250) + 1);
      },
    );
  }

  #begin(begin: (ended: (status: Status) => void) => void, place: number, next: () => void): void {
    if (this.#isStopped) return;
    const { clock } = this.#san.world;
    const begun = clock.now();
    this.#open++;
    begin((status) => {
      this.#open--;
      this.ended++;
      this.latestMs = Math.max(this.latestMs, clock.now() - begun);
      if (status !== Status.ok) this.problems.push(`block ${place} ended with ${status}`);
      clock.setTimeout(next, this.#thinkMs);
    });
  }

  get #volume() {
    return this.#san.volume('h1', 'vol0');
  }
}

/** One block of each MiB, so that both partitions have some. */
function offsetOf(place: number) {
  return (place * 1024 * 1024) as never;
}

function worldUnderLoad(thinkMs: number) {
  const san = new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      policies: { failover: { quarantine: { forSeconds: 12 } } },
      volumes: [
        {
          id: 'vol0',
          size: '16MiB',
          layout: { mirror: ['d1', 'd2'] },
          coordinators: { map: 'modulo', switches: ['s1', 's2'] },
        },
      ],
    })),
  );
  const coordinators = () => {
    const { partitions = [] } = san.hostOf('h1').attachments[0]?.controlData ?? {};
    return partitions.map(({ coordinator }) => coordinator).join(' ');
  };
  return { san, load: new Load(san, thinkMs), coordinators };
}

describe('planned moves of partitions under load', () => {
  it('after a crash of its switch a partition comes home within a second of the dwell time; no I/O fails, none is late', () => {
    const { san, load, coordinators } = worldUnderLoad(20);
    san.runFor(500);
    san.world.crash(san.node('s2'));
    san.runUntil('s1 has taken over', () => coordinators() === 's1 s1');
    san.runUntil('s2 is back', () => san.node('s2').isRunning);
    load.takeLatestMs();
    const back = san.world.clock.now();
    san.runUntil('s2 has its partition again', () => coordinators() === 's1 s2');
    expect(san.world.clock.now() - back).to.be.within(1000, 2500);
    san.runFor(1000);
    expect(load.takeLatestMs(), 'the pause of the planned move').to.be.below(50);
    load.stop();
    expect(load.problems).to.deep.equal([]);
    expect(load.ended).to.be.above(1000);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('a switch that crashes again and again does not get its partitions back each time, and no I/O fails', () => {
    const { san, load, coordinators } = worldUnderLoad(200);
    let returns = 0;
    for (let round = 0; round < 6; round++) {
      san.world.crash(san.node('s2'));
      san.runUntil('s1 has all', () => coordinators() === 's1 s1');
      san.runUntil('s2 is back', () => san.node('s2').isRunning);
      san.runFor(3000);
      if (coordinators() === 's1 s2') returns++;
    }
    expect(returns).to.be.within(1, 2);
    san.runFor(10_000);
    expect(coordinators(), 'once it has proven itself').to.equal('s1 s2');
    load.stop();
    expect(load.problems).to.deep.equal([]);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('a partition goes back when its switch is cut off from a disk in the midst of it, within a frame’s patience', () => {
    const { san, load, coordinators } = worldUnderLoad(20);
    san.runFor(500);
    san.world.crash(san.node('s2'));
    san.runUntil('s1 has taken over', () => coordinators() === 's1 s1');
    san.runUntil('s2 is back', () => san.node('s2').isRunning);
    load.takeLatestMs();
    san.world.inject({ kind: 'cut', target: 'partition:d1/s2' });
    san.runUntil('s2 has its partition again', () => coordinators() === 's1 s2');
    san.runUntil('s1 has it', () => coordinators() === 's1 s1');
    san.runFor(1000);
    expect(load.takeLatestMs(), 'the pause').to.be.within(legSilenceMs, legSilenceMs + 1000);
    load.stop();
    expect(load.problems).to.deep.equal([]);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('no I/O fails when the switch that is to have a partition is cut off from its host in the midst of it', () => {
    const { san, load, coordinators } = worldUnderLoad(20);
    san.runFor(500);
    san.world.crash(san.node('s2'));
    san.runUntil('s1 has taken over', () => coordinators() === 's1 s1');
    san.runUntil('s2 is back', () => san.node('s2').isRunning);
    load.takeLatestMs();
    const decided = () => recordOf(san.world.database, 'vol0' as VolumeId)?.partitions ?? [];
    while (decided()[1]?.coordinator !== 's2') san.runFor(1);
    san.world.inject({ kind: 'cut', target: 'partition:h1/s2' });
    san.runUntil('s1 has it', () => decided()[1]?.coordinator === 's1');
    san.runUntil('it is served', () => coordinators() === 's1 s1');
    san.runFor(1000);
    expect(load.takeLatestMs(), 'the pause').to.be.within(hostSilenceMs, hostSilenceMs + 1500);
    load.stop();
    expect(load.problems).to.deep.equal([]);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('no I/O fails when the switch that takes over cannot ask a disk what became of open writes: another one does', () => {
    const { san, load, coordinators } = worldUnderLoad(20);
    san.runFor(500);
    san.world.inject({ kind: 'cut', target: 'partition:d1/s1' });
    san.world.crash(san.node('s2'));
    san.runUntil('s2 has all', () => coordinators() === 's2 s2');
    san.runFor(1000);
    expect(load.takeLatestMs(), 'the pause').to.be.within(legSilenceMs, legSilenceMs + 2000);
    load.stop();
    expect(load.problems).to.deep.equal([]);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
