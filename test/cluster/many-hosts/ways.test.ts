/** Which ways frames take in whole SANs: splitting (H1), route choice (H2), HBAs (H3), plain switches (S1). */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { frameBytesMaxDefault } from '../../../protocols/frames/frame.ts';
import { kibibyte, mebibyte } from '../../../protocols/units.ts';
import {
  type Plain,
  type SeenFrame,
  SimulatedSan,
  smallShippedTopology,
} from '../../tools/simulated-san.ts';

const strip = 64 * kibibyte;
const wayOf = (frames: readonly SeenFrame[]) => frames.map(({ link }) => link);

/** The shipped two-tier wiring with a disk d5 behind the plain switch, and volumes of h1 alone. */
function twoTierWith(volumes: readonly Plain[], policies: Plain = {}) {
  return smallShippedTopology('two-tier.yaml', (plain) => ({
    ...plain,
    hosts: [
      {
        id: 'h1',
        hbas: ['h1-a', 'h1-b'],
        exports: volumes.map(({ id }) => ({ volume: id, name: id })),
      },
    ],
    disks: [...(plain.disks as Plain[]), { id: 'd5', size: '24MiB' }],
    links: [
      ...(plain.links as string[][]).filter((ends) => !ends.some((end) => end.startsWith('h2'))),
      ['s4', 'd5'],
    ],
    volumes: volumes.map((volume) => ({ size: '4MiB', ...volume })),
    policies: { ...(plain.policies as Plain), ...policies },
  }));
}

const modulo = (...switches: string[]) => ({ map: 'modulo', switches });

describe('a consumer’s request that needs several disks (H1)', () => {
  it('leaves the default cluster’s host as parts in parallel, and no switch has to serialize anything', () => {
    const san = new SimulatedSan(
      smallShippedTopology('default.yaml', (plain) => ({
        ...plain,
        volumes: (plain.volumes as Plain[]).map((volume) => ({ ...volume, size: '6MiB' })),
      })),
    );
    san.watchFrames();
    const vol0 = san.volume('h1', 'vol0');
    const write = san.write(vol0, mebibyte - 3 * strip, 6 * strip, 5);
    san.runFor(0.05);
    expect(write.status, 'no part waited for another').to.equal(null);
    san.finish(write);
    const read = san.read(vol0, mebibyte - 3 * strip, 6 * strip);
    san.finish(read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(6 * strip, 5));
    const traffic = san.trafficOf('h1');
    const framesTo = (target: string) =>
      [...traffic].filter(([way]) => way.endsWith(target)).reduce((sum, [, n]) => sum + n, 0);
    const byCoordinator = [framesTo('switch:s1'), framesTo('switch:s2')];
    expect(byCoordinator, 'three parts, and the mark of a region').to.deep.equal([4, 4]);
    const reads = ['d1', 'd2', 'd3', 'd4'].map((disk) => framesTo(`disk:${disk}`));
    expect(reads[0] ?? 0).to.equal(3 - (reads[1] ?? 0));
    expect(reads[2] ?? 0).to.equal(3 - (reads[3] ?? 0));
    const { counters } = san.facts('h1') as { counters: Plain };
    expect(counters).to.include({ consumerIos: 2, splits: 2, parts: 14, errors: 0 });
    for (const { request } of san.frames) {
      if (request.operation === Operation.mark) continue;
      expect(request.lengthBytes).to.be.at.most(frameBytesMaxDefault);
      const last = request.offset + request.lengthBytes - 1;
      expect(Math.floor(last / strip)).to.equal(Math.floor(request.offset / strip));
    }
    for (const name of ['s1', 's2'])
      expect((san.facts(name) as { counters: Plain }).counters.serializedSpans).to.equal(0);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});

for (const route of ['whole', 'firstHop'])
  describe(`with policies.route: ${route}`, () => {
    const policies = { route };

    it('a disk behind one HBA only is read and written by that one (H3)', () => {
      const san = new SimulatedSan(
        twoTierWith([{ id: 'far', layout: 'd4', coordinators: modulo('s1', 's3') }], policies),
      );
      const far = san.volume('h1', 'far');
      const routes = far.view.data.diskRoutes.find(({ disk }) => disk === 'd4')?.routes ?? [];
      expect(new Set(routes.map(({ hba }) => hba))).to.deep.equal(new Set(['h1-a']));
      const at = [0, 1, 2, 3].map((unit) => unit * mebibyte);
      san.finish(...at.map((offset) => san.write(far, offset, 8192, 3)));
      const reads = at.map((offset) => san.read(far, offset, 8192));
      san.finish(...reads);
      for (const { bytes } of reads) expect(bytes).to.deep.equal(Buffer.alloc(8192, 3));
      const traffic = san.trafficOf('h1');
      expect([...traffic.keys()].filter((way) => way.startsWith('h1-b'))).to.deep.equal([]);
      expect(traffic.get('h1-a disk:d4')).to.equal(4);
      expect(san.stopAndCompare()).to.deep.equal([]);
    });

    it('the shorter of unequal ways is taken while it is there, and then the longer one (H2)', () => {
      const layout = { mirror: ['d1', 'd2'] };
      const san = new SimulatedSan(
        twoTierWith([{ id: 'near', layout, coordinators: modulo('s1') }], policies),
      );
      const near = san.volume('h1', 'near');
      const read = () => san.finish(...[0, 1, 2, 3].map((at) => san.read(near, at * strip, 4096)));
      const readsBy = (hba: string) =>
        ['d1', 'd2']
          .map((disk) => san.trafficOf('h1').get(`${hba} disk:${disk}`) ?? 0)
          .reduce((sum, frames) => sum + frames);
      read();
      expect([readsBy('h1-a'), readsBy('h1-b')]).to.deep.equal([0, 4]);
      san.node('s2').kill();
      read();
      expect(readsBy('h1-a')).to.be.at.least(4);
      expect(san.complaints).to.deep.equal([]);
    });

    it('virtualizing and plain switches on the way send frames on to a disk and to a coordinator', () => {
      const san = new SimulatedSan(
        twoTierWith(
          [
            { id: 'plain', layout: 'd5', coordinators: modulo('s1') },
            { id: 'behind', layout: 'd4', coordinators: modulo('s3') },
          ],
          policies,
        ),
      );
      san.watchFrames();
      const [plain, behind] = [san.volume('h1', 'plain'), san.volume('h1', 'behind')];
      const framesOf = (run: () => void): readonly SeenFrame[] => {
        san.frames.splice(0);
        run();
        san.runFor(1);
        return san.frames.splice(0);
      };
      const written = framesOf(() => san.finish(san.write(plain, 4096, 4096, 1)));
      // Who watches hears of frames in any order.
      expect(wayOf(written)).to.have.members(['h1-a-s1', 's1-s4', 's4-d5']);
      const read = framesOf(() => san.finish(san.read(plain, 4096, 4096)));
      const byHbaA = wayOf(read).includes('h1-a-s1');
      expect(wayOf(read)).to.have.members(
        byHbaA ? ['h1-a-s1', 's1-s4', 's4-d5'] : ['h1-b-s2', 's2-s4', 's4-d5'],
      );
      const through = framesOf(() => san.finish(san.write(behind, 0, 4096, 2)));
      expect(wayOf(through)).to.have.members(['h1-a-s1', 's1-s3', 's3-d4']);
      const carried = [read, through].map(
        (frames) => frames.find(({ link }) => link.startsWith('h1-'))?.request.route.length,
      );
      expect(carried, 'switches are told which way the host prefers').to.deep.equal([2, 1]);
      const [next] = framesOf(() => san.finish(san.read(plain, 8192, 4096)));
      expect(next?.request.route.length, 'but not each time').to.equal(route === 'whole' ? 2 : 0);
      const flushed: Status[] = [];
      const flush = framesOf(() => {
        plain.flush((status) => flushed.push(status));
        san.runUntil('the flush has ended', () => flushed.length > 0);
      });
      expect(flushed).to.deep.equal([Status.ok]);
      const [atDisk] = flush.filter(({ kind }) => kind === 'disk');
      expect(atDisk?.request.operation).to.equal(Operation.flush);
      expect(san.stopAndCompare()).to.deep.equal([]);
    });

    it('a dead link behind the first hop is named by the switch that met it', () => {
      const san = new SimulatedSan(
        twoTierWith([{ id: 'plain', layout: 'd5', coordinators: modulo('s1') }], policies),
      );
      const plain = san.volume('h1', 'plain');
      san.node('d5').kill();
      const read = san.read(plain, 0, 4096);
      san.runFor(300);
      expect(read.status).to.equal(null);
      const { paths } = san.facts('h1') as { paths: { route: string[]; state: string }[] };
      expect(paths.length).to.be.greaterThan(1);
      for (const { state } of paths) expect(state).to.equal('failed');
      const hbas = san.node('h1').assembled?.hosts[0]?.hbas ?? [];
      const links = hbas.flatMap((hba) => (hba.facts() as { links: { state: string }[] }).links);
      expect(
        links.map(({ state }) => state),
        'no first hop is blamed',
      ).to.deep.equal(['up', 'up']);
      expect((san.facts('s4') as { counters: Plain }).counters.deadLinks).to.be.greaterThan(0);
      expect(san.complaints).to.deep.equal([]);
    });
  });
