/**
 * One host with two volumes on the same disks: its I/O numbers and their watermark are the host's, so that a write of
 * one volume which has to wait holds the watermark down for what the other one writes meanwhile (I6, I12).
 */
import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { Status } from '../../../protocols/codes.ts';
import { kibibyte } from '../../../protocols/units.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

/** vol0 is coordinated by s1, vol1 by s2; both are mirrored on d1 and d2. */
function twoVolumes(): SimulatedSan {
  const volumes = [
    { id: 'vol0', coordinators: { map: 'modulo', switches: ['s1'] } },
    { id: 'vol1', coordinators: { map: 'modulo', switches: ['s2'] } },
  ];
  return new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      hosts: (plain.hosts as Plain[]).map((host) => ({
        ...host,
        exports: volumes.map(({ id }) => ({ volume: id, name: id })),
      })),
      volumes: volumes.map((volume) => ({
        ...volume,
        size: '4MiB',
        layout: { mirror: ['d1', 'd2'] },
      })),
    })),
  );
}

/** Keeps writes of a volume under way, the next one as soon as one has ended. */
class Writing {
  readonly statuses = new Map<Status, number>();
  #stopped = false;
  #begun = 0;
  #ended = 0;
  readonly #san: SimulatedSan;
  readonly #driver: OptimizationDriver;

  constructor(san: SimulatedSan, driver: OptimizationDriver, depth: number) {
    this.#san = san;
    this.#driver = driver;
    for (let count = 0; count < depth; count++) this.#begin();
  }

  get ended(): number {
    return this.#ended;
  }

  stop(): void {
    this.#stopped = true;
    this.#san.runUntil('its writes have ended', () => this.#ended === this.#begun);
  }

  #begin(): void {
    this.#begun++;
    const offset = (this.#begun % 64) * 16 * kibibyte;
    const bytes = new Uint8Array(4 * kibibyte).fill(this.#begun % 251);
    this.#driver.write(offset as never, [bytes], false, (status) => {
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      this.#ended++;
      if (!this.#stopped) this.#begin();
    });
  }
}

describe('a host whose write to one volume waits for another coordinator', () => {
  it('writes thousands of times to its other volume on the same disks meanwhile, and all of it ends well', function () {
    this.timeout(60_000);
    const san = twoVolumes();
    const [vol0, vol1] = [san.volume('h1', 'vol0'), san.volume('h1', 'vol1')];
    san.finish(san.write(vol0, 0, 4096, 1), san.write(vol1, 0, 4096, 1));
    san.node('s1').process?.pause();
    const waiting = san.write(vol0, 8192, 4096, 2);
    const writing = new Writing(san, vol1, 3);
    san.runUntil('the other coordinator took the write', () => waiting.status !== null);
    const meanwhile = writing.ended;
    writing.stop();
    expect(waiting.status).to.equal(Status.ok);
    expect([...writing.statuses.keys()]).to.deep.equal([Status.ok]);
    expect(meanwhile).to.be.greaterThan(2000);
    san.node('s1').process?.resume();
    const read = san.read(vol0, 8192, 4096);
    san.finish(read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(4096, 2));
    san.runFor(3000);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
