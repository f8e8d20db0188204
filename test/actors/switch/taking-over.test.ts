/** Taking partitions over from a coordinator that is gone: what hosts have open is learned, settled, and done once (I6). */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { legSilenceMs } from '../../../actors/switch/leg-calls.ts';
import { hostSilenceMs } from '../../../actors/switch/unfinished-writes.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { rememberedQuerySchema } from '../../../protocols/commands.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

const extentBlock = mebibyte / blockBytes;
const block = (fill: number) => new Uint8Array(blockBytes).fill(fill);

/** h1 goes on under a later attach epoch than it began with. */
const goingOn = {
  generation: 11,
  compared: 'unfinished',
  attachments: loadOf().attachments.map((record) => ({
    ...record,
    attachEpoch: 40,
    firstEpoch: 30,
  })),
};

interface Question {
  readonly subject: string;
  readonly body: Record<string, unknown>;
  readonly replySubject: string;
}

class Takeover {
  readonly world = new SwitchWorld();

  begin(changes: Record<string, unknown> = {}): this {
    const answer = this.world.command('load', loadOf({ ...goingOn, ...changes }));
    if (!answer.ok) throw new Error(answer.message);
    return this;
  }

  /** The questions of one verb that were asked and not answered yet. */
  asked(verb: string): Question[] {
    const { control } = this.world;
    const isMeant = ({ subject }: { subject: string }) => subject.endsWith(`.${verb}`);
    const taken = control.sent.filter(isMeant);
    control.sent = control.sent.filter((sent) => !isMeant(sent));
    return taken.map(({ subject, data, replySubject }) => ({
      subject,
      body: decodeJson(data) as Record<string, unknown>,
      replySubject,
    }));
  }

  answer({ replySubject }: Question, body: object): void {
    this.world.control.deliver(replySubject, encodeJson(body));
  }

  /** The host has these writes open, of one block each. */
  hostAnswers(writes: readonly { ioNumber: number; block: number; fua?: boolean }[]): void {
    const told = writes.map(({ ioNumber, block: at, fua = false }) => ({
      ioNumber,
      offset: at * blockBytes,
      lengthBytes: blockBytes,
      fua,
    }));
    for (const question of this.asked('unfinished'))
      this.answer(question, { ok: true, watermark: 5, writes: told });
  }

  /** Each disk has done these of them. */
  disksAnswer(done: Readonly<Record<string, readonly number[]>>): readonly Question[] {
    const questions = this.asked('remembered');
    for (const question of questions) {
      const disk = question.subject.split('.').at(-2) ?? '';
      this.answer(question, { ok: true, instance: 1, done: [done[disk] ?? []] });
    }
    return questions;
  }

  /** Each disk has done all of them; gives how many hosts it was asked about at a time. */
  disksDidAll(): number[] {
    return this.asked('remembered').map((question) => {
      const { hosts } = rememberedQuerySchema.parse(question.body);
      const done = hosts.map(({ ioNumbers }) => ioNumbers);
      this.answer(question, { ok: true, instance: 1, done });
      return hosts.length;
    });
  }

  /** A write of h1 under the numbers of the new decision. */
  write(ioNumber: number, at: number) {
    this.world.write({
      ioNumber,
      offset: at * blockBytes,
      generation: 11,
      attachEpoch: 40,
      attempt: 1,
    });
  }
}

describe('taking partitions over', () => {
  it('asks the host of the attachment that goes on, then every disk, and serves nobody before', () => {
    const takeover = new Takeover().begin();
    const [question] = takeover.asked('unfinished');
    expect(question?.subject).to.equal('san.v1.lab.cmd.host.h1.unfinished');
    expect(question?.body).to.include({ volume: 'vol0', firstEpoch: 30 });
    takeover.write(7, 3);
    expect(takeover.world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.busy);
    if (question !== undefined)
      takeover.answer(question, {
        ok: true,
        watermark: 5,
        writes: [{ ioNumber: 7, offset: 3 * blockBytes, lengthBytes: blockBytes, fua: true }],
      });
    const disks = takeover.disksAnswer({});
    expect(disks.map(({ subject }) => subject.split('.').at(-2))).to.deep.equal([
      'd1',
      'd2',
      'd3',
      'd4',
    ]);
    expect(disks[0]?.body).to.deep.include({ generation: 11, durable: true });
    takeover.world.runDisks();
    expect(takeover.world.settled(11)).to.include({ settled: true });
  });

  it('compares only where writes are open, and makes these blocks equal from the newest copy', () => {
    const takeover = new Takeover();
    const { world } = takeover;
    world.disk('d1').put(extentBlock + 3, block(7), { epoch: 19, writeNumber: 4 });
    world.disk('d1').put(extentBlock + 9, block(8), { epoch: 19, writeNumber: 5 });
    takeover.begin().hostAnswers([{ ioNumber: 7, block: 3 }]);
    takeover.disksAnswer({ d1: [7] });
    world.runDisks();
    expect(world.settled(11)).to.include({ settled: true, copiedBlocks: 1 });
    expect(world.disk('d2').bytesOf(extentBlock + 3)[0]).to.equal(7);
    expect(world.disk('d2').bytesOf(extentBlock + 9)[0], 'nobody spoke of it').to.equal(0);
    const operations = world.disk('d1').requests.map(({ operation }) => operation);
    expect(operations).to.not.include(Operation.tagDigest);
  });

  it('answers the retry of a write that a disk has done without doing it again, although the block is newer now', () => {
    const takeover = new Takeover();
    const { world } = takeover;
    world.disk('d1').put(extentBlock + 3, block(7), { epoch: 19, writeNumber: 4 });
    takeover.begin().hostAnswers([
      { ioNumber: 7, block: 3 },
      { ioNumber: 8, block: 4 },
    ]);
    takeover.disksAnswer({ d1: [7] });
    world.runDisks();
    takeover.write(20, 3);
    world.runDisks();
    takeover.write(7, 3);
    expect(world.takeToDisks(), 'it was done').to.be.empty;
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.ok);
    expect(world.disk('d1').bytesOf(extentBlock + 3)[0], 'what came after it stays').to.equal(20);
    takeover.write(8, 4);
    expect(world.runDisks()[0]?.reply.outcome.status).to.equal(Status.ok);
    expect(world.disk('d2').bytesOf(extentBlock + 4)[0], 'it was not done before').to.equal(8);
  });

  it('refuses what ended at the host before it was asked', () => {
    const takeover = new Takeover().begin();
    takeover.hostAnswers([]);
    takeover.world.runDisks();
    takeover.write(4, 3);
    expect(takeover.world.takeReplies()[0]?.reply.outcome).to.deep.include({
      status: Status.fenced,
      detail: { number: 'watermark', current: 5 },
    });
  });

  it('believes no other process of a disk than the one that was assembled', () => {
    const takeover = new Takeover().begin();
    takeover.hostAnswers([{ ioNumber: 7, block: 3 }]);
    for (const question of takeover.asked('remembered'))
      takeover.answer(question, { ok: true, instance: 2, done: [[7]] });
    takeover.world.runDisks();
    expect(takeover.world.settled(11)).to.include({ settled: false });
    takeover.world.clock.runFor(100);
    expect(takeover.asked('remembered'), 'it asks again').to.have.length(4);
  });

  it('names a host that does not say what it has open, and goes on asking it', () => {
    const takeover = new Takeover().begin();
    takeover.world.clock.runFor(hostSilenceMs - 10);
    expect(takeover.world.settled(11)).to.deep.include({ settled: false, silentHosts: [] });
    takeover.world.clock.runFor(20);
    expect(takeover.world.settled(11)).to.deep.include({ silentHosts: ['h1'] });
    takeover.world.clock.runFor(2000);
    takeover.hostAnswers([]);
    takeover.world.runDisks();
    expect(takeover.world.settled(11)).to.deep.include({ settled: true, silentHosts: [] });
  });

  it('calls a host silent no more that has answered late, while disks are still asked', () => {
    const takeover = new Takeover().begin();
    takeover.world.clock.runFor(hostSilenceMs + 10);
    expect(takeover.world.settled(11)).to.deep.include({ silentHosts: ['h1'] });
    takeover.world.clock.runFor(2000);
    takeover.hostAnswers([{ ioNumber: 7, block: 3 }]);
    expect(takeover.asked('remembered'), 'disks are asked').to.have.length(4);
    expect(takeover.world.settled(11)).to.deep.include({ settled: false, silentHosts: [] });
  });

  it('gives up for a disk that answers nothing, and reports it: the mirrors may be equal, and nobody here can tell', () => {
    const takeover = new Takeover().begin();
    takeover.hostAnswers([{ ioNumber: 7, block: 3 }]);
    for (const question of takeover.asked('remembered'))
      if (!question.subject.includes('.d1.'))
        takeover.answer(question, { ok: true, instance: 1, done: [[]] });
    takeover.world.clock.runFor(legSilenceMs - 10);
    expect(takeover.asked('trouble')).to.be.empty;
    takeover.world.clock.runFor(20);
    const problem = 'disk d1 does not answer';
    expect(takeover.asked('trouble')[0]?.body).to.deep.include({
      what: problem,
      silentDisks: ['d1'],
    });
    expect(takeover.world.settled(11)).to.deep.include({ settled: false, problem });
  });

  it('waits for a disk that answers, and is not ready yet', () => {
    const takeover = new Takeover().begin();
    takeover.hostAnswers([{ ioNumber: 7, block: 3 }]);
    for (let waitedMs = 0; waitedMs < 2 * legSilenceMs; waitedMs += 100) {
      for (const question of takeover.asked('remembered'))
        takeover.answer(question, { ok: false, reason: 'not-ready', message: 'it starts' });
      takeover.world.clock.runFor(100);
    }
    expect(takeover.asked('trouble')).to.be.empty;
    takeover.world.clock.runFor(1000);
    takeover.disksAnswer({});
    takeover.world.runDisks();
    expect(takeover.world.settled(11)).to.include({ settled: true });
  });

  it('gives up for a disk that was not ready at first, and then answers nothing any more', () => {
    const takeover = new Takeover().begin();
    takeover.hostAnswers([{ ioNumber: 7, block: 3 }]);
    for (const question of takeover.asked('remembered'))
      takeover.answer(question, { ok: false, reason: 'not-ready', message: 'it starts' });
    takeover.world.clock.runFor(legSilenceMs + 10);
    expect(takeover.asked('trouble'), 'it has answered').to.be.empty;
    takeover.world.clock.runFor(legSilenceMs);
    expect(takeover.asked('trouble')[0]?.body).to.deep.include({
      silentDisks: ['d1', 'd2', 'd3', 'd4'],
    });
  });

  it('from ever so many hosts that share the volume, whose writes do not all fit into one question', () => {
    const [attachment] = loadOf().attachments;
    const attachments = Array.from({ length: 300 }, (_, index) => ({
      ...attachment,
      host: `h${index}`,
      mode: 'shared',
      attachEpoch: 40 + index,
      firstEpoch: 30,
    }));
    const takeover = new Takeover().begin({ attachments });
    takeover.hostAnswers(
      Array.from({ length: 100 }, (_, index) => ({ ioNumber: 7 + index, block: index })),
    );
    expect(takeover.disksDidAll()).to.deep.equal([164, 164, 164, 164]);
    expect(takeover.disksDidAll()).to.deep.equal([136, 136, 136, 136]);
    takeover.world.runDisks();
    expect(takeover.world.settled(11)).to.include({ settled: true });
  });

  it('asks nobody whose attachment has just begun, or only reads', () => {
    const [attachment] = loadOf().attachments;
    for (const changes of [{ firstEpoch: 40 }, { firstEpoch: 30, readOnly: true }]) {
      const attachments = [{ ...attachment, attachEpoch: 40, ...changes }];
      const takeover = new Takeover().begin({ attachments });
      expect(takeover.asked('unfinished')).to.be.empty;
      takeover.world.runDisks();
      expect(takeover.world.settled(11)).to.include({ settled: true });
    }
  });

  it('forgets its questions when there is another decision, and begins anew', () => {
    const takeover = new Takeover().begin();
    const [before] = takeover.asked('unfinished');
    takeover.begin({ generation: 12, compared: 'all' });
    if (before !== undefined) takeover.answer(before, { ok: true, watermark: 5, writes: [] });
    expect(takeover.asked('remembered')).to.be.empty;
    takeover.hostAnswers([]);
    takeover.world.runDisks();
    expect(takeover.world.settled(12)).to.include({ settled: true });
    const operations = takeover.world.disk('d1').requests.map(({ operation }) => operation);
    expect(operations, 'everything is compared').to.include(Operation.tagDigest);
  });
});
