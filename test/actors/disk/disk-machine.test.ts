import { expect } from 'chai';
import { createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import {
  type DiskMachineEvent,
  type DiskMode,
  diskMachine,
} from '../../../actors/disk/disk-machine.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { DiskActorWorld } from './disk-actor-world.ts';

const events: DiskMachineEvent[] = [
  { type: 'store.found' },
  { type: 'store.refused', reason: 'blank' },
  { type: 'journal.replayed' },
  { type: 'volume.assembled' },
  { type: 'store.failed', reason: 'EIO' },
  { type: 'stop.requested' },
  { type: 'store.closed' },
];

/** Runs events through the machine; what it told the data path, in order. */
function run(...sent: DiskMachineEvent['type'][]) {
  const told: string[] = [];
  const machine = diskMachine.provide({
    actions: {
      publishMode: (_, { mode }) => told.push(mode),
      openDisk: () => told.push('open'),
      openLinks: () => told.push('listen'),
      closeStore: () => told.push('close'),
    },
  });
  const actor = createActor(machine).start();
  for (const type of sent) {
    const event = events.find((each) => each.type === type);
    if (event !== undefined) actor.send(event);
  }
  return { told, state: String(actor.getSnapshot().value) };
}

describe('the disk’s machine', () => {
  it('reaches every state, and each of them only in the ways that are meant', () => {
    const ways = new Map<string, string>();
    for (const { state, steps } of getShortestPaths(diskMachine, { events, limit: 1000 })) {
      // The first step is the start itself.
      const way = steps.slice(1).map(({ event }) => event.type);
      const known = ways.get(String(state.value))?.split(', ');
      if (known === undefined || way.length < known.length)
        ways.set(String(state.value), way.join(', '));
    }
    expect(Object.fromEntries(ways)).to.deep.equal({
      absent: '',
      replaying: 'store.found',
      refused: 'store.refused',
      stopped: 'stop.requested',
      unassembled: 'store.found, journal.replayed',
      stopping: 'store.found, stop.requested',
      serving: 'store.found, journal.replayed, volume.assembled',
      failed: 'store.found, journal.replayed, store.failed',
    });
  });

  it('listens only once the journal was replayed, and serves only once a volume was assembled', () => {
    expect(run('volume.assembled', 'journal.replayed').told).to.deep.equal([]);
    expect(run('store.found').told).to.deep.equal(['open']);
    const { told } = run('store.found', 'volume.assembled', 'journal.replayed', 'volume.assembled');
    expect(told).to.deep.equal(['open', 'listen', 'unassembled', 'serving']);
  });

  it('never serves again after its store has failed', () => {
    const { told, state } = run(
      'store.found',
      'journal.replayed',
      'volume.assembled',
      'store.failed',
      'volume.assembled',
      'journal.replayed',
      'store.found',
    );
    expect(state).to.equal('failed');
    expect(told.at(-1)).to.equal('failed' satisfies DiskMode);
  });

  it('closes its store once, whenever it is stopped', () => {
    for (const before of [
      ['store.found'],
      ['store.refused'],
      ['store.found', 'journal.replayed'],
      ['store.found', 'journal.replayed', 'store.failed'],
    ] as const) {
      const { told, state } = run(...before, 'stop.requested', 'stop.requested', 'store.closed');
      expect(told.filter((each) => each === 'close')).to.have.length(1);
      expect(state).to.equal('stopped');
    }
  });

  for (const isFrozen of [false, true])
    it(`steers the data path: ${isFrozen ? 'frozen, a failed store is served on' : 'a failed store is served no more'}`, () => {
      const world = new DiskActorWorld();
      world.format();
      world.start();
      world.assemble();
      const { disk } = world;
      if (isFrozen) disk.machine.send = () => {};
      else disk.machine.send({ type: 'store.failed', reason: 'EIO' });
      const read = world.ask(world.request(Operation.read, 0, 4096));
      expect(read.reply.outcome.status).to.equal(isFrozen ? Status.ok : Status.media);
      disk.machine.send({ type: 'stop.requested' });
      const slot = world.send(world.request(Operation.read, 0, 4096));
      world.clock.runFor(1000);
      expect(world.answered(slot) === undefined).to.equal(!isFrozen);
    });
});
