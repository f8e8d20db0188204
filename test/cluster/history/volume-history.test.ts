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

  it('zeros written again and again are judged like any value', () => {
    const story = () => new Story().write(1, 0, 1).write(0, 2, 3);
    expect(story().read(0, 4).verdict).to.deep.equal([]);
    expect(story().read(1, 4).verdict).to.have.length(1);
  });
});
