/**
 * The power fails behind entries of recorded logs. All entries of many recordings are `npm run proof:power-cuts -- --long`.
 */
import { expect } from 'chai';
import { type CutReport, eachOf } from './cut-report.ts';
import { cutRecording } from './recordings.ts';
import { recordSan } from './san-recording.ts';

function cut(recording: string, every: number): CutReport {
  const report = cutRecording(recording, eachOf(every));
  expect(report.failed, recording).to.deep.equal([]);
  return report;
}

describe('when the power fails', function () {
  this.timeout(60_000);

  it('a disk keeps what it had made durable, forgets no I/O and no fence, and finds nothing rotten', () => {
    const { points, cuts } = cut('disk:1', 8);
    expect(points).to.be.greaterThan(40);
    expect(cuts).to.be.greaterThan(2 * points);
  });

  it('a stripe of mirrors serves again, with all that was flushed, and with equal mirrors', () => {
    expect(cut('default:1', 120).points).to.be.greaterThan(5);
  });

  it('so do volumes of three mirrors that two hosts share, over two tiers of switches', () => {
    expect(cut('two-tier:1', 180).points).to.be.greaterThan(3);
  });
});

describe('the recording of a SAN', function () {
  this.timeout(60_000);

  it('is the same each time, and holds decisions, writes, zeros, FUA and flushes', () => {
    const [one, other] = [recordSan('default', '2'), recordSan('default', '2')];
    expect(other.log.entries).to.deep.equal(one.log.entries);
    const marks = one.log.entries.flatMap((entry) => (entry.kind === 'mark' ? [entry.mark] : []));
    const asked = marks.flatMap((mark) => (mark.kind === 'consumer' ? [mark.mark] : []));
    const writes = asked.flatMap((mark) => (mark.kind === 'write-begun' ? [mark.write.value] : []));
    const ends = asked.flatMap((mark) => (mark.kind === 'write-ended' ? [mark.isDurable] : []));
    expect(ends).to.have.length(writes.length).and.to.include.members([true, false]);
    expect(writes.filter((value) => value === 0)).to.not.be.empty;
    expect(writes.filter((value) => value > 0).length).to.be.greaterThan(50);
    expect(asked.filter(({ kind }) => kind === 'flush-ended').length).to.be.greaterThan(10);
    expect(marks.filter(({ kind }) => kind === 'database').length).to.be.greaterThan(3);
  });

  it('has a name, and anything else names none', () => {
    for (const name of ['', 'default', 'disk:', 'third:1', 'disk:1@', 'disk:1@x'])
      expect(() => cutRecording(name, eachOf(1)), name).to.throw(RangeError, 'names no recording');
    expect(() => cutRecording('disk:1@999999', eachOf(1))).to.throw(RangeError, 'entry 999999');
  });
});
