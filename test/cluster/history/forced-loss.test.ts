/** What a volume may lack after an operator had it go on without a mirror that had everything (DESIGN I4). */
import { expect } from 'chai';
import { VolumeHistory } from '../../../cluster/history/volume-history.ts';

/** What the mirror that goes on has: it left at 20, was lost to at 30, and serves from 40 on. */
const loss = { leftAt: 20, heldUntil: 20, decidedAt: 30, covers: (sector: number) => sector === 0 };
const servedAt = 40;

/** Sectors 0 and 1, which are written and read together; operator's force is about sector 0. */
class Story {
  readonly history = new VolumeHistory();

  write(value: number, at: number, ended: number | 'open', fua = true): this {
    const token = this.history.beginWrite({ value, firstSector: 0, sectorCount: 2, at });
    if (ended !== 'open') this.history.writeSucceeded(token, fua, ended);
    return this;
  }

  /** Both sectors at once. */
  read(values: readonly number[], startedAt: number, at = startedAt + 1): this {
    this.history.readSucceeded({ firstSector: 0, values, startedAt, at });
    return this;
  }

  force(changes: Partial<typeof loss> = {}): this {
    this.history.lossForced({ ...loss, ...changes });
    this.history.servedAfterLoss(servedAt);
    return this;
  }

  powerCut(): this {
    this.history.powerCut();
    return this;
  }

  get verdict(): readonly string[] {
    return this.history.violations().map(({ sector, what }) => `${sector}: ${what}`);
  }
}

describe('a volume after an operator’s force', () => {
  /** 1 was durable before the mirror left, 2 was acknowledged without it. */
  const story = () => new Story().write(1, 1, 2).write(2, 22, 23).force();

  it('may lack what was acknowledged since the mirror left that it goes on with', () => {
    expect(story().read([1, 2], 50).verdict).to.deep.equal([]);
  });

  it('lacks nothing that was durable before that', () => {
    const verdict = story().read([0, 2], 50).verdict;
    expect(verdict).to.deep.equal(['0: a read saw value 0; possible before were 1']);
  });

  it('lacks nothing where the force is not about', () => {
    expect(story().read([1, 1], 50).verdict).to.have.length(1);
  });

  it('never has again what was lost by it', () => {
    expect(story().read([2, 2], 50).verdict).to.have.length(1);
    expect(story().read([1, 2], 50).read([2, 2], 60).verdict).to.have.length(1);
  });

  it('may have of it what was copied to the mirror before it was lost', () => {
    const copied = () => new Story().write(1, 1, 2).write(2, 22, 23).force({ heldUntil: 28 });
    expect(copied().read([2, 2], 50).verdict).to.deep.equal([]);
    expect(copied().read([1, 2], 50).verdict).to.deep.equal([]);
    expect(copied().read([1, 2], 50).read([2, 2], 60).verdict, 'one of them').to.have.length(1);
  });

  it('may lack, or have, what no flush had covered when the mirror left', () => {
    const unflushed = () => new Story().write(1, 1, 2).write(3, 4, 5, false).force();
    for (const value of [1, 3]) expect(unflushed().read([value, 3], 50).verdict).to.deep.equal([]);
    expect(unflushed().read([0, 3], 50).verdict).to.have.length(1);
  });

  it('has what was acknowledged after it, also after a power cut', () => {
    const later = () => story().write(4, 50, 51);
    expect(later().read([4, 4], 60).verdict).to.deep.equal([]);
    expect(later().read([1, 4], 60).verdict).to.have.length(1);
    expect(later().powerCut().read([4, 4], 60).verdict).to.deep.equal([]);
    expect(later().powerCut().read([1, 4], 60).verdict).to.have.length(1);
    expect(story().powerCut().read([1, 2], 60).verdict).to.deep.equal([]);
    expect(story().powerCut().read([2, 2], 60).verdict).to.have.length(1);
  });

  it('may have done or lost what was open meanwhile, and has not read what was read of it', () => {
    const open = () => story().write(5, 25, 45).read([2, 2], 25, 55);
    expect(open().read([1, 5], 60).verdict).to.deep.equal([]);
    expect(open().read([5, 5], 60).verdict).to.deep.equal([]);
    expect(open().read([5, 5], 60).read([1, 5], 70).verdict).to.have.length(1);
  });

  it('tells as little of power cuts before as the mirror knows of them', () => {
    const cut = () => new Story().write(1, 1, 2).write(3, 4, 5, false).powerCut();
    expect(cut().read([1, 3], 10).force().read([1, 3], 50).verdict).to.deep.equal([]);
    expect(cut().write(6, 12, 13).force().read([1, 6], 50).verdict).to.have.length(1);
    expect(cut().write(6, 22, 23).powerCut().force().read([1, 6], 50).verdict).to.deep.equal([]);
    expect(cut().write(6, 22, 23).powerCut().force().read([6, 6], 50).verdict).to.have.length(1);
  });

  it('may have, of one who was overruled before, what that one had and what was copied to it since', () => {
    const overruled = () => {
      const told = story().write(4, 50, 51);
      const back = { leftAt: 30, heldUntil: 60, decidedAt: 70, covers: loss.covers };
      told.history.lossForced(back);
      told.history.servedAfterLoss(80);
      return told;
    };
    for (const value of [1, 2, 4])
      expect(overruled().read([value, 4], 90).verdict, String(value)).to.deep.equal([]);
    expect(overruled().read([0, 4], 90).verdict).to.have.length(1);
  });

  it('has what a flush vouches for that was begun after it: who wrote what was lost must be told', () => {
    const flushed = (flushedAt: number) => {
      const told = new Story();
      const token = told.history.beginWrite({ value: 3, firstSector: 0, sectorCount: 2, at: 22 });
      told.history.writeSucceeded(token, false, 23);
      token.vouchedAt = flushedAt;
      return told.force().read([0, 3], 50);
    };
    expect(flushed(25).verdict, 'it was durable on who was lost').to.deep.equal([]);
    expect(flushed(35).verdict, 'it may have been').to.deep.equal([]);
    expect(flushed(45).verdict).to.have.length(1);
    expect(flushed(Number.POSITIVE_INFINITY).verdict).to.deep.equal([]);
  });

  it('is told line by line like any other', () => {
    const { history } = story().read([1, 2], 50).read([2, 2], 60);
    expect(history.story(0).at(-1)).to.equal('60 to 61  read: saw 2');
  });
});
