/** What the virtualizer tells a switch: accepted, refused with a reason, replaced, forgotten; and what machines decide. */
import { expect } from 'chai';
import { coordinatorMachine } from '../../../actors/switch/coordinator-machine.ts';
import { switchMachine } from '../../../actors/switch/switch-machine.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { loadOf, SwitchWorld, switchIncarnation } from './switch-world.ts';

function serving(): SwitchWorld {
  return new SwitchWorld().serve();
}

/** Facts of the switch that this file looks at. */
function factsOf(world: SwitchWorld) {
  return world.switch.facts() as {
    layoutMemory: { usedBytes: number };
    coordinators: readonly { partition: number; mode: string; open: number; epoch: number }[];
    volumes: readonly { volume: string; generation: number; writes: number; waits: number }[];
    counters: { openCalls: number };
  };
}

describe('loading a switch', () => {
  it('is idempotent, and takes newer generations', () => {
    const world = serving();
    expect(world.command('load', loadOf())).to.deep.include({ ok: true, generation: 10 });
    expect(world.command('load', loadOf({ generation: 12 }))).to.deep.include({ generation: 12 });
    expect(world.settled(10)).to.include({ ok: false, reason: 'not-ready' });
  });

  it('refuses an older generation, an older virtualizer, and what was meant for an earlier process', () => {
    const world = serving();
    const { command } = {
      command: (changes: object) => world.command('load', loadOf({ ...changes })),
    };
    expect(command({ generation: 9 })).to.include({ ok: false, reason: 'fenced' });
    expect(command({ generation: 11, controlEpoch: 2 })).to.include({
      ok: false,
      reason: 'fenced',
    });
    expect(command({ volume: 'vol1', controlEpoch: 2 })).to.include({ reason: 'fenced' });
    expect(command({ generation: 11, switchIncarnation: 1 })).to.include({ reason: 'refused' });
    expect(factsOf(world).volumes[0]?.generation).to.equal(10);
  });

  it('refuses what makes no sense, in words', () => {
    const world = new SwitchWorld();
    expect(world.command('load', {})).to.include({ ok: false, reason: 'invalid' });
    const short = world.command('load', loadOf({ partitions: loadOf().partitions.slice(1) }));
    expect(short)
      .to.have.property('message')
      .that.matches(/2 partitions need one record each/);
    const lost = world.command('load', loadOf({ disks: loadOf().disks.slice(1) }));
    expect(lost)
      .to.have.property('message')
      .that.matches(/disk d1 of its layout is no member/);
  });

  it('is bounded by its layout memory and by the mirrors that it may write', () => {
    const tiny = new SwitchWorld({
      limits: {
        layoutMemoryBytes: 1000,
        mirrorsMax: 4,
        serializesSpans: true,
        namesAlternates: true,
        cacheBytes: 0,
      },
    });
    expect(tiny.command('load', loadOf()))
      .to.have.property('message')
      .that.matches(/layoutMemoryBytes/);
    const single = new SwitchWorld({
      limits: {
        layoutMemoryBytes: 1_000_000,
        mirrorsMax: 1,
        serializesSpans: true,
        namesAlternates: true,
        cacheBytes: 0,
      },
    });
    expect(single.command('load', loadOf()))
      .to.have.property('message')
      .that.matches(/at most 1 mirrors/);
    const world = serving();
    const used = factsOf(world).layoutMemory.usedBytes;
    world.serve({ generation: 11 });
    expect(factsOf(world).layoutMemory.usedBytes, 'the same volume counts once').to.equal(used);
    world.command('unload', { volume: 'vol0', generation: 1000 });
    expect(factsOf(world).layoutMemory.usedBytes).to.equal(0);
  });

  it('is not undone by an order to unload that comes late, after a newer volume of the name', () => {
    const world = serving();
    const late = world.command('unload', { volume: 'vol0', generation: 9 });
    expect(late).to.include({ ok: false, reason: 'fenced' });
    expect(factsOf(world).layoutMemory.usedBytes).to.be.above(0);
  });

  it('ends with unloading: nothing is coordinated, sent again or answered any more', () => {
    const world = serving();
    world.write({ offset: 0 });
    const frames = world.takeToDisks();
    expect(world.command('unload', { volume: 'vol0', generation: 1000 })).to.include({ ok: true });
    for (const frame of frames) world.answer(frame);
    world.clock.runFor(2000);
    expect(world.takeToDisks()).to.be.empty;
    expect(world.takeReplies()).to.be.empty;
    expect(factsOf(world).counters.openCalls).to.equal(0);
    world.write({ offset: 0 });
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.notLoaded);
  });

  it('under new epochs drops what was open, and its blocks are free', () => {
    const world = serving();
    world.write({ offset: 0 });
    world.write({ offset: 0 });
    const old = world.takeToDisks();
    const partitions = loadOf().partitions.map((record) => ({
      ...record,
      epoch: record.epoch + 5,
    }));
    const attachments = loadOf().attachments.map((record) => ({
      ...record,
      attachEpoch: 40,
      firstEpoch: 40,
    }));
    world.serve({ generation: 11, partitions, attachments });
    for (const frame of old) world.answer(frame);
    expect(world.takeReplies(), 'the old writes are answered by nobody').to.be.empty;
    expect(factsOf(world).coordinators.map(({ open }) => open)).to.deep.equal([0, 0]);
    world.write({ offset: 0, generation: 11, partitionEpoch: 25, attachEpoch: 40 });
    expect(world.runDisks()[0]?.reply.outcome.status).to.equal(Status.ok);
    world.clock.runFor(2000);
    expect(world.takeToDisks()).to.be.empty;
  });

  it('forgets the I/Os of an attachment with it: a host that starts again counts from the start', () => {
    const world = serving();
    world.write({ ioNumber: 50, watermark: 50 });
    world.runDisks();
    const again = { hostIncarnation: 2002, attachEpoch: 40 };
    const attachments = loadOf().attachments.map((record) => ({ ...record, ...again }));
    world.serve({ generation: 11, attachments });
    world.write({ generation: 11, ...again, ioNumber: 1, watermark: 1 });
    expect(world.runDisks()[0]?.reply.outcome.status).to.equal(Status.ok);
  });

  it('under unchanged epochs goes on with what was open', () => {
    const world = serving();
    world.write({ offset: 0 });
    const frames = world.takeToDisks();
    world.command('load', loadOf({ generation: 11 }));
    for (const frame of frames) world.answer(frame);
    const [reply] = world.takeReplies();
    expect(reply?.reply).to.deep.include({ generation: 11, outcome: { status: 0, detail: null } });
  });

  it('gives a partition away and takes it again', () => {
    const world = serving();
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 0 ? { ...record, coordinator: 's2', epoch: 30 } : record,
    );
    world.serve({ generation: 11, partitions });
    expect(factsOf(world).coordinators.map(({ partition }) => partition)).to.deep.equal([1]);
    world.write({ offset: 0, generation: 11 });
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.notCoordinator);
    const back = loadOf().partitions.map((record) => ({ ...record, epoch: 40 + record.partition }));
    world.serve({ generation: 12, partitions: back });
    world.write({ offset: 0, generation: 12, partitionEpoch: 40 });
    expect(world.runDisks()[0]?.reply.outcome.status).to.equal(Status.ok);
  });
});

describe('what a switch says of itself', () => {
  it('names what it coordinates, in which epoch and mode, and what it did', () => {
    const world = serving();
    world.write({ offset: 0 });
    world.write({ offset: 0 });
    const facts = factsOf(world);
    expect(facts.coordinators).to.deep.equal([
      { volume: 'vol0', partition: 0, epoch: 20, mode: 'serving', open: 2, problem: '' },
      { volume: 'vol0', partition: 1, epoch: 21, mode: 'serving', open: 0, problem: '' },
    ]);
    expect(facts.volumes[0]).to.include({ volume: 'vol0', settled: true, writes: 2, waits: 1 });
    const description = world.command('describe', {});
    expect(description).to.include({ kind: 'switch', id: 's1', state: 'virtualizing' });
    expect(description).to.have.property('incarnation', switchIncarnation);
  });
});

describe('the machines of a switch', () => {
  /** Makes a machine deaf while the test runs. */
  function frozen(machine: object, run: () => void): void {
    const transition = Reflect.get(machine, 'transition');
    Reflect.set(machine, 'transition', (snapshot: unknown) => snapshot);
    try {
      run();
    } finally {
      Reflect.set(machine, 'transition', transition);
    }
  }

  it('decide whether frames are carried: a switch whose machine is frozen drops them', () => {
    frozen(Object.getPrototypeOf(switchMachine), () => {
      const world = new SwitchWorld();
      world.write({ operation: Operation.probe, lengthBytes: 0 });
      expect(world.io.sent).to.be.empty;
    });
  });

  it('decide whether a partition serves: a coordinator whose machine is frozen serves nobody', () => {
    const world = new SwitchWorld().serve({ volume: 'vol1' });
    frozen(Object.getPrototypeOf(coordinatorMachine), () => {
      world.command('load', loadOf());
      world.runDisks();
    });
    expect(world.settled()).to.include({ settled: false });
    world.write({ offset: 0 });
    expect(world.takeToDisks()).to.be.empty;
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.busy);
  });
});
