import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const intervalMs = 100;
const quarantineSeconds = 15;

describe('HBAs that flap, on a simulated SAN', () => {
  it('one that flaps 3 times is left alone for its time, under I/O that never fails; then it is used again', () => {
    const san = smallSan();
    const driver = san.volume('h1', 'vol0');
    for (let count = 0; count < 3; count++) flap(san, driver, ['h1-a']);
    load(san, driver, 2);
    expect(stateOf(san, 'h1-a')).to.equal('quarantined');
    const before = framesBy(san, 'h1-a');
    load(san, driver, quarantineSeconds - 5);
    expect(framesBy(san, 'h1-a') - before).to.equal(0);
    load(san, driver, 6);
    expect(stateOf(san, 'h1-a')).to.equal('usable');
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('where all of them flap together, as with their fabric, I/O goes on over what is in quarantine', () => {
    const san = smallSan();
    const driver = san.volume('h1', 'vol0');
    for (let count = 0; count < 4; count++) flap(san, driver, ['h1-a', 'h1-b']);
    expect([stateOf(san, 'h1-a'), stateOf(san, 'h1-b')]).to.deep.equal(
      Array(2).fill('quarantined'),
    );
    const read = san.read(driver, 0, 4096);
    san.runFor(50);
    san.finish(read);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});

function smallSan(): SimulatedSan {
  return new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      policies: { failover: { quarantine: { forSeconds: quarantineSeconds } } },
      volumes: (plain.volumes as Plain[]).map((volume) => ({ ...volume, size: '6MiB' })),
    })),
  );
}

/** Reads and writes a little, for a time. */
function load(san: SimulatedSan, driver: OptimizationDriver, seconds: number): void {
  for (let ms = 0; ms < seconds * 1000; ms += intervalMs) {
    const offset = (ms * 4096) % driver.sizeBytes;
    san.finish(san.read(driver, offset, 4096), san.write(driver, offset, 4096, ms % 251));
    san.runFor(intervalMs);
  }
}

/** HBAs are lost with I/O under way, and come back soon. */
function flap(san: SimulatedSan, driver: OptimizationDriver, hbas: readonly string[]): void {
  const write = san.write(driver, 0, 4096, 7);
  for (const hba of hbas) san.world.inject({ kind: 'down', target: `hba:${hba}` as never });
  san.runFor(300);
  for (const hba of hbas) san.world.heal(`hba:${hba}` as never);
  san.runFor(1500);
  san.finish(write);
}

function stateOf(san: SimulatedSan, hba: string): string | undefined {
  const { hbas } = san.facts('h1') as { hbas: { hba: string; rank: string }[] };
  return hbas.find((each) => each.hba === hba)?.rank;
}

/** Frames of I/O and probes that left by an HBA. */
function framesBy(san: SimulatedSan, hba: string): number {
  const traffic = [...san.trafficOf('h1')].filter(([name]) => name.startsWith(`${hba} `));
  return traffic.reduce((sum, [, frames]) => sum + frames, 0);
}
