/**
 * The stale read of a cache that the path has left, and the two rules that prevent it: cleaning and versions. Each is
 * switched off by breaking the program on purpose.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { mutatedBuild, type Patch } from '../../tools/mutated-build.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import type * as Tool from '../../tools/simulated-san.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import {
  withLateFills,
  withoutCleanup,
  withoutFence,
  withoutFloors,
  withoutVersions,
} from './cache-mutants.ts';
import { runMutant } from './mutant-run.ts';
import { mutants } from './mutants.ts';

const disks = ['disk:d1', 'disk:d2'] as const;
/** Until a read has gone by a switch that has stood still. */
const lateReadMs = 300;
const before = 1;
const after = 2;

interface Scenario {
  /** The switch hears no command while the path leaves it. */
  readonly isDeaf?: boolean;
  /** A read is under way through the switch when the path leaves it. */
  readonly hasLateFill?: boolean;
  /** A read is still on its way to the switch when the path leaves it. */
  readonly hasLateRead?: boolean;
}

interface Outcome {
  readonly value: number | undefined;
  /** Of s1: reads that it answered, before the path left it and after it came back. */
  readonly hits: number;
  readonly cleanups: readonly { switch: string; state: string }[];
}

interface SwitchFacts {
  readonly cache: { readonly hits: number };
}

/** Reads and writes of a block go by s1, then by s2, then by s1 again: what is read at the end. */
function changeWriteChangeBack(tool: typeof Tool, scenario: Scenario): Outcome {
  const { SimulatedSan, smallShippedTopology } = tool;
  const san = new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      switches: ['s1', 's2'].map((id) => ({ id, limits: { cacheBytes: '64KiB' } })),
      volumes: [
        {
          id: 'vol0',
          size: '4MiB',
          layout: { mirror: ['d1', 'd2'] },
          coordinators: { map: 'modulo', switches: ['s2'] },
        },
      ],
    })),
  );
  const { world } = san;
  const vol0 = san.volume('h1', 'vol0');
  const strike = (name: string) => {
    for (const hba of ['h1-a', 'h1-b'])
      world.inject({ kind: 'down', target: `link:${hba}-${name}` });
  };
  const heal = (name: string) => {
    for (const hba of ['h1-a', 'h1-b']) world.heal(`link:${hba}-${name}`);
  };
  const read = (offset: number) => {
    const io = san.read(vol0, offset, 4096);
    san.finish(io);
    return io.bytes[0];
  };
  /** Until the host has found out what works: it looks at failed links each half second. */
  const settle = () => san.runFor(scenario.hasLateRead ? lateReadMs : 3000);
  strike('s2');
  if (scenario.hasLateRead) world.inject({ kind: 'down', target: 'link:h1-b-s1' });
  san.finish(san.write(vol0, 0, 4096, before));
  san.runFor(3000);
  read(0);
  read(0);
  if (scenario.hasLateFill) {
    for (const target of disks) world.inject({ kind: 'slow', target, delayMs: 2000 });
    san.read(vol0, 0, 8192);
    san.runFor(10);
  }
  const fabric = san.node('s1').buses.find(({ role }) => role.startsWith('io-'));
  if (scenario.hasLateRead) {
    fabric?.stall();
    san.read(vol0, 0, 8192);
    san.runFor(10);
  }
  const commands = san.node('s1').buses.find(({ role }) => role === 'control');
  if (scenario.isDeaf) commands?.stall();
  heal('s2');
  if (scenario.hasLateRead) {
    san.runFor(1500);
    // From here on all goes by s1 again: the next change of paths would make it forget.
    fabric?.release();
  } else strike('s1');
  san.read(vol0, 8192, 4096);
  settle();
  for (const target of disks) world.heal(target);
  san.finish(san.write(vol0, 0, 4096, after));
  // One way only: when the other one joined it, the path would change once more.
  world.heal('link:h1-a-s1');
  settle();
  const { cacheCleanups } = san.facts('h1') as { cacheCleanups: Outcome['cleanups'] };
  // A disk has to answer first, before a cache does.
  read(16 * 4096);
  const value = read(0);
  const { cache } = san.facts('s1') as unknown as SwitchFacts;
  return { value, hits: cache.hits, cleanups: cacheCleanups };
}

describe('after reads and writes have left a switch and come back to it', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let builds = 0;

  async function outcomeOf(patches: readonly Patch[], scenario: Scenario = {}): Promise<Outcome> {
    const place = join(folder(), `build-${builds++}`);
    await mutatedBuild(place, patches, ['test/tools']);
    const file = pathToFileURL(join(place, 'dist', 'test', 'tools', 'simulated-san.js'));
    const tool = (await import(file.href)) as typeof Tool;
    return changeWriteChangeBack(tool, scenario);
  }

  it('a block that was written meanwhile is read as it is now', async () => {
    const { value, cleanups } = await outcomeOf([]);
    expect(value).to.equal(after);
    expect(cleanups).to.deep.equal([]);
  });

  it('also when the switch could not be reached: its cache is not used until it has forgotten', async () => {
    const { value, cleanups } = await outcomeOf([], { isDeaf: true });
    expect(value).to.equal(after);
    expect(cleanups.map((each) => `${each.switch} ${each.state}`)).to.include('s1 fenced');
  });

  it('with neither cleaning nor versions it is stale', async () => {
    const { value, hits } = await outcomeOf([...withoutCleanup, ...withoutVersions]);
    expect(value).to.equal(before);
    expect(hits).to.be.greaterThan(1);
  });

  for (const isDeaf of [false, true])
    it(`with versions alone it is not${isDeaf ? ', though the switch heard nothing' : ''}`, async () => {
      expect((await outcomeOf(withoutCleanup, { isDeaf })).value).to.equal(after);
    });

  it('with cleaning alone it is not: reads and writes of the block took the same path', async () => {
    expect((await outcomeOf(withoutVersions)).value).to.equal(after);
  });

  it('with cleaning alone it is not, though the switch heard nothing', async () => {
    expect((await outcomeOf(withoutVersions, { isDeaf: true })).value).to.equal(after);
  });

  it('with cleaning alone a read that was under way leaves nothing behind', async () => {
    expect((await outcomeOf(withoutVersions, { hasLateFill: true })).value).to.equal(after);
  });

  it('with cleaning alone a read that comes to the switch too late leaves nothing behind', async () => {
    expect((await outcomeOf(withoutVersions, { hasLateRead: true })).value).to.equal(after);
  });

  // Versions hide all of these: no seed can show them while there are versions.
  const needed = [
    {
      what: 'if a cache is used that heard nothing',
      patches: withoutFence,
      scenario: { isDeaf: true },
    },
    {
      what: 'if answers are kept that come after the cleaning',
      patches: withLateFills,
      scenario: { hasLateFill: true },
    },
    {
      what: 'if reads are served that were sent before the cleaning',
      patches: withoutFloors,
      scenario: { hasLateRead: true },
    },
  ];
  for (const { what, patches, scenario } of needed)
    it(`with cleaning alone it is stale ${what}`, async () => {
      expect((await outcomeOf([...withoutVersions, ...patches], scenario)).value).to.equal(before);
    });
});

describe('under all faults of the simulation', function () {
  this.timeout(isLongProof ? 3_600_000 : 240_000);

  it('neither cleaning nor versions: a stale read is noticed within 100 seeds', async () => {
    const result = await runMutant(mutants.cachesForEver, { seeds: '1..100', minutes: 1, jobs: 2 });
    expect(result.verdict, result.problem).to.equal('wrong');
  });

  const seeds = isLongProof ? '1..25' : '1..2';
  it(`versions alone: no read is stale (seeds ${seeds})`, async () => {
    const mutant = { does: 'no cache is ever cleaned', patches: withoutCleanup };
    const result = await runMutant(mutant, { seeds, minutes: isLongProof ? 2 : 1, jobs: 2 });
    expect(result.problem).to.equal('');
    expect(result.shownBy).to.equal(null);
  });
});
