import { expect } from 'chai';
import type { AnyActorRef } from 'xstate';
import { Status } from '../../../protocols/codes.ts';
import { type DiskId, idOf, type LinkId } from '../../../protocols/ids.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { HostWorld, type SentFrame } from './host-world.ts';

const linkOf = ({ subject }: SentFrame) => subject.slice(subject.lastIndexOf('.') + 1);

/** Takes every event from a machine: it stays in the state that it is in. */
function freeze(machine: AnyActorRef): void {
  machine.send = () => {};
}

describe('the machines steer the data path: frozen, they do not', () => {
  let world: HostWorld;
  let ended: Status[];
  const read = () =>
    world.driver.read(unitOf<VolumeOffset>(0), 4096, (status) => ended.push(status));
  const sendOne = () => {
    read();
    const [frame] = world.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    return frame;
  };
  beforeEach(() => {
    world = new HostWorld();
    world.serve();
    ended = [];
  });

  for (const isFrozen of [false, true]) {
    const but = isFrozen ? 'frozen: ' : '';

    it(`${but}a dead link is ${isFrozen ? 'tried again and again' : 'not chosen'} (path machine)`, () => {
      const first = sendOne();
      const machine = world.host.paths.machine(idOf<LinkId>(linkOf(first)));
      if (machine === undefined) throw new Error('the link has no machine');
      if (isFrozen) freeze(machine);
      world.noResponders(first);
      world.clock.runFor(45);
      world.answerAll();
      const links = Array.from({ length: 8 }, () => {
        const frame = sendOne();
        world.answerAll([frame]);
        return linkOf(frame);
      });
      expect(links.includes(linkOf(first))).to.equal(isFrozen);
    });

    it(`${but}while a volume is assembled I/O ${isFrozen ? 'is sent' : 'waits'} (attachment machine)`, () => {
      if (isFrozen) freeze(world.attachment.machine);
      world.publish({ state: 'assembling', reason: 'disk d1 is missing' });
      read();
      world.clock.runFor(0);
      expect(world.sent()).to.have.length(isFrozen ? 1 : 0);
      expect(ended).to.be.empty;
    });

    it(`${but}a read whose mirror failed ${isFrozen ? 'reads no other' : 'reads another'} (mirror-retry machine)`, () => {
      world.alternatesAnswer = { ok: true, alternates: ['d2'], away: [] };
      const disk = idOf<DiskId>('d1');
      world.refuse(sendOne(), { status: Status.mirrorRead, detail: { disk, alternates: [] } });
      const [machine] = world.host.mirrorRetries.machines;
      if (machine === undefined) throw new Error('the read has no machine');
      if (isFrozen) freeze(machine);
      world.clock.runFor(5);
      expect(world.sent().map(({ request }) => request.disk)).to.deep.equal(isFrozen ? [] : ['d2']);
      expect(world.host.mirrorRetries.machines).to.have.length(1);
    });

    it(`${but}an HBA without a connection is ${isFrozen ? 'chosen' : 'not chosen'} (HBA machine)`, () => {
      const [hba] = world.host.hbas;
      if (hba === undefined) throw new Error('the host has no HBA');
      if (isFrozen) freeze(hba.machine);
      const before = hba.counters.unsent;
      world.busOf(hba.id).setState('disconnected');
      for (let count = 0; count < 4; count++) read();
      expect(hba.counters.unsent - before > 0).to.equal(isFrozen);
    });

    it(`${but}a host that is told to stop ${isFrozen ? 'never lets go' : 'lets its volumes go'} (host machine)`, () => {
      if (isFrozen) freeze(world.host.machine);
      let over = false;
      world.host.stop(() => {
        over = true;
      });
      world.answerAll();
      world.clock.runFor(5000);
      expect(over).to.equal(!isFrozen);
      expect(world.attachment.state).to.equal(isFrozen ? 'serving' : 'left');
    });
  }
});
