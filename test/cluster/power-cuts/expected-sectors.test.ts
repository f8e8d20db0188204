import { expect } from 'chai';
import { type AskedWrite, ExpectedSectors, sectorsPerBlock } from './expected-sectors.ts';

class Told {
  readonly sectors = new ExpectedSectors();

  begin(value: number, firstSector: number, sectorCount: number): AskedWrite {
    const write = { value, firstSector, sectorCount };
    this.sectors.take({ kind: 'write-begun', write });
    return write;
  }

  end(write: AskedWrite, isDurable = false): void {
    this.sectors.take({ kind: 'write-ended', write, isDurable });
  }

  write(value: number, firstSector = 0, sectorCount = sectorsPerBlock): void {
    this.end(this.begin(value, firstSector, sectorCount));
  }

  beginFlush(): () => void {
    const flush = {};
    this.sectors.take({ kind: 'flush-begun', flush });
    return () => this.sectors.take({ kind: 'flush-ended', flush });
  }

  flush(): void {
    this.beginFlush()();
  }

  /** The values of which a power cut may leave a whole block full. */
  possible(values: readonly number[]): readonly number[] {
    const whole = (value: number) => Array.from({ length: sectorsPerBlock }, () => value);
    return values.filter((value) => this.sectors.problemOf(0, whole(value)) === '');
  }
}

describe('what a block may hold after a power cut', () => {
  it('is anything that was written, or nothing, as long as no flush has ended', () => {
    const told = new Told();
    told.write(1);
    told.begin(2, 0, sectorsPerBlock);
    told.beginFlush();
    expect(told.possible([0, 1, 2, 3])).to.deep.equal([0, 1, 2]);
  });

  it('is the last that was flushed, or what was written since', () => {
    const told = new Told();
    told.write(1);
    told.write(2);
    told.flush();
    told.write(3);
    expect(told.possible([0, 1, 2, 3])).to.deep.equal([2, 3]);
  });

  it('is not lost once a write with FUA is acknowledged, and may be until then', () => {
    const told = new Told();
    const write = told.begin(1, 0, sectorsPerBlock);
    expect(told.possible([0, 1])).to.deep.equal([0, 1]);
    told.end(write, true);
    expect(told.possible([0, 1])).to.deep.equal([1]);
  });

  it('is not covered by a flush that had begun before the write was acknowledged', () => {
    const told = new Told();
    const write = told.begin(1, 0, sectorsPerBlock);
    const end = told.beginFlush();
    told.end(write);
    end();
    expect(told.possible([0, 1])).to.deep.equal([0, 1]);
  });

  it('is either of two writes that were under way together, also when both are flushed', () => {
    const told = new Told();
    const writes = [1, 2].map((value) => told.begin(value, 0, sectorsPerBlock));
    for (const write of writes) told.end(write);
    told.flush();
    expect(told.possible([0, 1, 2])).to.deep.equal([1, 2]);
  });

  it('may be what was never acknowledged, long after others were', () => {
    const told = new Told();
    told.begin(1, 0, sectorsPerBlock);
    told.write(2);
    told.flush();
    expect(told.possible([0, 1, 2])).to.deep.equal([1, 2]);
  });

  it('is zeros again when zeros were flushed, and no value from before', () => {
    const told = new Told();
    told.write(1);
    told.write(0);
    told.flush();
    expect(told.possible([0, 1])).to.deep.equal([0]);
  });

  it('is not a part of a write beside something older', () => {
    const told = new Told();
    told.write(1);
    told.flush();
    told.write(2, 2, 4);
    expect(told.sectors.problemOf(0, [1, 1, 2, 2, 2, 2, 1, 1])).to.equal('');
    expect(told.sectors.problemOf(0, [1, 1, 2, 2, 1, 2, 1, 1])).to.equal(
      'block 0 holds a part of write 2 only: sector 2 is of it, and sector 4 holds 1, which is older',
    );
  });

  it('is not a part of zeros beside something older', () => {
    const told = new Told();
    told.write(1);
    told.flush();
    told.write(0, 0, 2);
    expect(told.sectors.problemOf(0, [0, 0, 1, 1, 1, 1, 1, 1])).to.equal('');
    expect(told.sectors.problemOf(0, [0, 1, 1, 1, 1, 1, 1, 1])).to.include('a part of write 0');
  });

  it('is a part of a write where a later one, or one beside it, took the rest', () => {
    const told = new Told();
    told.write(1);
    told.write(2, 0, 2);
    told.begin(3, 4, 2);
    expect(told.sectors.problemOf(0, [2, 2, 1, 1, 3, 3, 1, 1])).to.equal('');
  });

  it('is no part of a write in one block for that of another block', () => {
    const told = new Told();
    told.write(1, 0, 2 * sectorsPerBlock);
    const nothing = Array.from({ length: sectorsPerBlock }, () => 0);
    expect(told.sectors.problemOf(1, nothing)).to.equal('');
    expect(told.sectors.blocks).to.deep.equal([0, 1]);
  });

  it('says what is there and what must be', () => {
    const told = new Told();
    told.write(1);
    told.flush();
    expect(told.sectors.problemOf(0, [9, 1, 1, 1, 1, 1, 1, 1])).to.equal(
      'sector 0 holds 9, and must hold 1',
    );
  });
});
