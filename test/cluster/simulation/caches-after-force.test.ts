/**
 * What a switch has kept of a mirror that is lost for good (DESIGN I9): once an operator has had the volume go on without it,
 * no cache gives that back. Cleaning is switched off, by breaking the program on purpose, so that versions have to do alone.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { type Answer, verbs } from '../../../protocols/commands.ts';
import { mutatedBuild, type Patch } from '../../tools/mutated-build.ts';
import type * as Tool from '../../tools/simulated-san.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { cacheMutants, withoutCleanup } from './cache-mutants.ts';

const kept = 1;
const lost = 2;
const lengthBytes = 4096;
/** Until a mirror that is away is known to be, and who is back has told what it has. */
const knownMs = 3000;

interface Outcome {
  /** What was read when the volume had gone on without the mirror that had everything. */
  readonly value: number | undefined;
  /** Reads that switches answered by themselves, before that and after it. */
  readonly hits: readonly [number, number];
}

function smallTopology({ smallShippedTopology }: typeof Tool) {
  const limits = { cacheBytes: '64KiB' };
  return smallShippedTopology('default.yaml', (plain) => ({
    ...plain,
    switches: ['s1', 's2'].map((id) => ({ id, limits })),
    volumes: [
      {
        id: 'vol0',
        size: '4MiB',
        layout: { mirror: ['d1', 'd2'] },
        coordinators: { map: 'modulo', switches: ['s2'] },
      },
    ],
  }));
}

/** d1 alone has what was written last, and switches keep it; d1 is lost, and the operator goes on with d2. */
function readForceRead(tool: typeof Tool): Outcome {
  const san = new tool.SimulatedSan(smallTopology(tool), 1, { syncsEveryWrite: true });
  const { world } = san;
  const hits = () =>
    ['s1', 's2']
      .map((id) => (san.facts(id) as unknown as { cache: { hits: number } }).cache.hits)
      .reduce((sum, each) => sum + each, 0);
  const serve = () => san.runUntil('it serves', () => san.isServing);
  const write = (value: number) => {
    serve();
    san.finish(san.write(san.volume('h1', 'vol0'), 0, lengthBytes, value));
  };
  const read = (block: number) => {
    serve();
    const io = san.read(san.volume('h1', 'vol0'), block * lengthBytes, lengthBytes);
    san.finish(io);
    return io.bytes[0];
  };
  write(kept);
  world.holdDown(san.node('d2'));
  san.runFor(knownMs);
  write(lost);
  for (let times = 0; times < 4; times++) expect(read(0)).to.equal(lost);
  const before = hits();
  world.holdDown(san.node('d1'));
  world.release(san.node('d2'));
  san.runFor(knownMs);
  const answers: Answer[] = [];
  const order = { volume: 'vol0', disks: ['d2'], isForced: true };
  const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
  san.ask(virtualizer, verbs.assembleVolume, order, (answer) => answers.push(answer));
  san.runUntil('it is answered', () => answers.length > 0);
  expect(answers[0]).to.include({ ok: true });
  san.runFor(knownMs);
  // A disk has to answer first, before a cache does.
  for (let block = 1; block < 4; block++) read(block);
  const value = read(0);
  for (let times = 0; times < 4; times++) expect(read(0)).to.equal(value);
  return { value, hits: [before, hits()] };
}

describe('after an operator’s force, with caches that nobody cleans', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let builds = 0;

  async function outcomeOf(patches: readonly Patch[]): Promise<Outcome> {
    const place = join(folder(), `build-${builds++}`);
    await mutatedBuild(place, [...withoutCleanup, ...patches], ['test/tools']);
    const file = pathToFileURL(join(place, 'dist', 'test', 'tools', 'simulated-san.js'));
    return readForceRead((await import(file.href)) as typeof Tool);
  }

  it('what is lost is read no more, though caches have kept it, and serve', async () => {
    const { value, hits } = await outcomeOf([]);
    expect(value).to.equal(kept);
    expect(hits[0]).to.be.greaterThan(0);
    expect(hits[1]).to.be.greaterThan(hits[0]);
  });

  it('it would be, if caches did not tell one attachment from another', async () => {
    const { value } = await outcomeOf(cacheMutants.ignoresAttachEpochs.patches);
    expect(value).to.equal(lost);
  });
});
