/** What is said of blocks, by the copies that disks have of them. */
import { expect } from 'chai';
import { type DiskCopy, judgeBlocks } from '../../../cluster/fsck/block-judgement.ts';
import { BlockState } from '../../../cluster/fsck/block-reader.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { blockBytes } from '../../../protocols/units.ts';
import { copyOn } from './block-copies.ts';

function judge(copies: readonly DiskCopy[], isClosed = false) {
  const blocks = copies[0]?.copy.states.length ?? 0;
  const volume = idOf<VolumeId>('vol0');
  return judgeBlocks({ volume, volumeOffset: 65_536, isClosed, blocks, copies });
}

function shortly(copies: readonly DiskCopy[]): readonly string[] {
  return judge(copies).map(({ severity, kind, disk = '' }) => `${severity} ${kind} ${disk}`.trim());
}

const whole = { value: 1 };
const rotten = { value: 1, state: BlockState.rotten };

describe('blocks of mirrors', () => {
  it('are all well when tags and bytes are equal', () => {
    expect(judge([copyOn('d1', [whole, whole]), copyOn('d2', [whole, whole])])).to.deep.equal([]);
  });

  it('with the same tag over different bytes are an error: nobody can say which is right', () => {
    const copies = [copyOn('d1', [whole, whole]), copyOn('d2', [whole, { value: 2 }])];
    const [finding, ...others] = judge(copies);
    expect(others).to.deep.equal([]);
    expect(finding).to.include({ severity: 'error', kind: 'same-tag', volume: 'vol0' });
    expect(finding?.block).to.deep.equal({
      volumeOffset: 65_536 + blockBytes,
      copies: [
        { disk: 'd1', diskOffset: 1024 * 1024 + blockBytes },
        { disk: 'd2', diskOffset: 1024 * 1024 + blockBytes },
      ],
    });
  });

  it('with the same tag and checksum over different bytes are the same error', () => {
    const one = copyOn('d1', [whole]);
    const other = copyOn('d2', [whole]);
    (other.copy.bytes as Uint8Array)[7] = 99;
    expect(shortly([one, other])).to.deep.equal(['error same-tag']);
  });

  it('with different tags over different bytes are a warning that names the newest copy', () => {
    const copies = [
      copyOn('d1', [{ value: 1, epoch: 5, writeNumber: 400 }]),
      copyOn('d2', [{ value: 2, epoch: 6, writeNumber: 3 }]),
      copyOn('d3', [{ value: 1, epoch: 5, writeNumber: 400 }]),
    ];
    const [finding] = judge(copies);
    expect(finding).to.include({ severity: 'warning', kind: 'unequal' });
    expect(finding?.what).to.contain('the newest copy is on d2 (epoch 6, write number 3)');
    expect(finding?.what).to.not.contain('no host');
    expect(judge(copies, true)[0]?.what).to.contain('though no host had the volume any more');
  });

  it('with different tags over the same bytes are only noted', () => {
    const copies = [copyOn('d1', [whole]), copyOn('d2', [{ value: 1, writeNumber: 10 }])];
    expect(shortly(copies)).to.deep.equal(['note unequal-tags']);
  });

  it('of a mirror that is not in sync are compared with nobody', () => {
    const copies = [copyOn('d1', [whole]), copyOn('d2', [{ value: 2 }], false)];
    expect(judge(copies)).to.deep.equal([]);
    const besideRot = [
      copyOn('d1', [whole, rotten]),
      copyOn('d2', [{ value: 2 }, whole], false),
      copyOn('d3', [whole, whole]),
    ];
    expect(shortly(besideRot)).to.deep.equal(['error bad-block d1']);
  });

  it('that rot are an error, and name who has them as new; where a mirror is not in sync a warning', () => {
    const [finding] = judge([copyOn('d1', [rotten]), copyOn('d2', [whole])]);
    expect(finding).to.include({ severity: 'error', kind: 'bad-block', disk: 'd1' });
    expect(finding?.remedy).to.match(/^d2 has it/);
    const stale = [copyOn('d1', [rotten], false), copyOn('d2', [whole])];
    expect(shortly(stale)).to.deep.equal(['warning bad-block d1']);
  });

  it('that rot are nobody else\u2019s when the others are older, or not in sync', () => {
    for (const other of [
      copyOn('d2', [{ value: 1, writeNumber: 8 }]),
      copyOn('d2', [whole], false),
      copyOn('d2', [rotten]),
    ]) {
      const [finding] = judge([copyOn('d1', [rotten]), other]);
      expect(finding?.remedy).to.match(/^No other mirror/);
    }
  });

  it('that cannot be read, and those that lost their tags, are told apart', () => {
    const copies = [
      copyOn('d1', [
        { value: 0, state: BlockState.unreadable },
        { value: 0, state: BlockState.lostTag },
      ]),
      copyOn('d2', [whole, whole]),
    ];
    expect(shortly(copies)).to.deep.equal(['error bad-block d1', 'error lost-tag d1']);
    expect(judge(copies)[0]?.what).to.contain('cannot be read from the medium');
  });
});
