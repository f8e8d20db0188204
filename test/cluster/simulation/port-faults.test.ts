/** Faults of ports in the simulation: what each leads to, as the host sees it, and that it heals. */
import { expect } from 'chai';
import type { Host } from '../../../actors/host/host.ts';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { SimulatedNode } from '../../../cluster/simulation/simulated-node.ts';
import { World } from '../../../cluster/simulation/world.ts';
import { Status, statusName } from '../../../protocols/codes.ts';
import type { Fault } from '../../../protocols/faults.ts';
import { idOf, type LinkId, type VolumeId } from '../../../protocols/ids.ts';
import { unitOf } from '../../../protocols/units.ts';

const volume = idOf<VolumeId>('vol0');

class FaultWorld {
  readonly world: World;
  readonly complaints: string[] = [];
  host: Host | null = null;

  constructor() {
    this.world = new World({
      seed: 'port faults',
      topology: simulatedTopology('default'),
      openIos: () => 0,
      onStarted: (node) => this.#started(node),
      onComplaint: (what) => this.complaints.push(what),
    });
    this.world.format();
    this.world.powerOn();
    this.until(() => this.isServing, 'the volume to serve');
  }

  get isServing(): boolean {
    return this.host?.attachments[0]?.facts().reason === '' && this.world.isWhole;
  }

  get driver(): OptimizationDriver {
    const driver = this.host?.attachments[0]?.volume;
    if (driver === null || driver === undefined) throw new Error('no volume');
    return driver;
  }

  until(condition: () => boolean, what: string, withinMs = 20_000): void {
    const endMs = this.world.clock.now() + withinMs;
    while (!condition()) {
      if (this.world.clock.now() > endMs) throw new Error(`waited in vain for ${what}`);
      this.world.clock.runFor(5);
    }
  }

  /** How an I/O ends, and how long that took. */
  io(begin: (done: (status: Status) => void) => void): { status: Status; tookMs: number } {
    const startMs = this.world.clock.now();
    let ended: { status: Status; tookMs: number } | null = null;
    begin((status) => {
      ended = { status, tookMs: this.world.clock.now() - startMs };
    });
    this.until(() => ended !== null, 'an I/O to end');
    return ended ?? { status: Status.invalid, tookMs: 0 };
  }

  read(offset = 0): { status: Status; tookMs: number } {
    return this.io((done) => this.driver.read(unitOf(offset), 4096, done));
  }

  write(offset = 0): { status: Status; tookMs: number } {
    const bytes = [new Uint8Array(4096).fill(7)];
    return this.io((done) => this.driver.write(unitOf(offset), bytes, true, done));
  }

  inject(fault: object): void {
    this.world.inject(fault as Fault);
  }

  node(id: string): SimulatedNode {
    const node = this.world.nodes.find((each) => each.node.id === id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Everything works as before, and nobody complained. */
  expectWhole(): void {
    this.world.heal(null);
    this.until(() => this.isServing, 'the volume to serve again');
    expect(statusName(this.write().status)).to.equal('ok');
    expect(statusName(this.read().status)).to.equal('ok');
    expect(this.complaints).to.deep.equal([]);
  }

  #started(node: SimulatedNode): void {
    const [host] = node.assembled?.hosts ?? [];
    if (host?.id !== 'h1') return;
    this.host = host;
    host.attach({ volume, mode: 'exclusive', readOnly: false });
  }
}

describe('faults of ports in the simulation', () => {
  let run: FaultWorld;
  beforeEach(() => {
    run = new FaultWorld();
    expect(run.write().status).to.equal(Status.ok);
  });
  const pathErrors = () => run.host?.counters.pathErrors ?? 0;
  const stateOf = (link: string) => {
    const known = run.host?.paths.known(idOf<LinkId>(link));
    return known === undefined ? 'unknown' : run.host?.paths.state(known);
  };

  it('a link that is down gives path errors, and reads and writes go another way', () => {
    for (const link of ['h1-a-s1', 's1-d1']) run.inject({ kind: 'down', target: `link:${link}` });
    expect(run.read().status).to.equal(Status.ok);
    expect(run.write().status).to.equal(Status.ok);
    expect(pathErrors()).to.be.above(0);
    expect(stateOf('h1-a-s1')).to.equal('failed');
    run.world.heal('link:h1-a-s1');
    run.until(() => stateOf('h1-a-s1') === 'usable', 'the link to be found again');
    run.expectWhole();
  });

  it('a link that is down stays down when the processes at its ends are new ones', () => {
    run.inject({ kind: 'down', target: 'link:h1-a-s1' });
    for (const id of ['h1', 's1']) {
      run.world.crash(run.node(id));
      run.until(() => !run.node(id).isRunning, `${id} to end`);
    }
    run.until(() => run.isServing, 'the volume to serve again');
    for (let count = 0; count < 20; count++)
      expect(run.read(count * 4096).status).to.equal(Status.ok);
    expect(pathErrors()).to.be.above(0);
    expect(stateOf('h1-a-s1')).to.not.equal('usable');
    run.expectWhole();
  });

  it('an HBA that is down is not used, and is when it has been back for the dwell time', () => {
    const [hba, other] = run.host?.hbas ?? [];
    run.inject({ kind: 'down', target: `hba:${hba?.id}` });
    expect(hba?.state).to.equal('disconnected');
    const sentBefore = hba?.counters.sentFrames;
    expect(run.read().status).to.equal(Status.ok);
    expect(run.write().status).to.equal(Status.ok);
    expect(hba?.counters.sentFrames).to.equal(sentBefore);
    expect(other?.counters.sentFrames).to.be.above(0);
    run.world.heal(null);
    expect(hba?.state).to.equal('connected');
    const rank = () => run.host?.paths.hbaRank(hba?.id ?? idOf(''));
    run.until(() => rank() === LinkRank.usable, 'the HBA to be preferred again');
    expect(run.read().status).to.equal(Status.ok);
    expect(hba?.counters.sentFrames).to.be.above(sentBefore ?? 0);
    run.expectWhole();
  });

  it('without any HBA an I/O ends with an error within its deadline', () => {
    for (const { id } of run.host?.hbas ?? []) run.inject({ kind: 'down', target: `hba:${id}` });
    const { status, tookMs } = run.read();
    expect(statusName(status)).to.equal('path');
    expect(tookMs).to.be.below(run.world.topology.policies.ioDeadlineMs + 100);
    run.expectWhole();
  });

  it('a range of a disk that cannot be read gives media, and only that range', () => {
    for (const disk of ['d1', 'd2'])
      run.inject({ kind: 'read-error', target: `disk:${disk}`, atBytes: 0, lengthBytes: 4096 });
    run.world.clock.runFor(1000);
    expect(statusName(run.read().status)).to.equal('media');
    expect(run.read(4096).status).to.equal(Status.ok);
    run.world.heal(null);
    expect(run.read().status).to.equal(Status.ok);
    run.expectWhole();
  });

  it('over slow links and through slow media everything takes longer, and nothing is lost', () => {
    expect(run.read().tookMs).to.be.below(30);
    for (const offset of [4096, 8192]) run.write(offset);
    run.inject({ kind: 'slow', target: 'disk:d1', delayMs: 60 });
    run.inject({ kind: 'slow', target: 'disk:d2', delayMs: 60 });
    // Each read is of another block: none comes from a cache.
    const slowDisk = run.read(4096);
    expect(slowDisk.status).to.equal(Status.ok);
    expect(slowDisk.tookMs).to.be.within(60, 120);
    run.world.heal(null);
    for (const { id } of run.world.topology.links)
      run.inject({ kind: 'slow', target: `link:${id}`, delayMs: 40 });
    const slowLinks = run.read(8192);
    expect(slowLinks.status).to.equal(Status.ok);
    expect(slowLinks.tookMs).to.be.within(80, 140);
    run.world.heal(null);
    for (const id of ['s1', 's2'])
      run.inject({ kind: 'slow', target: `switch:${id}`, delayMs: 40 });
    const slowSwitches = run.write();
    expect(slowSwitches.status).to.equal(Status.ok);
    expect(slowSwitches.tookMs).to.be.within(80, 140);
    run.expectWhole();
  });

  it('what cannot be is a mistake of the caller', () => {
    expect(() => run.inject({ kind: 'down', target: 'link:x' })).to.throw(/no link:x/);
    expect(() => run.inject({ kind: 'crash', target: 'disk:d1' })).to.throw(/crash and pause/);
  });
});
