import { expect } from 'chai';
import { VolumeHistory } from '../../../cluster/history/volume-history.ts';

/** Sector 0 only: writes and reads with the moments at which they began and ended. */
class Story {
  readonly history = new VolumeHistory();

  write(value: number, at: number, ended: number | 'error' | 'open', fua = false): this {
    const token = this.history.beginWrite({ value, firstSector: 0, sectorCount: 1, at });
    if (ended === 'error') this.history.writeFailed(token, at + 1);
    else if (ended !== 'open') this.history.writeSucceeded(token, fua, ended);
    return this;
  }

  /** Never answered; asked for again over a new connection, and that was answered at `at`. */
  overtaken(value: number, startedAt: number, at: number): this {
    const token = this.history.beginWrite({
      value,
      firstSector: 0,
      sectorCount: 1,
      at: startedAt,
    });
    this.history.writeOvertaken(token, at);
    return this;
  }

  read(value: number, startedAt: number): this {
    this.history.readSucceeded({ firstSector: 0, values: [value], startedAt, at: startedAt + 1 });
    return this;
  }

  flush(startedAt: number): this {
    this.history.flushSucceeded(startedAt, startedAt + 1);
    return this;
  }

  powerCut(): this {
    this.history.powerCut();
    return this;
  }

  get verdict(): readonly string[] {
    return this.history.violations().map(({ what }) => what);
  }
}

describe('history of a volume', () => {
  it('flushed data must be there after a power cut', () => {
    const story = () => new Story().write(1, 0, 1).flush(2).powerCut();
    expect(story().read(1, 10).verdict).to.deep.equal([]);
    expect(story().read(0, 10).verdict).to.have.length(1);
  });

  it('data written with FUA must be there after a power cut', () => {
    expect(new Story().write(1, 0, 1, true).powerCut().read(0, 10).verdict).to.have.length(1);
  });

  it('a flush covers only what had ended before it began', () => {
    const story = new Story().write(1, 0, 5).flush(2).powerCut();
    expect(story.read(0, 10).verdict).to.deep.equal([]);
  });

  it('after a power cut an unflushed write may be there or not, but always the same', () => {
    const story = () => new Story().write(1, 0, 1).write(2, 2, 3).powerCut();
    expect(story().read(0, 10).verdict).to.deep.equal([]);
    expect(story().read(1, 10).verdict).to.deep.equal([]);
    expect(story().read(2, 10).read(2, 12).verdict).to.deep.equal([]);
    expect(story().read(2, 10).read(1, 12).verdict).to.have.length(1);
  });

  it('a value from before the last durable one never comes back', () => {
    const story = new Story().write(1, 0, 1).write(2, 2, 3, true).powerCut();
    expect(story.read(1, 10).verdict).to.have.length(1);
  });

  it('a write that ended in an error is dead once the volume has served a later request', () => {
    expect(new Story().write(1, 0, 'error').read(1, 5).read(1, 7).verdict).to.deep.equal([]);
    expect(new Story().write(1, 0, 'error').read(0, 5).read(0, 7).verdict).to.deep.equal([]);
    expect(new Story().write(1, 0, 'error').read(0, 5).read(1, 7).verdict).to.have.length(1);
  });

  it('a write without an answer may still happen later', () => {
    expect(new Story().write(1, 0, 'open').read(0, 5).read(1, 7).verdict).to.deep.equal([]);
  });

  it('nor may one whose client has asked again and been answered, but it may have happened', () => {
    const story = () => new Story().overtaken(1, 0, 4).write(2, 2, 4);
    expect(story().read(2, 5).verdict).to.deep.equal([]);
    expect(new Story().overtaken(1, 0, 6).write(2, 2, 4).read(1, 5).verdict).to.deep.equal([]);
    expect(story().read(2, 5).read(1, 7).verdict).to.have.length(1);
  });

  it('of a sector is told line by line, up to what cannot be explained', () => {
    const history = new VolumeHistory();
    const write = (value: number, by: string, at: number) =>
      history.beginWrite({ value, firstSector: 0, sectorCount: 8, at, by });
    history.writeSucceeded(write(1, 'h1/0', 1), true, 3);
    history.writeFailed(write(2, 'h2/0', 4), 6);
    write(3, 'h2/1', 7);
    const seen = (values: number[], by: string, startedAt: number) =>
      history.readSucceeded({ firstSector: 5, values, startedAt, at: startedAt + 1, by });
    seen([1, 1], 'h1/1', 10);
    seen([1, 9], 'h1/1', 12);
    seen([1, 1], 'h1/1', 14);
    expect(history.violations().map(({ sector }) => sector)).to.deep.equal([6]);
    expect(history.story(6)).to.deep.equal([
      ' 1 to  3  h1/0  write 1: acknowledged, made durable',
      ' 4 to 9.5  h2/0  write 2: no success, and over by then',
      ' 7 to open  h2/1  write 3: no answer',
      '10 to 11  h1/1  read: saw 1',
      '12 to 13  h1/1  read: saw 9',
    ]);
    expect(history.story(9)).to.deep.equal([]);
  });

  it('zeros written again and again are judged like any value', () => {
    const story = () => new Story().write(1, 0, 1).write(0, 2, 3);
    expect(story().read(0, 4).verdict).to.deep.equal([]);
    expect(story().read(1, 4).verdict).to.have.length(1);
  });
});
