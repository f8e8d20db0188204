/** Who coordinates must be in reach of those who write, and must reach disks, on `two-tier.yaml`, every actor as it is. */
import { expect } from 'chai';
import type { z } from 'zod';
import { virtualizerFactsSchema, type volumeFactsSchema } from '../../../cluster/status-facts.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

type VolumeFacts = z.infer<typeof volumeFactsSchema>;

/** Much less than an I/O waits for a way before it ends with an error. */
const soonMs = 2000;

describe('a coordinator that a host does not reach any more', () => {
  let san: SimulatedSan;
  beforeEach(() => {
    san = new SimulatedSan(
      smallShippedTopology('two-tier.yaml', (plain) => ({
        ...plain,
        // A switch that dies is back soon: its partitions stay where they went.
        policies: { ...(plain.policies as Plain), failover: { failback: 'manual' } },
        volumes: (plain.volumes as Plain[])
          .filter(({ id }) => id === 'vol0')
          .map((volume) => ({ ...volume, size: '6MiB' })),
        hosts: (plain.hosts as { exports: Plain[] }[]).map((host) => ({
          ...host,
          exports: host.exports.filter(({ volume }) => volume === 'vol0'),
        })),
      })),
    );
  });
  afterEach(() => expect(san.stopAndCompare()).to.deep.equal([]));

  /** Both hosts write to and read from all partitions. @returns by partition who coordinates it then */
  function writeEverywhere(): string {
    const drivers = ['h1', 'h2'].map((host) => san.volume(host, 'vol0'));
    const writes = drivers.flatMap((driver, index) =>
      [0, 1].map((partition) => san.write(driver, partition * mebibyte + index * 4096, 4096, 7)),
    );
    san.runFor(soonMs);
    san.finish(...writes);
    const reads = drivers.map((driver) => san.read(driver, 0, 8192));
    san.runFor(soonMs);
    san.finish(...reads);
    for (const { bytes } of reads) expect(bytes.every((byte) => byte === 7)).to.equal(true);
    return coordinators();
  }

  /** By partition, as the virtualizer says. */
  function coordinators(): string {
    const { partitions } = decided();
    return partitions.map(({ coordinator }) => coordinator).join(' ');
  }

  function decided(): VolumeFacts {
    const facts = san.node('v1').assembled?.virtualizers[0]?.description().facts;
    const [volume] = virtualizerFactsSchema.parse(facts).volumes;
    if (volume === undefined) throw new Error('the virtualizer has no volume');
    return volume;
  }

  it('gives its partitions to another one when an HBA is lost that was the only way to it', () => {
    expect(writeEverywhere()).to.equal('s1 s2');
    san.world.inject({ kind: 'down', target: 'hba:h1-a' });
    expect(writeEverywhere()).to.equal('s2 s2');
    san.world.heal('hba:h1-a');
    san.runFor(soonMs);
    san.world.inject({ kind: 'down', target: 'link:h2-b-s2' });
    expect(writeEverywhere(), 'the other way round, for the other host').to.not.contain('s2');
    san.world.heal('link:h2-b-s2');
    san.runFor(soonMs);
  });

  it('is not chosen when the switch dies over which alone it could be reached', () => {
    san.world.crash(san.node('s1'));
    expect(writeEverywhere(), 's3 lies behind s1').to.equal('s2 s2');
  });

  it('keeps them where nobody is in reach of all', () => {
    san.world.inject({ kind: 'down', target: 'hba:h1-a' });
    san.world.inject({ kind: 'down', target: 'link:h2-b-s2' });
    san.runFor(soonMs);
    const before = decided().generation;
    san.runFor(2 * soonMs);
    expect(decided().generation, 'nothing goes back and forth').to.equal(before);
    san.world.heal('hba:h1-a');
    san.world.heal('link:h2-b-s2');
    expect(writeEverywhere()).to.match(/^s\d s\d$/);
  });

  it('is read through although a switch behind it is silent: what comes again takes another way', () => {
    expect(writeEverywhere()).to.equal('s1 s2');
    const driver = san.volume('h1', 'vol0');
    san.node('s3').process?.pause();
    const reads = Array.from({ length: 8 }, () => san.read(driver, 0, 4096));
    san.runFor(soonMs);
    san.finish(...reads);
    san.node('s3').process?.resume();
    san.runFor(soonMs);
  });

  it('is read through although a link behind the next switch is down', () => {
    expect(writeEverywhere()).to.equal('s1 s2');
    const driver = san.volume('h1', 'vol0');
    for (const disk of ['d1', 'd2', 'd3'])
      san.world.inject({ kind: 'down', target: `link:s3-${disk}` });
    const reads = Array.from({ length: 8 }, () => san.read(driver, 0, 4096));
    san.runFor(soonMs);
    san.finish(...reads);
    san.world.heal(null);
    san.runFor(soonMs);
  });
});
