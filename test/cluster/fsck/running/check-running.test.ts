/** A SAN that runs, and is checked meanwhile: what is wrong is found, and nothing else is. */
import { expect } from 'chai';
import { layoutOf } from '../../../../actors/disk/disk-layout.ts';
import type { Finding } from '../../../../cluster/fsck/finding.ts';
import type { Ask } from '../../../../cluster/fsck/running/told-cluster.ts';
import { refusal, verbs } from '../../../../protocols/commands.ts';
import { type DiskId, idOf } from '../../../../protocols/ids.ts';
import type { ConfigDatabase } from '../../../../protocols/ports.ts';
import { blockBytes } from '../../../../protocols/units.ts';
import { diskBytes, shortly, volumeBytes } from '../checked-san.ts';
import { RunningSan } from './running-san.ts';

const homeStart = layoutOf(diskBytes)?.homeStart ?? 0;

/** Found anywhere in the texts of these. */
function textOf(findings: readonly Finding[]): string {
  return findings.map(({ what, remedy }) => `${what}\n${remedy}`).join('\n');
}

describe('a running cluster that is checked', function () {
  this.timeout(60_000);
  let san: RunningSan;

  beforeEach(() => {
    san = new RunningSan();
    san.write(1);
    san.checkpoint();
    // So that what is decided while hosts come is behind it.
    san.san.runFor(3000);
  });

  const medium = (disk: string) => {
    const found = san.san.world.media.get(idOf<DiskId>(disk));
    if (found === undefined) throw new Error(`no disk ${disk}`);
    return found;
  };
  const rot = (disk: string, block: number) =>
    medium(disk).corrupt(
      homeStart + block * blockBytes,
      (bytes) => {
        bytes[0] = (bytes[0] ?? 0) ^ 1;
      },
      1,
    );
  const holdDown = (disk: string) => san.san.world.holdDown(san.san.node(disk));

  it('has no findings when nothing is wrong; all its mirrors are verified, and it is only looked at', async () => {
    const report = await san.check();
    expect(report.findings).to.deep.equal([]);
    const bytes = 2 * volumeBytes;
    expect(report.checked).to.deep.equal({
      ...{ disks: 4, volumes: 1, blocks: bytes / blockBytes, bytes },
    });
    expect(report.notChecked).to.deep.equal(['copies of superblocks', 'journals']);
    expect([...san.verbs]).to.have.members([verbs.describe, verbs.checksums]);
  });

  it('has no findings while it is written to', async () => {
    const vol0 = san.san.volume('h1', 'vol0');
    let writes = 0;
    const meanwhile = () => {
      writes++;
      san.san.write(vol0, ((writes * 13) % 512) * blockBytes, blockBytes, writes);
    };
    const { findings } = await san.check({ meanwhile });
    expect(writes).to.be.above(5);
    expect(findings).to.deep.equal([]);
  });

  it('has a bad block: it says where, and that a scrub makes it good', async () => {
    rot('d2', 3);
    rot('d3', 0);
    const { findings } = await san.check();
    expect(shortly({ findings } as never)).to.deep.equal([
      'error bad-block d2',
      'error bad-block d3',
    ]);
    const [first, second] = findings;
    expect(first?.block).to.deep.equal({
      volumeOffset: 3 * blockBytes,
      copies: [{ disk: 'd2', diskOffset: 3 * blockBytes }],
    });
    expect(first?.what).to.match(/^the block at offset 12288 of volume vol0 \(byte 12288 of d2\)/);
    expect(first?.remedy).to.contain('sanctor scrub vol0 makes it good from d1');
    expect(second?.block?.volumeOffset).to.equal(64 * 1024);
  });

  it('has many bad blocks: of those that are not listed it says how many ranges there are', async () => {
    for (let block = 0; block < 16; block++) for (const disk of ['d1', 'd3']) rot(disk, block);
    const { totals, unlisted, findings } = await san.check();
    expect(totals.errors).to.equal(32);
    expect(findings).to.have.length(20);
    expect(unlisted).to.deep.equal([{ severity: 'error', kind: 'bad-block', count: 12 }]);
  });

  it('has mirrors that differ: only what stays so is told', async () => {
    for (const isOnce of [true, false]) {
      let lies = 0;
      const wrap =
        (ask: Ask): Ask =>
        async (receiver, verb, body, timeoutMs) => {
          const answer = await ask(receiver, verb, body, timeoutMs);
          if (!answer.ok || verb !== verbs.checksums || receiver.id !== 'd4') return answer;
          if (isOnce && lies > 0) return answer;
          lies++;
          return { ...answer, checksums: (answer.checksums as number[]).map((sum) => sum + 1) };
        };
      const { findings } = await san.check({ wrap });
      const kinds = shortly({ findings } as never);
      expect(kinds).to.deep.equal(isOnce ? [] : ['warning unequal']);
      expect(lies).to.equal(isOnce ? 1 : 4);
    }
  });

  it('has lost a disk: its mirror is not in sync, and why', async () => {
    holdDown('d2');
    san.san.runFor(5000);
    san.san.runUntil('it serves without d2', () => san.san.isServing);
    const { findings } = await san.check();
    expect(shortly({ findings } as never)).to.deep.equal([
      'warning disk-silent d2',
      'warning fewer-mirrors',
    ]);
    expect(findings[1]?.what).to.match(
      /^the mirror on d2 of vol0-m0 is stale by event count \d+: disk d2 does not answer$/,
    );
  });

  it('has lost both mirrors of a set: what is gone nobody else has', async () => {
    for (const disk of ['d1', 'd2']) holdDown(disk);
    san.san.runFor(8000);
    const { findings } = await san.check();
    const found = shortly({ findings } as never);
    expect(found).to.include.members([
      'error cannot-be-assembled',
      'error not-serving',
      'warning disk-silent d1',
      'warning disk-silent d2',
    ]);
    expect(textOf(findings)).to.contain('nobody else has all that was written to');
  });

  it('has a disk that went away for a moment only: that is not told', async () => {
    const world = san.san.world;
    let steps = 0;
    const meanwhile = () => {
      if (steps++ === 0) holdDown('d3');
      if (steps === 100) world.release(san.san.node('d3'));
    };
    const { findings } = await san.check({ meanwhile });
    expect(findings.filter(({ severity }) => severity === 'error')).to.deep.equal([]);
    expect(shortly({ findings } as never)).to.not.include('warning disk-silent d3');
  });

  it('has disks that do not answer at one look each: none of that is told', async () => {
    const asked = new Map<string, number>();
    const wrap =
      (ask: Ask): Ask =>
      (receiver, verb, body, timeoutMs) => {
        const look = (asked.get(receiver.id) ?? 0) + 1;
        if (verb === verbs.describe) asked.set(receiver.id, look);
        const isSilent = receiver.id === 'd3' ? look < 3 : receiver.id === 'd4' && look === 3;
        return isSilent
          ? Promise.resolve(refusal('timeout', 'no answer'))
          : ask(receiver, verb, body, timeoutMs);
      };
    const { findings } = await san.check({ wrap, verifyMs: 0 });
    expect([asked.get('d3'), asked.get('d4')]).to.deep.equal([3, 3]);
    expect(findings).to.deep.equal([]);
  });

  it('has a config database that has lost decisions: its disks know later ones', async () => {
    await san.tamper((record) => ({ ...record, generation: record.generation - 1 }));
    const { findings } = await san.check();
    expect(shortly({ findings } as never)).to.include.members([
      'error database-older d1',
      'error database-older d4',
      'error disagreement',
    ]);
    expect(textOf(findings)).to.match(/virtualizer v1 goes by generation \d+ of volume vol0/);
  });

  it('has disks that know less than was decided', async () => {
    await san.tamper((record) => ({ ...record, generation: record.generation + 1 }));
    const { findings } = await san.check();
    expect(shortly({ findings } as never)).to.include.members([
      'error disagreement',
      'warning behind d1',
      'warning behind d4',
      'warning behind',
    ]);
    expect(textOf(findings)).to.match(/host h1 is a host of volume vol0, and goes by generation/);
  });

  it('has disks and config database in conflict about who is in sync', async () => {
    await san.tamper((record) => ({
      ...record,
      mirrorSets: record.mirrorSets.map((set, index) =>
        index === 0 ? { ...set, mirrors: ['in-sync', 'stale'] } : set,
      ),
    }));
    const { findings } = await san.check();
    expect(shortly({ findings } as never)).to.include.members([
      'error disagreement',
      'error disagreement d1',
      'warning fewer-mirrors',
    ]);
    expect(textOf(findings)).to.contain('disagree about who is in sync: of vol0-m0 was told both');
  });

  it('has other disks than the config database knows, or older copies of them', async () => {
    await san.tamper((record) => ({
      ...record,
      disks: record.disks.map((member) => {
        if (member.disk === 'd1') return { ...member, identity: 'f'.repeat(32) };
        return member.disk === 'd3' ? { ...member, instance: member.instance + 5 } : member;
      }),
    }));
    const { findings } = await san.check();
    expect(shortly({ findings } as never)).to.include.members([
      'error other-disk d1',
      'error older-copy d3',
    ]);
  });

  it('has a record that nobody can read, or none', async () => {
    await san.tamper(() => ({ nonsense: true }));
    const { findings } = await san.check();
    expect(shortly({ findings } as never)).to.deep.equal(['error database-unreadable']);
    expect(findings[0]?.what).to.contain('key volume.vol0 of the config database does not hold');
    san.san.world.database.stop();
    const away = await san.check();
    expect(shortly(away)).to.include('error database-unreadable');
  });

  it('has a volume that is deleted before its turn comes: nobody is asked about its blocks', async () => {
    let reads = 0;
    const wrapDatabase = (database: ConfigDatabase): ConfigDatabase => ({
      ...database,
      list: (prefix, done) => database.list(prefix, done),
      read: (key, done) =>
        database.read(key, (result) => {
          const isLook = key !== 'volume.vol0' || reads++ === 0;
          if (isLook || result.outcome !== 'found') return done(result);
          const { cluster, clusterIdentity, volume, generation, controlEpoch, lastEpoch } =
            JSON.parse(result.value);
          const numbers = { generation: generation + 1, controlEpoch, lastEpoch };
          const ended = { cluster, clusterIdentity, volume, ...numbers, extentGeneration: 9 };
          done({ ...result, value: JSON.stringify({ state: 'ended', ...ended }) });
        }),
    });
    const { findings, notChecked } = await san.check({ wrapDatabase });
    expect(reads).to.equal(2);
    expect([...san.verbs]).to.deep.equal([verbs.describe]);
    expect(findings).to.deep.equal([]);
    expect(notChecked).to.deep.equal(['copies of superblocks', 'journals']);
  });

  it('verifies nothing when it is not to, and says what is left', async () => {
    const { checked, notChecked } = await san.check({ verifyMs: 0 });
    expect(checked.bytes).to.equal(0);
    expect([...san.verbs]).to.deep.equal([verbs.describe]);
    expect(notChecked).to.include('blocks of volume vol0 from 0 on');
  });
});
