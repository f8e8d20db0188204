/** Digests of tags: two mirrors with the same one are taken for equal, and not compared any closer. */
import { expect } from 'chai';
import { checksumOf, scatteredHashOf } from '../../../protocols/checksums.ts';
import {
  digestBytes,
  isSameDigest,
  tagRecordBytes,
  writeDigest,
  writeLostRecord,
  writeTagRecord,
} from '../../../protocols/frames/tag-records.ts';

const blocks = 8;

function recordsOf(epoch: number): DataView {
  const records = new DataView(new ArrayBuffer(blocks * tagRecordBytes));
  for (let block = 0; block < blocks; block++)
    writeTagRecord(records, block, { epoch, writeNumber: block + 1, checksum: 99 * block });
  return records;
}

function bytesOf({ buffer }: DataView): Uint8Array {
  return new Uint8Array(buffer);
}

function digestOf(records: DataView): DataView {
  const digests = new DataView(new ArrayBuffer(digestBytes));
  writeDigest(digests, 0, bytesOf(records));
  return digests;
}

/** Gives the last block that checksum with which the CRC-32 of all records is `crc`: such sums are linear. */
function forge(records: DataView, crc: number): void {
  const crcWith = (checksum: number) => {
    records.setUint32(records.byteLength - 4, checksum, true);
    return checksumOf(bytesOf(records));
  };
  const none = crcWith(0);
  const basis: { image: number; checksum: number }[] = [];
  const reduce = (start: { image: number; checksum: number }) =>
    basis.reduce((left, { image, checksum }) => {
      const less = (left.image ^ image) >>> 0;
      return less < left.image ? { image: less, checksum: left.checksum ^ checksum } : left;
    }, start);
  for (let bit = 0; bit < 32; bit++) {
    const checksum = (1 << bit) >>> 0;
    basis.push(reduce({ image: (crcWith(checksum) ^ none) >>> 0, checksum }));
    basis.sort((one, other) => other.image - one.image);
  }
  crcWith(reduce({ image: (crc ^ none) >>> 0, checksum: 0 }).checksum >>> 0);
}

describe('the digest of tags', () => {
  it('is the same for the same tags only, even where their CRC-32 is the same for others', () => {
    const [one, other] = [recordsOf(4), recordsOf(5)];
    expect(isSameDigest(digestOf(one), digestOf(recordsOf(4)), 0)).to.equal(true);
    forge(other, checksumOf(bytesOf(one)));
    expect(checksumOf(bytesOf(other))).to.equal(checksumOf(bytesOf(one)));
    expect(bytesOf(other)).to.not.deep.equal(bytesOf(one));
    expect(isSameDigest(digestOf(one), digestOf(other), 0)).to.equal(false);
  });

  it('is never the same where a tag is lost, not even of the same one', () => {
    const records = recordsOf(4);
    writeLostRecord(records, 5);
    expect(isSameDigest(digestOf(records), digestOf(recordsOf(4)), 0)).to.equal(false);
    expect(isSameDigest(digestOf(records), digestOf(records), 0)).to.equal(false);
  });

  it('has a known hash beside the CRC', () => {
    expect(scatteredHashOf(Buffer.from('test'))).to.equal(0xba6bd213);
  });
});
