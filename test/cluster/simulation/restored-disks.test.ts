/**
 * A disk that is put back from a copy, on whole actors in virtual time: it is started as often as it had been since, so that
 * how often that was does not tell it from the disk itself.
 */
import { expect } from 'chai';
import type { DiskId } from '../../../protocols/ids.ts';
import { CheckedSan, diskBytes, type Images } from '../fsck/checked-san.ts';

const yesterday = 1;
const today = 2;

/** It ran yesterday, when all disks were copied, and was started once since. */
function twoDays(): { readonly checked: CheckedSan; readonly copies: Images } {
  const checked = new CheckedSan();
  checked.write(yesterday);
  checked.stop();
  const copies = checked.images();
  checked.start();
  checked.write(today);
  checked.stop();
  return { checked, copies };
}

function putBack({ san }: CheckedSan, copies: Images, ...disks: readonly string[]): void {
  for (const disk of disks) {
    const bytes = copies.get(disk) ?? new Uint8Array();
    san.world.media.get(disk as DiskId)?.corrupt(0, (all) => all.set(bytes), diskBytes);
  }
}

function powerOn({ san }: CheckedSan): void {
  san.world.powerCut();
  san.world.powerOn();
  san.runFor(20_000);
}

/** What a mirror gives once the other one is gone. */
function expectTodayOf({ san }: CheckedSan, disk: string, other: string): void {
  expect(san.isServing).to.equal(true);
  san.world.holdDown(san.node(other));
  san.runFor(5000);
  const read = san.read(san.volume('h1', 'vol0'), 0, 4096);
  san.finish(read);
  expect(read.bytes[0], disk).to.equal(today);
}

describe('a disk that is put back from a copy, and is started as often as it had been since', () => {
  it('is made equal before it is read, also once it is all that is left', () => {
    const { checked, copies } = twoDays();
    putBack(checked, copies, 'd1');
    powerOn(checked);
    expectTodayOf(checked, 'd1', 'd2');
  });

  it('keeps the volume from being served where it would be all that is left, however often it is started', () => {
    const { checked, copies } = twoDays();
    putBack(checked, copies, 'd1', 'd2', 'd3', 'd4');
    for (let start = 1; start <= 3; start++) {
      powerOn(checked);
      expect(checked.san.isServing, `start ${start}`).to.equal(false);
    }
  });
});

describe('a disk that is put back from a copy that was made while it ran, and was stopped since', () => {
  it('is made equal before it is read, also once it is all that is left', () => {
    const checked = new CheckedSan();
    checked.write(yesterday);
    // Until its host has taken its marks back: the copy says nothing of where it may differ.
    checked.san.runFor(10_000);
    const copies = checked.images();
    checked.write(today);
    checked.stop();
    putBack(checked, copies, 'd1');
    powerOn(checked);
    expectTodayOf(checked, 'd1', 'd2');
  });
});
