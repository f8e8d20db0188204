/** Errors of disks on their way back through switches, and what becomes of them there (DESIGN §4, §5). */
import { expect } from 'chai';
import { recentForwardsMax } from '../../../actors/switch/forwarding.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { plainError } from '../../../protocols/frames/reply.ts';
import { kibibyte, mebibyte } from '../../../protocols/units.ts';
import { mediaError } from './fake-disk.ts';
import { loadOf, SwitchWorld, type ToDisk } from './switch-world.ts';

const read = { operation: Operation.read, disk: 'd1', partitionEpoch: 0, replySlot: 41 };
const limits = { layoutMemoryBytes: mebibyte, mirrorsMax: 4, serializesSpans: true };
const final = 'san.v1.lab.rpl.hba.h1-a.41';

function one(frames: readonly ToDisk[]): ToDisk {
  const [frame] = frames;
  if (frame === undefined) throw new Error('nothing was sent');
  return frame;
}

describe('an error of a disk', () => {
  const told = (world: SwitchWorld) =>
    world
      .takeReplies()
      .map(({ sent, reply }) => ({ subject: sent.subject, outcome: reply.outcome }));

  it('that a mirror cannot be read becomes mirror-read at the switch that found it, with the other mirrors', () => {
    const world = new SwitchWorld().serve();
    world.write(read);
    world.refuse(one(world.takeToDisks()), mediaError);
    const detail = { disk: 'd1', alternates: ['d2'] };
    expect(told(world)).to.deep.equal([
      { subject: final, outcome: { status: Status.mirrorRead, detail } },
    ]);
  });

  it('becomes the bare code at a switch that names no alternates', () => {
    const world = new SwitchWorld({
      limits: { ...limits, namesAlternates: false, cacheBytes: 0 },
    }).serve();
    world.write(read);
    world.refuse(one(world.takeToDisks()), mediaError);
    const detail = { disk: 'd1', alternates: [] };
    expect(told(world).map(({ outcome }) => outcome)).to.deep.equal([
      { status: Status.mirrorRead, detail },
    ]);
  });

  it('stays what it is where no other mirror is in sync', () => {
    const mirrorSets = loadOf().mirrorSets.map((set) => ({
      ...set,
      mirrors: ['in-sync', 'stale'],
    }));
    const world = new SwitchWorld().serve({ mirrorSets });
    world.write(read);
    world.refuse(one(world.takeToDisks()), mediaError);
    expect(told(world).map(({ outcome }) => outcome)).to.deep.equal([mediaError]);
  });

  it('of another kind is told as it is', () => {
    const world = new SwitchWorld().serve();
    world.write(read);
    const fenced = {
      status: Status.fenced,
      detail: { number: 'attachEpoch', current: 31 },
    } as const;
    world.refuse(one(world.takeToDisks()), fenced);
    expect(told(world)).to.deep.equal([{ subject: final, outcome: fenced }]);
  });

  it('goes from a plain switch to the hop before, which turns it', () => {
    const world = new SwitchWorld().serve();
    const plain = new SwitchWorld({ virtualizing: false });
    world.write({ ...read, route: ['s1-s2', 's2-d1'] });
    const forwarded = one(world.takeToDisks());
    plain.arrive({ ...forwarded.request, route: ['s1-d1'] as never }, forwarded.sent.replySubject);
    plain.refuse(one(plain.takeToDisks()), mediaError);
    const [handedOn] = plain.io.sent;
    expect(handedOn).to.include({ subject: forwarded.sent.replySubject, replySubject: final });
    if (handedOn !== undefined)
      world.io.deliver(handedOn.subject, handedOn.data, handedOn.replySubject);
    expect(told(world).map(({ outcome }) => outcome.status)).to.deep.equal([Status.mirrorRead]);
  });

  it('goes to the host as it is when the switch has forgotten the read', () => {
    const world = new SwitchWorld().serve();
    world.write(read);
    const first = one(world.takeToDisks());
    for (let each = 0; each < recentForwardsMax; each++) world.write({ ...read, replySlot: 7 });
    world.takeToDisks();
    world.refuse(first, mediaError);
    expect(told(world)).to.deep.equal([{ subject: final, outcome: mediaError }]);
    expect(world.switch.facts().counters).to.include({ forgottenErrors: 1 });
  });

  it('is published nowhere else, whatever address comes with it', () => {
    const world = new SwitchWorld().serve();
    world.write(read);
    const first = one(world.takeToDisks());
    const stray = { ...first.request, ioNumber: 999 as never };
    for (const address of [
      'san.v1.other.rpl.hba.h1-a.41',
      'san.v1.lab.io.disk.d1.x',
      'x',
      '$SYS.y',
    ])
      world.io.deliver(
        first.sent.replySubject,
        world.disk('d1').answer(stray, first.data),
        address,
      );
    expect(world.io.sent).to.be.empty;
  });

  it('of a shared volume’s read becomes mirror-read at its coordinator', () => {
    const [attached] = loadOf().attachments;
    const world = new SwitchWorld().serve({ attachments: [{ ...attached, mode: 'shared' }] });
    world.write({ ...read, disk: '', partitionEpoch: 20 });
    world.refuse(one(world.takeToDisks()), mediaError);
    expect(told(world).map(({ outcome }) => outcome.status)).to.deep.equal([Status.mirrorRead]);
    world.write({ ...read, disk: 'd2', partitionEpoch: 20, attempt: 1 });
    expect(one(world.takeToDisks()).request.disk).to.equal('d2');
  });

  it('of a part that is not one on this layout any more stays what it is', () => {
    const world = new SwitchWorld().serve();
    world.write({ ...read, lengthBytes: 4 * kibibyte });
    const frame = one(world.takeToDisks());
    world.command('unload', { volume: 'vol0', generation: 10 });
    world.refuse(frame, plainError(Status.media, 'the medium failed'));
    expect(told(world).map(({ outcome }) => outcome.status)).to.deep.equal([Status.media]);
  });
});
