import { expect } from 'chai';
import { decodeStretches, encodeStretches } from '../../../protocols/frames/allocation.ts';

describe('what a disk answers about allocation', () => {
  const stretches = [
    { lengthBytes: 4096, allocated: true },
    { lengthBytes: 64 * 1024 * 1024 - 4096, allocated: false },
  ];

  it('comes back as it was written, up to the largest range', () => {
    expect(decodeStretches(encodeStretches(stretches), 64 * 1024 * 1024)).to.deep.equal(stretches);
  });

  it('is refused when it is about another length, is empty, cut short, or has a stretch of nothing', () => {
    const bytes = encodeStretches(stretches);
    expect(decodeStretches(bytes, 4096)).to.equal(null);
    expect(decodeStretches(new Uint8Array(0), 4096)).to.equal(null);
    expect(decodeStretches(bytes.subarray(0, 6), 4096)).to.equal(null);
    expect(decodeStretches(new Uint8Array(4), 0)).to.equal(null);
  });
});
