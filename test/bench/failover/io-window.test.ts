import { expect } from 'chai';
import { IoWindow } from './io-window.ts';

describe('the I/Os of an injection', () => {
  let window: IoWindow;
  beforeEach(() => {
    window = new IoWindow(2, 1000);
  });

  it('are those that were under way when it struck, in their whole length, and those that began after', () => {
    window.ended(0, 900, 1400, 'write');
    window.ended(0, 1400, 1450, 'read');
    expect(window.longestMs).to.equal(500);
    expect(window.longest).to.equal('write');
    expect(window.ios).to.equal(2);
  });

  it('are not those that had ended before, nor those that began after the trouble', () => {
    window.ended(0, 100, 999);
    window.close(2000);
    window.ended(1, 2000, 5000);
    expect(window.longestMs).to.equal(0);
    expect(window.ios).to.equal(0);
  });

  it('count until the last has ended, however long after the end of the trouble', () => {
    window.close(2000);
    window.ended(0, 2001, 2100);
    expect(window.isComplete(), 'one is still under way').to.equal(false);
    window.ended(1, 1999, 9000);
    expect(window.isComplete()).to.equal(true);
    expect(window.longestMs).to.equal(7001);
  });

  it('are enough only when every lane has ended some that began after the strike', () => {
    window.ended(0, 1001, 1002);
    window.ended(0, 1002, 1003);
    window.ended(1, 999, 1100);
    expect(window.hasBeenThrough(1), 'the other lane ended only what was under way').to.equal(
      false,
    );
    window.ended(1, 1100, 1101);
    expect(window.hasBeenThrough(1)).to.equal(true);
    expect(window.hasBeenThrough(2)).to.equal(false);
  });
});
