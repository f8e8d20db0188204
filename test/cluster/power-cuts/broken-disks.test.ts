/** Who judges power cuts notices stores that lie, and programs in which a rule is broken. */
import { join } from 'node:path';
import { expect } from 'chai';
import { layoutOf } from '../../../actors/disk/disk-layout.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { misfits } from '../../tools/mutated-build.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { eachOf } from './cut-report.ts';
import type { Lie } from './disk-recording.ts';
import { swallowsFlushes, writesLate } from './lying-stores.ts';
import { cutMutant } from './mutant-cuts.ts';
import { type PowerCutMutant, powerCutMutants } from './power-cut-mutants.ts';
import { cutRecording } from './recordings.ts';

/** Writes of the journal come behind writes of the home locations that they precede. */
function writesJournalLate(diskBytes: number): Lie {
  const layout = layoutOf(diskBytes);
  if (layout === null) throw new Error('too small to be a disk');
  return writesLate(layout.journalStart, layout.journalStart + layout.journalBytes);
}

const lies: readonly (readonly [string, string, number, Lie])[] = [
  ['a disk whose flushes do nothing', 'disk:1', 1, swallowsFlushes],
  ['a disk whose journal comes late', 'disk:1', 1, writesJournalLate(8 * mebibyte)],
  ['a SAN of disks whose flushes do nothing', 'default:1', 25, swallowsFlushes],
  ['a SAN of disks whose journals come late', 'default:1', 25, writesJournalLate(12 * mebibyte)],
];

describe('a power cut shows', function () {
  this.timeout(60_000);

  for (const [what, recording, every, lie] of lies)
    it(what, () => {
      const { failed } = cutRecording(recording, eachOf(every), lie);
      expect(failed).to.have.length(1);
    });
});

describe('the name of a power cut', () => {
  it('says everything about it: it happens the same way again', () => {
    const { failed } = cutRecording('disk:1', eachOf(1), swallowsFlushes);
    const again = cutRecording(failed[0]?.name ?? '', eachOf(1), swallowsFlushes);
    expect(again.points).to.equal(1);
    expect(again.failed).to.deep.equal(failed);
  });
});

/** All of them in the long proof. */
const inEveryRun: readonly string[] = [
  'forgetsIosAtCheckpoints',
  'writesSuperblockWithoutTwin',
  'skipsSettling',
];

describe('a power cut shows that', function () {
  this.timeout(isLongProof ? 600_000 : 60_000);
  const folder = temporaryFolder();

  for (const [name, mutant] of Object.entries<PowerCutMutant>(powerCutMutants)) {
    it(`${name} is about the program as it is now`, async () => {
      expect(await misfits(mutant.patches)).to.deep.equal([]);
    });
    if (isLongProof || inEveryRun.includes(name))
      it(`${mutant.does}`, async () => {
        const { failed } = await cutMutant(join(folder(), name), mutant);
        expect(failed).to.have.length(1);
      });
  }
});
