/**
 * The only mirror in sync is lost, and an operator has the volume go on with one that is behind (DESIGN I4): on whole
 * actors, in virtual time.
 */
import { expect } from 'chai';
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import { Run } from '../../../cluster/simulation/run.ts';
import type { RunReport } from '../../../cluster/simulation/run-report.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import { Status } from '../../../protocols/codes.ts';
import { type Answer, verbs } from '../../../protocols/commands.ts';
import type { VolumeId } from '../../../protocols/ids.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';

const vol1 = 'vol1' as VolumeId;
const lengthBytes = 4096;

/** vol1 lies on d2 and d3, and is shared by h1 and h2. */
class Scene {
  readonly san = new SimulatedSan(simulatedTopology('default'), 1, { syncsEveryWrite: true });

  /** What d2 alone has: 2, where d3 has 1. Then d2 is lost, and d3 is back. */
  constructor() {
    const { world } = this.san;
    this.write(1);
    world.holdDown(this.san.node('d3'));
    this.untilStates('in-sync stale');
    this.write(2);
    world.holdDown(this.san.node('d2'));
    world.release(this.san.node('d3'));
    this.san.runFor(3000);
  }

  get states(): string {
    return recordOf(this.san.world.database, vol1)?.mirrorSets[0]?.mirrors.join(' ') ?? '';
  }

  untilStates(text: string): void {
    this.san.runUntil(text, () => this.states === text);
  }

  write(value: number): void {
    this.san.runUntil('it serves', () => this.san.isServing);
    this.san.finish(this.san.write(this.san.volume('h1', vol1), 0, lengthBytes, value));
  }

  /** What each host reads. */
  read(): readonly unknown[] {
    this.san.runUntil('it serves', () => this.san.isServing);
    const reads = ['h1', 'h2'].map((host) =>
      this.san.read(this.san.volume(host, vol1), 0, lengthBytes),
    );
    this.san.finish(...reads);
    return reads.map(({ bytes }) => bytes[0]);
  }

  /** How a flush by the host that wrote ends. */
  flush(): Status | null {
    let ended: Status | null = null;
    this.san.runUntil('it serves', () => this.san.isServing);
    this.san.volume('h1', vol1).flush((status) => {
      ended = status;
    });
    this.san.runUntil('it has ended', () => ended !== null);
    return ended;
  }

  order(disk: string, isForced: boolean): Answer {
    const answers: Answer[] = [];
    this.san.ask(
      { kind: 'virtualizer', id: 'v1' },
      verbs.assembleVolume,
      {
        ...{ volume: vol1, disks: [disk], isForced },
      },
      (answer) => answers.push(answer),
    );
    this.san.runUntil('it is answered', () => answers.length > 0);
    return answers[0] as Answer;
  }
}

describe('a volume whose only mirror in sync is lost', function () {
  this.timeout(120_000);

  it('serves nothing until an operator forces it; then both hosts read what is left, also when who was lost is back', () => {
    const scene = new Scene();
    const { san } = scene;
    const held = san.read(san.volume('h1', vol1), 0, lengthBytes);
    san.runFor(2000);
    expect(held.status).to.not.equal(Status.ok);
    expect(scene.order('d3', false)).to.include({ ok: true });
    san.runFor(2000);
    expect(scene.states, 'nobody has forced it').to.equal('in-sync stale');
    expect(scene.order('d3', true)).to.include({ ok: true });
    scene.untilStates('stale in-sync');
    expect(scene.read()).to.deep.equal([1, 1]);
    scene.write(3);
    san.world.release(san.node('d2'));
    scene.untilStates('in-sync in-sync');
    expect(scene.read()).to.deep.equal([3, 3]);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('tells who wrote that not all of it was kept: the next flush fails, and later ones do not', () => {
    const scene = new Scene();
    expect(scene.order('d3', true)).to.include({ ok: true });
    scene.untilStates('stale in-sync');
    expect(scene.flush()).to.not.equal(Status.ok);
    expect(scene.flush()).to.equal(Status.ok);
  });

  it('has everything again when who was lost is back before that', () => {
    const scene = new Scene();
    scene.san.world.release(scene.san.node('d2'));
    scene.untilStates('in-sync in-sync');
    expect(scene.order('d3', true)).to.include({ ok: false, reason: 'refused' });
    expect(scene.read()).to.deep.equal([2, 2]);
    expect(scene.san.stopAndCompare()).to.deep.equal([]);
  });
});

describe('the fault that an operator’s force is for', function () {
  this.timeout(120_000);
  const runOf = (seed: number, only: number): RunReport =>
    new Run({
      seed,
      minutes: 0.7,
      onlyFaults: [only],
      topology: simulatedTopology('default'),
    }).run();
  const forced = (report: RunReport) => report.coverage.mirrors['stale > in-sync'] ?? 0;

  it('loses what it may, is counted, and ends well (seed 206)', () => {
    const report = runOf(206, 5);
    expect(report.problems).to.deep.equal([]);
    expect(report.faults.map(({ name }) => name)).to.deep.equal(['forceAssembly']);
    expect(forced(report)).to.equal(1);
  });

  it('ends well, too, where who was lost is destroyed, and another disk takes its place (seed 321)', () => {
    const report = runOf(321, 10);
    expect(report.problems).to.deep.equal([]);
    const [fault] = report.faults;
    expect(fault?.what).to.equal('vol1 goes on with d3 of vol1-m0, stale, without d2, destroyed');
    expect(forced(report)).to.equal(1);
  });
});
