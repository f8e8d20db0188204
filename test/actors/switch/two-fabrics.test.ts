/** A switch on two fabrics, n1 and n2: every disk can be reached on either, HBA a hears on n1 and HBA b on n2. */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { decodeFrame, encodeRequest, FrameKind } from '../../../protocols/frames/frame.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { HeldBus, type Sent } from './held-bus.ts';
import { SwitchWorld } from './switch-world.ts';

const disks = ['d1', 'd2', 'd3', 'd4'];
const read = { operation: Operation.read, disk: 'd1', partitionEpoch: 0 };
/** Any connection of this switch will do for its answer. */
const fromSwitch = { ...read, replyKind: 'switch', replyId: 's2' } as const;

class TwoFabrics extends SwitchWorld {
  readonly other: HeldBus;

  /** @param onFirst the disks that can be reached over n1 */
  constructor(onFirst: readonly string[] = disks) {
    const other = new HeldBus();
    super((io) => {
      const link = (id: string, kind: string, end: string, bus: HeldBus | typeof io) => ({
        link: id,
        receiver: { kind, id: end },
        io: bus,
      });
      const links = [
        link('h1-s1', 'hba', 'h1-a', io),
        link('h1-b-s1', 'hba', 'h1-b', other),
        ...onFirst.map((id) => link(`s1-${id}`, 'disk', id, io)),
        ...disks.map((id) => link(`s1-${id}-n2`, 'disk', id, other)),
      ];
      const routes = disks.flatMap((disk) =>
        [`s1-${disk}`, `s1-${disk}-n2`].map((first) => ({ disk, links: [first] })),
      );
      const hbas = new Map([
        ['h1-a', io],
        ['h1-b', other],
      ]);
      return { links, routes, io: { buses: [io, other], hbas } } as never;
    });
    this.other = other;
  }

  /** A request arrives over n2, as HBA b sends it. */
  arriveByB(request: Request): void {
    const data = new Uint8Array(request.operation === Operation.write ? request.lengthBytes : 0);
    this.other.deliver('san.v1.lab.io.switch.s1.h1-b-s1', encodeRequest(request, [data]));
  }

  /** Links of the frames that left for disks over n2. */
  takeFromOther(): Sent[] {
    return this.other.sent.splice(0);
  }
}

const linksOf = (sent: readonly Sent[]) =>
  sent.map(({ subject }) => subject.slice(subject.lastIndexOf('.') + 1)).sort();

describe('a switch on two fabrics', () => {
  it('sends a read on over the fabric of its HBA, where the disk can answer that', () => {
    const world = new TwoFabrics().serve();
    world.write(read);
    expect(world.takeToDisks().map(({ link }) => link)).to.deep.equal(['s1-d1']);
    world.arriveByB(world.request({ ...read, replyId: 'h1-b' }));
    expect(linksOf(world.takeFromOther())).to.deep.equal(['s1-d1-n2']);
    expect(world.takeToDisks()).to.be.empty;
  });

  it('answers an HBA on its fabric, whichever the disks were written over', () => {
    const world = new TwoFabrics().serve();
    world.arriveByB(world.request({ replyId: 'h1-b' }));
    expect(world.runDisks()).to.be.empty;
    const [answer] = world.takeFromOther();
    expect(answer?.subject).to.equal('san.v1.lab.rpl.hba.h1-b.9');
  });

  it('tells of a dead link where the frame came from, and names no link of the other fabric instead', () => {
    const world = new TwoFabrics().serve();
    world.arriveByB(world.request({ ...read, replyId: 'h1-b' }));
    const [sent] = world.takeFromOther();
    if (sent === undefined) throw new Error('nothing was sent');
    world.other.unanswered(sent);
    const [answer] = world.takeFromOther();
    const frame = decodeFrame(answer?.data ?? new Uint8Array(0));
    expect(frame?.kind === FrameKind.reply && frame.reply.outcome).to.deep.equal({
      status: Status.path,
      detail: { links: ['s1-d1-n2'], alternates: [] },
    });
  });

  it('goes on as coordinator when one is lost: what is due is asked for over the other at once', () => {
    const world = new TwoFabrics().serve();
    const request = world.request({ replyId: 'h1-b' });
    world.arriveByB(request);
    expect(world.takeToDisks().map(({ link }) => link)).to.have.members(['s1-d1', 's1-d2']);
    world.io.become('disconnected');
    expect(world.switch.mode).to.equal('virtualizing');
    expect(linksOf(world.takeFromOther())).to.deep.equal(['s1-d1-n2', 's1-d2-n2']);
    world.arriveByB(world.request({ replyId: 'h1-b', offset: 8192 }));
    expect(linksOf(world.takeFromOther())).to.deep.equal(['s1-d1-n2', 's1-d2-n2']);
  });

  it('takes the first fabric again when it is back', () => {
    const world = new TwoFabrics().serve();
    world.io.become('disconnected');
    world.io.become('connected');
    world.write();
    expect(world.takeToDisks().map(({ link }) => link)).to.have.members(['s1-d1', 's1-d2']);
  });

  it('stands still only when both are lost', () => {
    const world = new TwoFabrics().serve();
    world.io.become('disconnected');
    world.other.become('disconnected');
    expect(world.switch.mode).to.equal('isolated');
    world.other.become('connected');
    expect(world.switch.mode).to.equal('virtualizing');
  });

  it('leaves a fabric on which nothing answers any more, without waiting for its loss, and comes back to it', () => {
    const world = new TwoFabrics().serve();
    world.arriveByB(world.request({ replyId: 'h1-b' }));
    expect(world.takeToDisks()).to.have.length(2);
    world.clock.runFor(140);
    expect(linksOf(world.takeFromOther())).to.include.members(['s1-d1-n2', 's1-d2-n2']);
    world.arriveByB(world.request({ replyId: 'h1-b', offset: 8192 }));
    expect(linksOf(world.takeFromOther())).to.deep.equal(['s1-d1-n2', 's1-d2-n2']);
    world.write(read);
    world.clock.runFor(20);
    world.takeToDisks();
    world.takeFromOther();
    world.write({ offset: 16_384 });
    expect(world.takeToDisks().map(({ link }) => link)).to.have.members(['s1-d1', 's1-d2']);
  });

  it('does not avoid a quiet fabric while there is no other', () => {
    const world = new TwoFabrics().serve();
    world.arriveByB(world.request({ replyId: 'h1-b' }));
    world.clock.runFor(140);
    world.takeToDisks();
    world.other.become('disconnected');
    world.takeToDisks();
    world.write(fromSwitch);
    expect(world.takeToDisks().map(({ link }) => link)).to.deep.equal(['s1-d1']);
  });

  it('calls the links to a disk dead, and the request not invalid, when it has lost the fabrics they are on', () => {
    const world = new TwoFabrics(['d2', 'd3', 'd4']).serve();
    world.other.become('disconnected');
    world.write(fromSwitch);
    expect(world.takeReplies().map(({ reply }) => reply.outcome)).to.deep.equal([
      { status: Status.path, detail: { links: ['s1-d1-n2'], alternates: [] } },
    ]);
  });
});
