/** A coordinator whose links die: s1 reaches each disk over a link of its own, and over s1-s2. */
import { expect } from 'chai';
import { CallPlaces, callSlotsMax } from '../../../actors/switch/call-places.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { encodeReply } from '../../../protocols/frames/frame.ts';
import type { LinkId } from '../../../protocols/ids.ts';
import { idOf } from '../../../protocols/ids.ts';
import { SwitchWorld, type ToDisk } from './switch-world.ts';

describe('a coordinator whose link to a disk dies under writes', () => {
  let world: SwitchWorld;
  beforeEach(() => {
    world = new SwitchWorld().serve();
  });

  /** What leaves for one disk; all others answer at once. */
  const takeTo = (disk: string): ToDisk[] => {
    const frames = world.takeToDisks();
    for (const frame of frames) if (frame.request.disk !== disk) world.answer(frame);
    return frames.filter(({ request }) => request.disk === disk);
  };

  /** So many writes to different places of the same mirror; the frames of them for d1. */
  const writes = (count: number): ToDisk[] => {
    for (let each = 0; each < count; each++) world.write({ offset: each * 4096 });
    return takeTo('d1');
  };

  const linksOf = (frames: readonly ToDisk[]) => frames.map(({ link }) => link);

  /** Another switch tells that a link behind it is dead. */
  const tellDead = ({ request }: ToDisk, link: string) => {
    const detail = { links: [idOf<LinkId>(link)], alternates: [] };
    const { disk: _, ...answered } = request;
    const outcome = { status: Status.path, detail } as const;
    const reply = { ...answered, disk: '' as const, identity: '', diskInstance: 0, outcome };
    world.reply(request, encodeReply(reply as never));
  };

  it('takes everything over it another way at once, by the first word that nobody listens', () => {
    const frames = writes(3);
    expect(linksOf(frames)).to.deep.equal(['s1-d1', 's1-d1', 's1-d1']);
    const [first] = frames;
    if (first !== undefined) world.io.unanswered(first.sent);
    const again = takeTo('d1');
    expect(linksOf(again)).to.deep.equal(['s1-s2', 's1-s2', 's1-s2']);
    for (const frame of again) world.answer(frame);
    expect(world.takeReplies()).to.have.length(3);
  });

  it('does so, too, when it is the read of a host that meets nobody: nothing else may be sent there any more', () => {
    writes(1);
    world.write({ operation: Operation.read, disk: 'd1', offset: 8192, route: ['s1-d1'] });
    const [read] = takeTo('d1');
    if (read === undefined) throw new Error('the read was not sent on');
    world.io.unanswered(read.sent);
    const again = takeTo('d1');
    expect(linksOf(again)).to.deep.equal(['s1-s2']);
    for (const frame of again) world.answer(frame);
    const statuses = world.takeReplies().map(({ reply }) => reply.outcome.status);
    expect(statuses).to.have.members([Status.path, Status.ok]);
  });

  it('does not blame the new way when it is told of the old one again', () => {
    const frames = writes(3);
    for (const { sent } of frames) world.io.unanswered(sent);
    const again = takeTo('d1');
    expect(linksOf(again)).to.deep.equal(['s1-s2', 's1-s2', 's1-s2']);
    for (const frame of again) world.answer(frame);
    world.clock.runFor(90);
    expect(takeTo('d1'), 'all was answered over the new way').to.be.empty;
  });

  it('leaves in peace what goes to other disks, or has been answered', () => {
    world.write({ offset: 0 });
    world.write({ offset: 4096 });
    const [one, two] = world.takeToDisks().filter(({ request }) => request.disk === 'd1');
    if (one === undefined || two === undefined) throw new Error('two frames were expected');
    world.answer(one);
    world.io.unanswered(two.sent);
    const again = world.takeToDisks();
    expect(again.map(({ request }) => request.offset)).to.deep.equal([4096]);
    expect(linksOf(again)).to.deep.equal(['s1-s2']);
  });

  it('comes back to the first when the link behind another switch is dead too, and then waits', () => {
    const [frame] = writes(1);
    if (frame !== undefined) world.io.unanswered(frame.sent);
    const [second] = takeTo('d1');
    if (second === undefined) throw new Error('another way was expected');
    tellDead(second, 's2-d1');
    expect(takeTo('d1'), 'every way was tried').to.be.empty;
    world.clock.runFor(101);
    expect(linksOf(takeTo('d1'))).to.deep.equal(['s1-d1']);
  });

  // Seed 10 on two-tier: words about attempts of before made all be sent again, and had words of their own.
  it('sends each write once by each way, however many words come, and late ones of before', () => {
    const first = writes(16);
    for (const { sent } of first) world.io.unanswered(sent);
    const second = takeTo('d1');
    expect(second).to.have.length(16);
    for (const frame of second) tellDead(frame, 's2-d1');
    expect(takeTo('d1'), 'every way was tried').to.be.empty;
    for (const { sent } of [...first, ...second]) world.io.unanswered(sent);
    for (const frame of [...first, ...second])
      tellDead(frame, frame.link === 's1-d1' ? 's1-d1' : 's2-d1');
    expect(takeTo('d1'), 'after words that came late').to.be.empty;
    world.clock.runFor(101);
    expect(takeTo('d1')).to.have.length(16);
  });

  it('ignores the word that a link is dead which the write does not take', () => {
    const [frame] = writes(1);
    if (frame === undefined) throw new Error('a frame was expected');
    tellDead(frame, 's2-d1');
    expect(takeTo('d1'), 'it waits for d1, over the link of its own').to.be.empty;
  });

  it('begins with the other way for a while, and then tries the dead link again', () => {
    const [frame] = writes(1);
    if (frame !== undefined) world.io.unanswered(frame.sent);
    for (const again of takeTo('d1')) world.answer(again);
    expect(linksOf(writes(1))).to.deep.equal(['s1-s2']);
    world.runDisks();
    world.clock.runFor(600);
    world.runDisks();
    expect(linksOf(writes(1))).to.deep.equal(['s1-d1']);
  });

  it('waits as long for the new way as for the first', () => {
    const [frame] = writes(1);
    world.clock.runFor(95);
    if (frame !== undefined) world.io.unanswered(frame.sent);
    expect(linksOf(takeTo('d1'))).to.deep.equal(['s1-s2']);
    world.clock.runFor(80);
    expect(takeTo('d1')).to.be.empty;
  });

  it('does not take a late word about an earlier write for one about the next from the same place', () => {
    const [frame] = writes(1);
    world.clock.runFor(330);
    const sent = [...(frame === undefined ? [] : [frame]), ...takeTo('d1')];
    expect(linksOf(sent)).to.deep.equal(['s1-d1', 's1-s2', 's1-d1']);
    const last = sent.at(-1);
    if (last !== undefined) world.answer(last);
    world.runDisks();
    const [next] = writes(1);
    expect(next?.request.replySlot, 'the same place').to.equal(frame?.request.replySlot);
    if (last !== undefined) world.io.unanswered(last.sent);
    expect(takeTo('d1')).to.be.empty;
  });
});

describe('places for what is sent to disks', () => {
  it('are as many as all volumes of a switch can need, and no more', () => {
    const places = new CallPlaces(() => '');
    places.add(callSlotsMax - 1);
    expect(() => places.add(callSlotsMax)).to.throw('4194304 calls to disks are too many');
  });
});
