import { expect } from 'chai';
import { underWayIn } from '../../../cluster/simulation/leaks.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { World } from '../../../cluster/simulation/world.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';
import { runMutant } from './mutant-run.ts';
import { mutants } from './mutants.ts';

const blockBytes = 4096;

function kindsUnderWay(world: World): readonly string[] {
  return underWayIn(world).map((text) => text.replace(/ \d+ /, ' '));
}

describe('what actors say to be under way (I12)', function () {
  this.timeout(120_000);

  it('an I/O that waits for a disk is, at its host, its HBA, its coordinator and the disk', () => {
    const san = new SimulatedSan(simulatedTopology('default'));
    const { world } = san;
    const volume = san.volume('h1', 'vol1');
    // The region is marked as dirty: what is slow is the write alone.
    san.finish(san.write(volume, 0, blockBytes, 1));
    for (const { id } of world.topology.disks)
      world.inject({ kind: 'slow', target: `disk:${id}`, delayMs: 300 });
    const io = san.write(volume, 0, blockBytes, 1);
    san.runFor(100);
    expect(kindsUnderWay(world)).to.include.members([
      'host h1 has ios',
      'host h1 has parts',
      'host h1 has volumesInWrite',
      'host h1 has outstandingFrames',
    ]);
    const all = kindsUnderWay(world).join('; ');
    expect(all).to.match(/hba h1-\w has creditBytes/);
    expect(all).to.match(/switch s\d has calls/);
    expect(all).to.match(/switch s\d has holders/);
    expect(all).to.match(/switch s\d has ios/);
    san.finish(io);
    for (const { id } of world.topology.disks) world.heal(`disk:${id}`);
    san.runUntil('nothing is under way', () => underWayIn(world).length === 0);
  });

  it('I/O without a way is, with the failover that holds it; nothing is once it has ended', () => {
    const san = new SimulatedSan(simulatedTopology('default'));
    const { world } = san;
    const hbas = world.topology.hosts.flatMap((host) => host.hbas.map(({ id }) => id));
    for (const id of hbas) world.inject({ kind: 'down', target: `hba:${id}` });
    const read = san.read(san.volume('h1', 'vol0'), 0, blockBytes);
    san.runFor(500);
    expect(kindsUnderWay(world)).to.include('host h1 has ios');
    for (const id of hbas) world.heal(`hba:${id}`);
    san.finish(read);
    san.runUntil('nothing is under way', () => underWayIn(world).length === 0);
  });

  it(`the simulation notices a program in which ${mutants.keepsSlots.does}`, async () => {
    const result = await runMutant(mutants.keepsSlots, { seeds: '1..6', minutes: 0.5, jobs: 2 });
    expect(result.verdict, result.problem).to.equal('stuck');
    expect(result.problem).to.match(/after all requests have ended/);
  });
});
