/**
 * A mirror that is alone notes where a host may be writing (DESIGN H10, I7): who is made equal with it gets that from there,
 * so that both are compared where a power cut left them unequal (DESIGN I8). On whole actors, in virtual time.
 */
import { expect } from 'chai';
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { replaceDisk } from '../../../cluster/simulation/replaced-disk.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { DiskId, VolumeId } from '../../../protocols/ids.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';

const vol1 = 'vol1' as VolumeId;
const lengthBytes = 4096;
/** A disk has it on its medium by then, and nobody is taken for lost yet. */
const writtenMs = 50;
/** Every process runs again by then. */
const startedMs = 2000;

/** vol1 lies on d2 and d3. */
class Scene {
  readonly san = new SimulatedSan(simulatedTopology('default'), 1, { syncsEveryWrite: true });

  get states(): string {
    return recordOf(this.san.world.database, vol1)?.mirrorSets[0]?.mirrors.join(' ') ?? '';
  }

  untilStates(text: string): void {
    this.san.runUntil(text, () => this.states === text && this.san.isServing);
  }

  write(value: number) {
    return this.san.write(this.san.volume('h1', vol1), 0, lengthBytes, value, true);
  }

  /** Its region is written to for the first time while d2 is alone. */
  writeAlone(): void {
    this.san.world.holdDown(this.san.node('d3'));
    this.untilStates('in-sync stale');
    this.san.finish(this.write(1));
    this.san.world.release(this.san.node('d3'));
    this.untilStates('in-sync in-sync');
  }

  /** The disk that was alone goes for good; another one is made equal in its place. */
  replaceFirst(): void {
    const { san } = this;
    const { world } = san;
    world.holdDown(san.node('d2'));
    this.untilStates('stale in-sync');
    let isReplaced = false;
    replaceDisk(world, 'd2' as DiskId, new SeededRandom('replacement'), () => {
      isReplaced = true;
    });
    san.runUntil('the disk is replaced', () => isReplaced);
    world.release(san.node('d2'));
    this.untilStates('in-sync in-sync');
    // The next write to the region must not have to ask first what is there.
    san.finish(this.write(1));
  }

  /** One more write gets to one disk only when the power goes. */
  cutInWrite(deaf: string): void {
    const { world } = this.san;
    for (const each of ['s1', 's2']) world.inject({ kind: 'down', target: `link:${each}-${deaf}` });
    this.write(2);
    this.san.runFor(writtenMs);
    expect(this.states, 'nobody has been taken for lost').to.equal('in-sync in-sync');
    world.powerCut();
    world.heal(null);
    world.powerOn();
    this.san.runFor(startedMs);
    this.untilStates('in-sync in-sync');
  }

  /** What each host reads, a few times: any mirror may be asked. */
  read(): readonly unknown[] {
    const reads = [1, 2, 3].flatMap(() =>
      ['h1', 'h2'].map((host) => this.san.read(this.san.volume(host, vol1), 0, lengthBytes)),
    );
    this.san.finish(...reads);
    return reads.map(({ bytes }) => bytes[0]);
  }
}

describe('a region that was first written to while one mirror was alone', function () {
  this.timeout(120_000);

  function expectOneValue({ san, read }: { san: SimulatedSan; read: readonly unknown[] }): void {
    const values = new Set(read);
    expect(values.size, [...values].join()).to.equal(1);
    expect(san.stopAndCompare()).to.deep.equal([]);
  }

  for (const deaf of ['d2', 'd3']) {
    it(`is one value after a power cut in a write that ${deaf} did not get`, () => {
      const scene = new Scene();
      scene.writeAlone();
      scene.cutInWrite(deaf);
      expectOneValue({ san: scene.san, read: scene.read() });
    });

    it(`is so, too, where no disk is left that was there then, and ${deaf} did not get it`, () => {
      const scene = new Scene();
      scene.writeAlone();
      scene.replaceFirst();
      scene.cutInWrite(deaf);
      expectOneValue({ san: scene.san, read: scene.read() });
    });
  }
});
