/**
 * A host that hears no commands any more, nor does a switch that has kept what it read; their I/O goes on. The volume is
 * given to another host, which writes. What the first one reads afterwards must not be what the switch has kept (DESIGN
 * I14). Each of the two rules that see to it is switched off by breaking the program on purpose.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { idOf } from '../../../protocols/ids.ts';
import { mutatedBuild, type Patch } from '../../tools/mutated-build.ts';
import type * as Tool from '../../tools/simulated-san.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { withoutLeases, withoutLeaseWait } from './cache-mutants.ts';

const before = 1;
const after = 2;
const blockBytes = 4096;
/** Blocks that nobody has read yet: each goes to a disk, and shows that the attachment lasts. */
const freshFrom = 16;

interface Outcome {
  /** Reads of the block by the first host, begun after the other one's write was acknowledged, that got the old bytes. */
  readonly stale: number;
  /** From when the other host asked until it was served. */
  readonly servedAfterMs: number;
  /** Reads that the switch answered itself while the host was cut off. */
  readonly hits: number;
}

interface SwitchFacts {
  readonly cache: { readonly hits: number };
}

function topologyOf({ smallShippedTopology }: typeof Tool) {
  return smallShippedTopology('default.yaml', (plain) => ({
    ...plain,
    hosts: [...(plain.hosts as object[]), { id: 'h2', hbas: ['h2-a'], exports: [] }],
    links: [...(plain.links as string[][]), ['h2-a', 's2']],
    switches: ['s1', 's2'].map((id) => ({ id, limits: { cacheBytes: '64KiB' } })),
    volumes: [
      {
        id: 'vol0',
        size: '4MiB',
        hosts: 'all',
        layout: { mirror: ['d1', 'd2'] },
        coordinators: { map: 'modulo', switches: ['s2'] },
      },
    ],
  }));
}

function takeAwayFromOneWhoHearsNothing(tool: typeof Tool): Outcome {
  const san = new tool.SimulatedSan(topologyOf(tool));
  const { world } = san;
  const first = san.volume('h1', 'vol0');
  const hits = () => (san.facts('s1') as unknown as SwitchFacts).cache.hits;
  // Its reads go by s1, and so stay in the cache of a switch that coordinates nothing.
  for (const hba of ['h1-a', 'h1-b']) world.inject({ kind: 'down', target: `link:${hba}-s2` });
  san.finish(san.write(first, 0, blockBytes, before));
  san.runFor(1000);
  for (let round = 0; round < 2; round++) san.finish(san.read(first, 0, blockBytes));
  const hitsBefore = hits();
  for (const node of ['h1', 's1'])
    for (const bus of san.node(node).buses.filter(({ role }) => role === 'control'))
      bus.cut(60_000);
  const second = san.attach('h2', { volume: idOf('vol0'), mode: 'exclusive', readOnly: false });
  const askedAtMs = world.clock.now();
  let fresh = freshFrom;
  const readOn = (): ReturnType<typeof san.read> => {
    san.read(first, blockBytes * fresh++, blockBytes);
    const io = san.read(first, 0, blockBytes);
    san.runFor(20);
    return io;
  };
  while (second.state !== 'serving') readOn();
  const servedAfterMs = world.clock.now() - askedAtMs;
  const { volume } = second;
  if (volume === null) throw new Error('h2 is served a volume of unknown size');
  san.finish(san.write(volume, 0, blockBytes, after));
  const late = Array.from({ length: 100 }, readOn);
  const stale = late.filter(({ status, bytes }) => status === 0 && bytes[0] === before).length;
  return { stale, servedAfterMs, hits: hits() - hitsBefore };
}

describe('a volume that is taken from a host which hears nothing', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let builds = 0;

  async function outcomeOf(patches: readonly Patch[]): Promise<Outcome> {
    const place = join(folder(), `build-${builds++}`);
    await mutatedBuild(place, patches, ['test/tools']);
    const file = pathToFileURL(join(place, 'dist', 'test', 'tools', 'simulated-san.js'));
    return takeAwayFromOneWhoHearsNothing((await import(file.href)) as typeof Tool);
  }

  it('is read by it no more once another host has written, though a switch has kept what it read', async () => {
    const { stale, hits } = await outcomeOf([]);
    expect(hits, 'it was read from the cache until then').to.be.above(10);
    expect(stale).to.equal(0);
  });

  it('would be without leases', async () => {
    expect((await outcomeOf(withoutLeases)).stale).to.be.above(0);
  });

  it('would be if nobody waited for their end', async () => {
    expect((await outcomeOf(withoutLeaseWait)).stale).to.be.above(0);
  });
});
