/**
 * A switch with disks as they are, on a simulated network: mirrors that a power cut left unequal are equal after the
 * next assembly, hold everything that was acknowledged with FUA, and hold it alike. So are mirrors that were away.
 */
import { expect } from 'chai';
import { Lab } from './lab.ts';

describe('a switch with its disks', () => {
  for (let seed = 1; seed <= 6; seed++)
    it(`makes mirrors equal after power cuts, and keeps what was acknowledged (seed ${seed})`, () => {
      const lab = new Lab(seed);
      lab.start();
      for (let cut = 0; cut < 3; cut++) {
        lab.writeSome(60);
        lab.cutPower();
        lab.start();
        for (const [block, values] of lab.allowed) {
          const bytes = lab.read(block, 'd1');
          const context = `block ${block} after cut ${cut}`;
          expect(Buffer.compare(bytes, lab.read(block, 'd2')), context).to.equal(0);
          expect(values, context).to.include(bytes[0]);
          lab.allowed.set(block, [bytes[0] ?? 0]);
        }
      }
      expect(lab.copiedBlocks, 'there was something to make equal').to.be.greaterThan(0);
    }).timeout(30_000);

  for (let seed = 11; seed <= 14; seed++)
    it(`makes a mirror good again that was away, and can do without the other then (seed ${seed})`, () => {
      const lab = new Lab(seed);
      lab.start();
      lab.writeSome(60);
      lab.cutPower();
      lab.start(['in-sync', 'stale']);
      lab.writeSome(60);
      lab.cutPower();
      lab.start(['in-sync', 'resyncing']);
      expect(lab.resync()).to.include({ isDone: false });
      lab.writeSome(60);
      lab.awaitResync();
      expect(lab.resync().copiedBlocks).to.be.greaterThan(0);
      lab.promote();
      const known = new Map<number, Uint8Array>();
      for (const [block, values] of lab.allowed) {
        const bytes = lab.read(block, 'd1');
        expect(values, `block ${block}`).to.include(bytes[0]);
        known.set(block, bytes);
        lab.allowed.set(block, [bytes[0] ?? 0]);
      }
      for (const [block, bytes] of known)
        expect(Buffer.compare(lab.read(block, 'd2'), bytes), `block ${block}`).to.equal(0);
      // What was written since is in `allowed`, too: all else was durable before the promotion.
      lab.cutPower();
      lab.start(['stale', 'in-sync']);
      for (const [block, values] of lab.allowed)
        expect(values, `block ${block}`).to.include(lab.read(block, 'd2')[0]);
    }).timeout(30_000);

  it('calls no blank mirror equal to one whose tags are lost', () => {
    const lab = new Lab(21);
    lab.start(['in-sync', 'stale']);
    lab.writeSome(60);
    lab.clock.runFor(1000);
    const [block = 0] = lab.allowed.keys();
    lab.loseTags('d1');
    lab.cutPower();
    lab.start(['in-sync', 'resyncing']);
    expect(() => lab.read(block, 'd1')).to.throw(/cannot be read/);
    lab.clock.runFor(60_000);
    expect(lab.resync()).to.include({ isDone: false });
    expect(lab.resync().problem).to.match(/can be read on no mirror that is in sync/);
  }).timeout(30_000);
});
