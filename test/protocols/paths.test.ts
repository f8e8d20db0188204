import { expect } from 'chai';
import fc from 'fast-check';
import { type DiskId, type HbaId, idOf, type LinkId, type SwitchId } from '../../protocols/ids.ts';
import {
  hbaMapOf,
  hopsFrom,
  pathsMax,
  pathsToDisk,
  pathsToSwitch,
  volumeReachOf,
  wiringOf,
} from '../../protocols/paths.ts';
import type { Topology } from '../../protocols/topology.ts';
import { smallTopology, topologyOf, twoFabrics } from './topology/small-topology.ts';

const hba = idOf<HbaId>('h1-a');
const d1 = idOf<DiskId>('d1');

/** Switches s0…, linked as told, with HBA `h` at s0 and disk `d` at the last one. */
function switchesLinked(count: number, pairs: readonly (readonly [number, number])[]) {
  const links = [
    ['h', 's0'],
    [`s${count - 1}`, 'd'],
    ...pairs.map(([a, b]) => [`s${a}`, `s${b}`]),
  ].map((ends, index) => ({ id: `l${index}`, ends, fabric: 'n1' }));
  return wiringOf({
    hosts: [{ id: 'host', hbas: [{ id: 'h', fabric: 'n1' }], exports: [] }],
    switches: Array.from({ length: count }, (_, index) => ({ id: `s${index}` })),
    disks: [{ id: 'd' }],
    links,
  } as unknown as Topology);
}

const randomWiring = fc.integer({ min: 1, max: 5 }).chain((count) =>
  fc
    .array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 8 })
    .map((pairs) => ({ count, pairs: pairs.filter(([a, b]) => a !== b) }))
    .map(({ count: switches, pairs }) => ({
      switches,
      pairs,
      wiring: switchesLinked(switches, pairs),
    })),
);

describe('paths', () => {
  const wiring = wiringOf(topologyOf(smallTopology()));

  it('from an HBA to a disk of the default shape: through either switch, or through both', () => {
    expect(pathsToDisk(wiring, hba, d1)).to.deep.equal([
      { hba, disk: d1, links: ['h1-a-s1', 's1-d1'], switches: ['s1'], hops: 2 },
      { hba, disk: d1, links: ['h1-a-s2', 's2-d1'], switches: ['s2'], hops: 2 },
      { hba, disk: d1, links: ['h1-a-s1', 's1-s2', 's2-d1'], switches: ['s1', 's2'], hops: 3 },
      { hba, disk: d1, links: ['h1-a-s2', 's1-s2', 's1-d1'], switches: ['s2', 's1'], hops: 3 },
    ]);
  });

  it('to a coordinator: directly, or through another switch, never through a disk', () => {
    const s2 = idOf<SwitchId>('s2');
    expect(pathsToSwitch(wiring, hba, s2)).to.deep.equal([
      { hba, switch: s2, links: ['h1-a-s2'], switches: [], hops: 1 },
      { hba, switch: s2, links: ['h1-a-s1', 's1-s2'], switches: ['s1'], hops: 2 },
    ]);
  });

  it('stay within the hop limit', () => {
    expect(pathsToDisk(wiring, hba, d1, 2)).to.have.length(2);
    expect(pathsToDisk(wiring, hba, d1, 1)).to.have.length(0);
  });

  it('from a switch do not lead back through it', () => {
    const wiring = switchesLinked(3, [
      [0, 1],
      [1, 2],
      [0, 2],
    ]);
    const from = idOf<HbaId>('s0');
    const ways = pathsToDisk(wiring, from, idOf<DiskId>('d')).map(({ links }) => links.join(' '));
    expect(ways).to.deep.equal(['l4 l1', 'l2 l3 l1']);
  });

  it('are loop-free ways along links that exist, each once, shortest first', () => {
    fc.assert(
      fc.property(randomWiring, ({ wiring: random }) => {
        const paths = pathsToDisk(random, idOf('h'), idOf('d'), 6);
        for (const path of paths) {
          let at = 'h';
          for (const [index, link] of path.links.entries()) {
            const to = path.switches[index] ?? 'd';
            const linked = random.neighbours
              .get(at)
              ?.some((next) => next.id === to && next.link === link);
            expect(linked, `${at} to ${to} by ${link}`).to.equal(true);
            at = to;
          }
          expect(at).to.equal('d');
          expect(path.hops).to.equal(path.links.length);
          expect(path.switches).to.have.length(path.hops - 1);
          expect(new Set(path.switches).size).to.equal(path.switches.length);
        }
        const hops = paths.map((path) => path.hops);
        expect(hops).to.deep.equal(hops.toSorted((a, b) => a - b));
        expect(new Set(paths.map(({ links }) => links.join())).size).to.equal(paths.length);
      }),
    );
  });

  it('are all of them: as many as trying every order of switches finds', () => {
    fc.assert(
      fc.property(randomWiring, ({ wiring: random, switches, pairs }) => {
        const waysBetween = (a: number, b: number) =>
          pairs.filter(([x, y]) => (x === a && y === b) || (x === b && y === a)).length;
        const waysOn = (at: number, rest: readonly number[]): number =>
          (at === switches - 1 ? 1 : 0) +
          rest.reduce((sum, next) => {
            const ways = waysBetween(at, next);
            return ways === 0
              ? sum
              : sum +
                  ways *
                    waysOn(
                      next,
                      rest.filter((one) => one !== next),
                    );
          }, 0);
        const others = Array.from({ length: switches - 1 }, (_, index) => index + 1);
        const expected = Math.min(pathsMax, waysOn(0, others));
        expect(pathsToDisk(random, idOf('h'), idOf('d'), switches + 1)).to.have.length(expected);
      }),
    );
  });

  it('of a densely linked fabric are kept to a limit, and the shortest are kept', () => {
    const all = Array.from({ length: 12 }, (_, a) =>
      Array.from({ length: a }, (_one, b) => [b, a] as const),
    ).flat();
    const paths = pathsToDisk(switchesLinked(12, all), idOf('h'), idOf('d'), 8);
    expect(paths).to.have.length(pathsMax);
    expect(paths[0]?.hops).to.equal(3);
    expect(paths[pathsMax - 1]?.hops).to.equal(5);
  });
});

describe('the HBA map', () => {
  it('names the HBAs that reach a disk, and none for a disk out of reach', () => {
    const topology = topologyOf(smallTopology());
    const links = topology.links.filter(
      ({ ends }) => !(ends.includes('s1') && ends.includes('s2')) && !ends.includes('d4'),
    );
    const oneSwitch = links.filter(
      ({ id }) => id !== 's1-d1' && id !== 'h1-b-s2' && id !== 'h1-a-s1',
    );
    const map = hbaMapOf(wiringOf({ ...topology, links: oneSwitch }));
    expect([...map]).to.deep.equal([
      ['d1', ['h1-a']],
      ['d2', ['h1-a', 'h1-b']],
      ['d3', ['h1-a', 'h1-b']],
      ['d4', []],
    ]);
  });

  it('counts the fewest hops to everything', () => {
    const hops = hopsFrom(wiringOf(topologyOf(smallTopology())), hba);
    expect(hops.get('s2')).to.equal(1);
    expect(hops.get('d4')).to.equal(2);
    expect(hops.get('h1-b')).to.equal(2);
  });
});

describe('paths of two fabrics', () => {
  const wiring = wiringOf(topologyOf(twoFabrics()));
  const fabricOf = new Map(topologyOf(twoFabrics()).links.map(({ id, fabric }) => [id, fabric]));
  const fabricsOf = (links: readonly LinkId[]) => new Set(links.map((link) => fabricOf.get(link)));

  it('stay on the fabric of their HBA', () => {
    for (const [from, fabric] of [
      ['h1-a', 'n1'],
      ['h1-b', 'n2'],
    ] as const) {
      const paths = pathsToDisk(wiring, idOf(from), d1);
      expect(paths).not.to.be.empty;
      for (const { links } of paths)
        expect(fabricsOf(links), links.join()).to.deep.equal(new Set([fabric]));
    }
  });

  it('from a switch to a disk there is one of each fabric, and none that changes from one to the other', () => {
    const direct = pathsToDisk(wiring, idOf('s1'), d1, 1).map(({ links }) => links.join());
    expect(direct).to.deep.equal(['s1-d1-n1', 's1-d1-n2']);
    for (const { links } of pathsToDisk(wiring, idOf('s1'), d1))
      expect(fabricsOf(links).size, links.join()).to.equal(1);
  });

  it('reach no disk that is on the other fabric only', () => {
    const { links, ...rest } = topologyOf(twoFabrics());
    const without = wiringOf({
      ...rest,
      links: links.filter(({ ends, fabric }) => !ends.includes('d1') || fabric === 'n2'),
    });
    expect(hbaMapOf(without).get(d1)).to.deep.equal(['h1-b']);
    expect(hopsFrom(without, 's1').get('d1')).to.equal(1);
    expect(volumeReachOf(without, [hba]).has('d1')).to.equal(false);
    expect(volumeReachOf(without, [idOf('h1-b')]).has('d1')).to.equal(true);
  });
});
