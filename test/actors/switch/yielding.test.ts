/** A coordinator that is to let its partitions go ends what is open, takes nothing new, and goes on where nobody comes. */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { Status } from '../../../protocols/codes.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

const query = { volume: 'vol0', generation: 10 };

function ask(world: SwitchWorld, body: object = query): void {
  world.control.sent = [];
  world.control.deliver('san.v1.lab.cmd.switch.s1.yield', encodeJson(body), 'yielded');
}

function answerOf(world: SwitchWorld): unknown {
  const answer = world.control.sent.find(({ subject }) => subject === 'yielded');
  return answer === undefined ? null : decodeJson(answer.data);
}

const statuses = (world: SwitchWorld) =>
  world.takeReplies().map(({ reply }) => reply.outcome.status);

describe('a coordinator that yields', () => {
  it('answers at once when nothing is open', () => {
    const world = new SwitchWorld().serve();
    ask(world);
    expect(answerOf(world)).to.deep.equal({ ok: true });
  });

  it('carries what is open to its end, with what waits behind it, and only then answers', () => {
    const world = new SwitchWorld().serve();
    world.write();
    world.write();
    ask(world);
    const [first, second] = world.takeToDisks();
    if (first === undefined || second === undefined) throw new Error('nothing was sent');
    world.answer(first);
    expect(answerOf(world)).to.equal(null);
    world.answer(second);
    expect(answerOf(world), 'the other one waited behind it').to.equal(null);
    world.runDisks();
    expect(answerOf(world)).to.deep.equal({ ok: true });
  });

  it('sends hosts that come for control data, in all partitions', () => {
    const world = new SwitchWorld().serve();
    ask(world);
    world.write();
    world.write({ offset: 1024 * 1024 });
    expect(world.takeToDisks()).to.deep.equal([]);
    expect(statuses(world)).to.deep.equal([Status.notCoordinator, Status.notCoordinator]);
  });

  it('serves on when it is decided that all stays as it is', () => {
    const world = new SwitchWorld().serve();
    ask(world);
    world.serve({ generation: 11 });
    world.write({ generation: 11 });
    expect(world.runDisks().map(({ reply }) => reply.outcome.status)).to.deep.equal([Status.ok]);
    expect(world.settled(11)).to.include({ settled: true });
  });

  it('serves on when nothing is decided for long', () => {
    const world = new SwitchWorld().serve();
    ask(world);
    world.clock.runFor(2000);
    world.write();
    expect(world.runDisks().map(({ reply }) => reply.outcome.status)).to.deep.equal([Status.ok]);
  });

  it('refuses whoever speaks of another decision than the one that it works by', () => {
    const world = new SwitchWorld().serve();
    ask(world, { ...query, generation: 9 });
    expect(answerOf(world)).to.include({ ok: false, reason: 'fenced' });
    world.write();
    expect(world.takeToDisks()).to.have.length(2);
  });

  it('does not answer for partitions that were decided about before they were empty', () => {
    const world = new SwitchWorld().serve();
    world.write();
    ask(world);
    const partitions = loadOf().partitions.map((record) => ({ ...record, coordinator: 's2' }));
    world.command('load', loadOf({ generation: 11, partitions }));
    expect(answerOf(world)).to.equal(null);
  });
});
