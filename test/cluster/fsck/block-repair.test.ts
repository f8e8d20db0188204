/** Which bad blocks are repaired, by the copies that disks have of them. */
import { expect } from 'chai';
import type { DiskCopy } from '../../../cluster/fsck/block-judgement.ts';
import { BlockState } from '../../../cluster/fsck/block-reader.ts';
import { repairableBlocks } from '../../../cluster/fsck/block-repair.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { copyOn } from './block-copies.ts';

function repairs(...copies: readonly DiskCopy[]): readonly string[] {
  const blocks = copies[0]?.copy.states.length ?? 0;
  const volume = idOf<VolumeId>('vol0');
  const range = { volume, volumeOffset: 0, isClosed: true, blocks, copies };
  return repairableBlocks(range).map(
    ({ index, bad, source }) => `${index}: ${bad.disk} from ${source.disk}`,
  );
}

const whole = { value: 1 };
const rotten = { value: 1, state: BlockState.rotten };
const unreadable = { value: 1, state: BlockState.unreadable };

describe('bad blocks of mirrors', () => {
  it('are repaired from a mirror in sync with the same tag, each on its own', () => {
    expect(
      repairs(copyOn('d1', [rotten, whole, whole]), copyOn('d2', [whole, whole, unreadable])),
    ).to.deep.equal(['0: d1 from d2', '2: d2 from d1']);
    expect(
      repairs(copyOn('d1', [rotten]), copyOn('d2', [rotten]), copyOn('d3', [whole])),
    ).to.deep.equal(['0: d1 from d3', '0: d2 from d3']);
  });

  it('are left alone where the tag is lost, and where nobody has them whole', () => {
    const lost = { value: 1, state: BlockState.lostTag };
    expect(repairs(copyOn('d1', [lost]), copyOn('d2', [whole]))).to.deep.equal([]);
    expect(repairs(copyOn('d1', [rotten]), copyOn('d2', [unreadable]))).to.deep.equal([]);
    expect(repairs(copyOn('d1', [rotten]))).to.deep.equal([]);
  });

  it('are left alone where the other mirror has an older or newer write', () => {
    for (const other of [
      { value: 1, writeNumber: 8 },
      { value: 1, writeNumber: 10 },
      { value: 1, epoch: 4 },
      { value: 2 },
    ])
      expect(repairs(copyOn('d1', [rotten]), copyOn('d2', [other]))).to.deep.equal([]);
  });

  it('are neither repaired on a mirror that is not in sync, nor from one', () => {
    expect(repairs(copyOn('d1', [rotten]), copyOn('d2', [whole], false))).to.deep.equal([]);
    expect(repairs(copyOn('d1', [rotten], false), copyOn('d2', [whole]))).to.deep.equal([]);
  });

  it('are left alone where one that has them whole has not what the tag says', () => {
    const liar = copyOn('d3', [whole]);
    liar.copy.bytes.fill(9);
    for (const copies of [
      [copyOn('d1', [rotten]), liar],
      [copyOn('d1', [rotten]), copyOn('d2', [whole]), liar],
    ])
      expect(repairs(...copies)).to.deep.equal([]);
  });
});
