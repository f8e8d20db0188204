/** With all ways or mirrors but one dead the I/O still completes; a fixed count of two tries would not do. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import type { Fault } from '../../../protocols/faults.ts';
import { mutatedBuild, type Patch } from '../../tools/mutated-build.ts';
import type * as Tool from '../../tools/simulated-san.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { mediaMutants } from '../simulation/media-mutants.ts';
import { pathMutants } from '../simulation/path-mutants.ts';

const links = ['h1-a-s1', 'h1-a-s2', 'h1-b-s1', 'h1-b-s2'];
const disks = ['d1', 'd2', 'd3'];
/** The slow way to be told: within the deadline of an I/O and a little more. */
const limitMs = 35_000;

/** Until what is struck has been brought to the place where it cannot be read; a link is to be found dead by the read. */
const bringHomeMs = 1000;

/** How a read ends when all of these are struck but one, for each that may be left. */
function fates(
  { SimulatedSan, smallShippedTopology }: typeof Tool,
  all: readonly string[],
  faultOf: (name: string) => Fault,
): readonly (Status | null)[] {
  return all.map((left) => {
    const topology = smallShippedTopology('default.yaml', (plain) => {
      const [volume] = plain.volumes as Tool.Plain[];
      return { ...plain, volumes: [{ ...volume, size: '4MiB', layout: { mirror: disks } }] };
    });
    const san = new SimulatedSan(topology);
    const driver = san.volume('h1', 'vol0');
    san.finish(san.write(driver, 0, 4096, 7));
    for (const name of all) if (name !== left) san.world.inject(faultOf(name));
    if (all === disks) san.runFor(bringHomeMs);
    const read = san.read(driver, 0, 4096);
    for (let ms = 0; read.status === null && ms < limitMs; ms += 50) san.runFor(50);
    if (read.status === Status.ok) expect(read.bytes[0]).to.equal(7);
    return read.status;
  });
}

const linkDown = (name: string) => ({ kind: 'down', target: `link:${name}` }) as Fault;
const readErrors = (name: string) => ({ kind: 'read-error', target: `disk:${name}` }) as Fault;

describe('with all but one dead', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let builds = 0;

  async function toolOf(patches: readonly Patch[]): Promise<typeof Tool> {
    const place = join(folder(), `build-${builds++}`);
    await mutatedBuild(place, patches, ['test/tools']);
    const file = pathToFileURL(join(place, 'dist', 'test', 'tools', 'simulated-san.js'));
    return (await import(file.href)) as typeof Tool;
  }

  it('of four links of a host a read completes, whichever is left', async () => {
    const ended = fates(await toolOf([]), links, linkDown);
    expect(ended).to.deep.equal(links.map(() => Status.ok));
  });

  it('of three mirrors a read completes, whichever is left', async () => {
    const ended = fates(await toolOf([]), disks, readErrors);
    expect(ended).to.deep.equal(disks.map(() => Status.ok));
  });

  it('of the links it does not when a host tries two and no more', async () => {
    const { patches } = pathMutants.givesUpAfterTwoWays;
    expect(fates(await toolOf(patches), links, linkDown)).to.include(Status.path);
  });

  it('of the mirrors it does not when a host tries two and no more', async () => {
    const { patches } = mediaMutants.givesUpAfterTwoMirrors;
    expect(fates(await toolOf(patches), disks, readErrors)).to.include(Status.media);
  });
});
