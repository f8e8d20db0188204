/** What the loss of a NATS server costs on two fabrics, in virtual time: no error, and how long at most. */
import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { Status } from '../../../protocols/codes.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const intervalMs = 5;
const blockBytes = 4096;
const blocks = 2048;
/** Longer than hosts and disks take to give a silent server up. */
const awayMs = 10_000;

function begin(seed: number, policies: Plain = {}): { san: SimulatedSan; load: Load } {
  const change = (plain: Plain) => {
    const [volume] = plain.volumes as Plain[];
    return { ...plain, policies, volumes: [{ ...volume, size: '16MiB' }] };
  };
  const san = new SimulatedSan(smallShippedTopology('two-fabrics.yaml', change), seed);
  return { san, load: new Load(san, san.volume('h1', 'vol0')) };
}

/** Begins a read or a write of a block every few milliseconds, and keeps how long each took and how it ended. */
class Load {
  longestMs = 0;
  ended = 0;
  readonly bad: Status[] = [];
  readonly #san: SimulatedSan;
  readonly #driver: OptimizationDriver;
  #begun = 0;

  constructor(san: SimulatedSan, driver: OptimizationDriver) {
    this.#san = san;
    this.#driver = driver;
  }

  runFor(ms: number): void {
    const { clock } = this.#san.world;
    for (const endMs = clock.now() + ms; clock.now() < endMs; this.#san.runFor(intervalMs))
      this.#begin();
  }

  /** Waits for the rest. @returns how long the slowest took since the last time that it was asked, in ms */
  settle(): number {
    this.#san.runUntil('all I/O has ended', () => this.ended === this.#begun);
    expect(this.bad, 'I/Os that ended with an error').to.deep.equal([]);
    const { longestMs } = this;
    this.longestMs = 0;
    return longestMs;
  }

  #begin(): void {
    const { clock } = this.#san.world;
    const beganMs = clock.now();
    const offset = unitOf<VolumeOffset>(((this.#begun * 7) % blocks) * blockBytes);
    const end = (status: Status) => {
      this.ended++;
      this.longestMs = Math.max(this.longestMs, clock.now() - beganMs);
      if (status !== Status.ok) this.bad.push(status);
    };
    const isWrite = this.#begun++ % 2 === 1;
    const bytes = new Uint8Array(blockBytes).fill(this.#begun);
    if (isWrite) this.#driver.write(offset, [bytes], false, end);
    else this.#driver.read(offset, blockBytes, end);
  }
}

const epochsOf = (san: SimulatedSan) =>
  ['s1', 's2'].flatMap((id) =>
    (san.facts(id).coordinators as { epoch: number; mode: string }[]).map(
      ({ epoch, mode }) => `${id} ${epoch} ${mode}`,
    ),
  );

describe('on two fabrics (two-fabrics.yaml)', function () {
  this.timeout(60_000);

  for (const [fabric, other, route] of [
    ['n1', 'h1-b', 'whole'],
    ['n2', 'h1-a', 'whole'],
    ['n1', 'h1-b', 'firstHop'],
  ] as const)
    it(`the end of ${fabric}’s server costs no error, a short pause, and no new coordinator (route: ${route})`, () => {
      const { san, load } = begin(1, { route });
      const server = san.world.network.server(fabric);
      load.runFor(2000);
      const usualMs = load.settle();
      const epochs = epochsOf(san);
      server.stop();
      load.runFor(awayMs);
      expect(load.settle()).to.be.below(usualMs + 60);
      server.start();
      load.runFor(5000);
      expect(load.settle()).to.be.below(usualMs + 60);
      expect(epochsOf(san)).to.deep.equal(epochs);
      const hbas = [...san.trafficOf('h1').keys()].map((key) => key.split(' ')[0]);
      expect(hbas, 'the HBA of the other fabric had something to do').to.include(other);
      expect(san.stopAndCompare()).to.deep.equal([]);
    });

  it('a server that stands still costs no error, and a pause as long as its silence is worth', () => {
    const { san, load } = begin(2);
    const server = san.world.network.server('n1');
    load.runFor(2000);
    load.settle();
    server.pause();
    load.runFor(awayMs);
    expect(load.settle()).to.be.below(1500);
    server.resume();
    load.runFor(3000);
    load.settle();
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('the end of the server for control costs I/O nothing', () => {
    const { san, load } = begin(3);
    const { network, database } = san.world;
    load.runFor(2000);
    const usualMs = load.settle();
    const epochs = epochsOf(san);
    network.server('c1').stop();
    database.stop();
    load.runFor(awayMs);
    expect(load.settle()).to.be.below(usualMs + 20);
    network.server('c1').start();
    database.start();
    load.runFor(5000);
    expect(load.settle()).to.be.below(usualMs + 20);
    expect(epochsOf(san)).to.deep.equal(epochs);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  for (const id of ['s1', 'd1'])
    it(`${id} that loses its connection to n1 alone goes on over n2`, () => {
      const { san, load } = begin(4);
      load.runFor(2000);
      const usualMs = load.settle();
      const epochs = epochsOf(san);
      const bus = san.node(id).buses.find(({ role }) => role === `io-${id}-n1`);
      bus?.cut(awayMs);
      load.runFor(awayMs + 2000);
      expect(load.settle()).to.be.below(usualMs + 150);
      expect(epochsOf(san)).to.deep.equal(epochs);
      expect(san.stopAndCompare()).to.deep.equal([]);
    });
});
