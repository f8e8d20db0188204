/** `sanctor fsck` as a user runs it: what it prints, and its exit codes. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { layoutOf } from '../../../actors/disk/disk-layout.ts';
import { ByteProgress } from '../../../cluster/cli/byte-progress.ts';
import { openFileStore } from '../../../cluster/stores/open-file-store.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { runSanctor } from '../../tools/sanctor.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import {
  CheckedSan,
  diskBytes,
  fileOf,
  flipBit,
  type Images,
  writeImages,
  writeTopology,
} from '../fsck/checked-san.ts';

describe('sanctor fsck', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let images: Images;

  before(() => {
    const san = new CheckedSan();
    san.write(1);
    san.checkpoint();
    san.stop();
    images = san.images();
  });

  beforeEach(() => writeImages(folder(), images));

  const fsck = (...words: readonly string[]) =>
    runSanctor(['fsck', writeTopology(folder()), ...words]);

  it('ends with 0 when nothing is wrong, and says what it did not look at', async () => {
    const { code, output, errors } = await fsck('--data', folder());
    expect(errors).to.equal('');
    expect(output.split('\n')).to.deep.equal([
      '4 disks, 1 volume, 128 blocks verified (512KiB): 0 errors, 0 warnings, 0 notes',
      'The config database was not looked at: sanctor fsck without --data does so, in a running cluster. Nothing was changed.',
      '',
    ]);
    expect(code).to.equal(0);
  });

  it('takes the folder with the disk files, too, as a node has it', async () => {
    const { code, output } = await fsck('--data', join(folder(), 'disks'), '--json');
    expect(code).to.equal(0);
    expect(JSON.parse(output)).to.deep.equal({
      cluster: 'sanctor',
      checked: { disks: 4, volumes: 1, blocks: 128, bytes: 524_288 },
      notChecked: ['config database'],
      totals: { errors: 0, warnings: 0, notes: 0 },
      findings: [],
      unlisted: [],
    });
  });

  it('ends with 1 when there are errors, each with what to do, and with 0 for warnings', async () => {
    const file = fileOf(folder(), 'd1');
    const bytes = readFileSync(file);
    bytes[40] = 0xa5;
    writeFileSync(file, bytes);
    const warned = await fsck('--data', folder());
    expect(warned.output).to.match(/^warning \(damaged-superblock\): .*\n {2}The next changes/);
    expect(warned.code).to.equal(0);
    writeImages(folder(), images);
    truncateSync(file, 4 * mebibyte);
    const failed = await fsck('--data', folder());
    expect(failed.output).to.match(/^error \(disk-unusable\): disk d1 cannot be used: .*truncated/);
    expect(failed.code).to.equal(1);
  });

  it('repairs what is safe, tells what it was and is, and what is left', async () => {
    const { homeStart = 0, superblockStarts: [[even = 0] = []] = [] } = layoutOf(diskBytes) ?? {};
    flipBit(fileOf(folder(), 'd1'), even + 40);
    flipBit(fileOf(folder(), 'd2'), homeStart);
    const { code, output, errors } = await fsck('--data', folder(), '--repair');
    expect(errors).to.equal('');
    const [was, is, ...others] = output.split('\n');
    expect(was).to.match(
      /^repaired \(damaged-superblock\): of disk d1 the first copy .* was damaged/,
    );
    expect(is).to.match(/^ {2}It is superblock \d+ again, as in the second copy\.$/);
    expect(others.join('\n')).to.match(/^repaired \(bad-block\): .*byte 0 of d2.*did not match/m);
    expect(others.slice(-4)).to.deep.equal([
      '2 repaired; what is found now:',
      '4 disks, 1 volume, 128 blocks verified (512KiB): 0 errors, 0 warnings, 0 notes',
      'The config database was not looked at: sanctor fsck without --data does so, in a running cluster. Nothing but what was repaired was changed.',
      '',
    ]);
    expect(code).to.equal(0);
    const again = JSON.parse((await fsck('--data', folder(), '--repair', '--json')).output);
    expect(again.findings).to.deep.equal([]);
    expect(again.repairs).to.deep.equal({
      ...{ repaired: 0, failed: 0, repairs: [], unlisted: 0, leftAlone: [] },
    });
  });

  it('ends with 2 while a disk runs, and says which process has it', async () => {
    const opened = openFileStore([fileOf(folder(), 'd3')]);
    if (!opened.ok) throw new Error(opened.problem.message);
    const { code, output, errors } = await fsck('--data', folder());
    await new Promise<void>((done) => opened.store.close(done));
    expect(code).to.equal(2);
    expect(output).to.equal('');
    expect(errors).to.match(/^sanctor: disk d3: .*in use by process .*sanctor down stops it\n$/);
  });

  it('ends with 2 when it is used wrongly', async () => {
    writeFileSync(join(folder(), 'cluster'), 'elsewhere\n');
    for (const [words, message] of [
      [['--data', folder()], /belongs to cluster elsewhere, not to sanctor/],
      [['--data', join(folder(), 'nowhere')], /there is no folder .*nowhere/],
      [[], /the topology of a running cluster is known .*--data/],
      [['--repair'], /the topology of a running cluster is known/],
      [['--data', folder(), '--minutes', '1'], /--minutes are for a running cluster/],
      [['--data', folder(), '--minutes', 'x'], /not a positive number/],
      [['--data', folder(), '--mend'], /unknown option '--mend'/],
    ] as const) {
      const { code, output, errors } = await fsck(...words);
      expect(errors).to.match(message);
      expect(output).to.equal('');
      expect(code).to.equal(2);
    }
    for (const [words, message] of [
      [['/no/topology', '--data', folder()], 'the topology cannot be used'],
      [['--repair'], 'only a stopped cluster is repaired'],
      [[], 'no cluster runs here'],
    ] as const) {
      const environment = { ...process.env, SANCTOR_RUN_DIR: folder() };
      const { code, errors } = await runSanctor(['fsck', ...words], '', environment);
      expect(errors).to.contain(message);
      expect(code).to.equal(2);
    }
  });
});

describe('progress in bytes', () => {
  it('is a line on a terminal with the time that is left, and nothing elsewhere', () => {
    for (const isTTY of [true, false]) {
      let nowMs = 0;
      const lines: string[] = [];
      const write = (text: string) => lines.push(text) > 0;
      const progress = new ByteProgress({ isTTY, write: write as never }, () => nowMs);
      for (let mebibytes = 1; mebibytes <= 40; mebibytes++) {
        nowMs += 50;
        progress.stepped(mebibytes * mebibyte, 100 * mebibyte);
      }
      progress.clear();
      if (!isTTY) expect(lines).to.deep.equal([]);
      else {
        expect(lines).to.have.length(11);
        expect(lines.at(-2)).to.equal('\r\x1b[K40MiB of 100MiB, 3 s left');
        expect(lines.at(-1)).to.equal('\r\x1b[K');
      }
    }
  });
});
