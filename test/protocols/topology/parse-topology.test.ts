import { expect } from 'chai';
import fc from 'fast-check';
import { listensOverlap, listenText, parseListen } from '../../../protocols/topology/listen.ts';
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import { parseSize, sizeText } from '../../../protocols/topology/sizes.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { smallTopology, smallVolume, topologyOf, twoFabrics } from './small-topology.ts';

describe('a topology that leaves things out', () => {
  const topology = topologyOf(smallTopology());

  it('gets a node for each host with its HBAs, for each switch, disk and virtualizer', () => {
    expect(topology.nodes.map(({ id }) => id)).to.deep.equal([
      ...['h1', 's1', 's2', 'd1', 'd2', 'd3', 'd4', 'v1'],
    ]);
    expect(topology.nodes[0]?.actors).to.deep.equal([
      { kind: 'host', id: 'h1' },
      { kind: 'hba', id: 'h1-a' },
      { kind: 'hba', id: 'h1-b' },
    ]);
  });

  it('gets link ids from their ends, and the first fabric', () => {
    expect(topology.links[0]).to.deep.equal({
      id: 'h1-a-s1',
      ends: ['h1-a', 's1'],
      fabric: 'n1',
      speed: 1,
    });
    expect(topology.control).to.equal('n1');
  });

  it('gets exclusive exports at the NBD port under the name of their volume', () => {
    expect(topology.hosts[0]?.exports).to.deep.equal([
      {
        volume: 'vol0',
        name: 'vol0',
        attach: 'exclusive',
        readOnly: false,
        listen: { kind: 'tcp', host: '127.0.0.1', port: 10809 },
      },
    ]);
  });

  it('gets one partition per virtualizing switch, a unit of one region, and all hosts', () => {
    const [volume] = topology.volumes;
    expect(volume?.coordinatorMap).to.deep.equal({
      kind: 'modulo',
      unitBytes: mebibyte,
      partitions: 2,
    });
    expect(volume?.coordinators).to.deep.equal(['s1', 's2']);
    expect(volume?.hosts).to.deep.equal(['h1']);
    expect(volume?.logicalBlockBytes).to.equal(512);
  });

  it('gets policies, and no faults', () => {
    expect(topology.policies).to.deep.equal({
      path: 'hops',
      route: 'whole',
      frameBytesMax: 262_144,
      ioDeadlineMs: 30_000,
      readErrorsMax: 32,
      readErrorsWithinMs: 600_000,
      noPathRetry: 30,
      detection: {
        reportAfterMs: 300,
        pingIntervalMs: 100,
        silenceMsMin: 1000,
        silenceMsMax: 2000,
        unansweredMsMax: 2000,
        deviations: 4,
      },
      failover: {
        failback: 'immediate',
        dwellSeconds: 1,
        quarantine: { failures: 3, withinSeconds: 30, forSeconds: 60 },
      },
      imbalance: {
        metric: 'answerTime',
        threshold: 3,
        hysteresis: 0.5,
        floorMs: 5,
        dwellSeconds: 3,
        minimumGain: 0.3,
      },
      membership: { staleAfterMs: 2000, resyncBytesPerSecond: 67_108_864 },
      control: { leaseMs: 3000 },
      scrub: { everyHours: 168, bytesPerSecond: 33_554_432 },
    });
    expect(topology.faults).to.equal(false);
  });
});

describe('a topology that says what it wants', () => {
  it('puts actors together in one node, and the others in their own', () => {
    const nodes = [{ id: 'box', actors: ['s1', 'h1', 'd4'] }];
    const topology = topologyOf(smallTopology({ nodes }));
    expect(topology.nodes.map(({ id }) => id)).to.deep.equal([
      ...['box', 's2', 'd1', 'd2', 'd3', 'v1'],
    ]);
    const box = topology.nodes[0]?.actors.map(({ id }) => id);
    expect(box).to.deep.equal(['s1', 'h1', 'h1-a', 'h1-b', 'd4']);
  });

  it('gives a link the fabric of its HBA, or the one that is written behind its ends', () => {
    const topology = topologyOf(twoFabrics());
    const fabricOf = (link: string) => topology.links.find(({ id }) => id === link)?.fabric;
    expect(fabricOf('h1-a-s1')).to.equal('n1');
    expect(fabricOf('h1-b-s1')).to.equal('n2');
    expect(fabricOf('s1-d1-n1')).to.equal('n1');
    expect(fabricOf('s1-d1-n2')).to.equal('n2');
    expect(fabricOf('slow')).to.equal('n2');
    expect(topology.control).to.equal('c1');
  });

  it('gives links the only fabric that HBAs are on, whichever that is', () => {
    const topology = topologyOf(smallTopology({ fabrics: ['n1', 'c1'], control: 'c1' }));
    expect(new Set(topology.links.map(({ fabric }) => fabric))).to.deep.equal(new Set(['n1']));
  });

  it('may name consecutive partitions, and their coordinators', () => {
    const coordinators = {
      map: 'consecutive',
      bounds: ['16MiB', '32MiB'],
      switches: ['s1', 's2', 's1'],
    };
    const topology = topologyOf(smallTopology({ volumes: [smallVolume({ coordinators })] }));
    expect(topology.volumes[0]?.coordinatorMap).to.deep.equal({
      kind: 'consecutive',
      bounds: [16 * mebibyte, 32 * mebibyte],
    });
    expect(topology.volumes[0]?.coordinators).to.deep.equal(['s1', 's2', 's1']);
  });

  it('never makes the parser throw, whatever it says', () => {
    const keys = Object.keys(smallTopology());
    const junk = fc.oneof(
      fc.anything({ maxDepth: 4 }),
      fc.constantFrom('s1', 'd1', 'h1-a', 'vol0'),
    );
    const change = fc.dictionary(
      fc.constantFrom(...keys, 'nodes', 'policies'),
      fc.oneof(junk, fc.array(junk)),
    );
    fc.assert(
      fc.property(change, (written) => {
        const read = parseTopology(smallTopology(written));
        expect(read.ok || read.problems.length > 0).to.equal(true);
      }),
    );
  });
});

describe('sizes and addresses as people write them', () => {
  it('a size written out is read as the same number of bytes', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.constantFrom(1, 1024, 4096, mebibyte), (count, unit) => {
        const sizeBytes = count * unit;
        if (Number.isSafeInteger(sizeBytes))
          expect(parseSize(sizeText(sizeBytes))).to.equal(sizeBytes);
      }),
    );
    expect(parseSize('1.5GiB')).to.equal(1536 * mebibyte);
    expect(parseSize('8 KiB')).to.equal(8192);
    for (const size of [
      '',
      'KiB',
      '-1',
      '1kb',
      '1MB',
      '0.3B',
      '1e3',
      '9999999TiB',
      'constructor',
      '1constructor',
    ])
      expect(parseSize(size), size).to.equal(null);
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) expect(parseSize(size)).to.equal(null);
  });

  it('an address written out is read as the same address', () => {
    for (const text of [
      'nbd://127.0.0.1:10809',
      'nbd://[::1]:0',
      'nbd://box.lan:1',
      'unix:/run/a b',
    ]) {
      const listen = parseListen(text);
      expect(listen && listenText(listen)).to.equal(text);
    }
    expect(parseListen('nbd://box/')).to.deep.equal({ kind: 'tcp', host: 'box', port: 10809 });
    for (const text of ['nbd://', 'nbd://a:65536', 'nbd://a/b', 'unix:a', 'http://a', '10809'])
      expect(parseListen(text), text).to.equal(null);
  });

  it('addresses overlap when one port or path would be listened on twice', () => {
    const overlap = (a: string, b: string) => {
      const [first, second] = [parseListen(a), parseListen(b)];
      return first !== null && second !== null && listensOverlap(first, second);
    };
    expect(overlap('nbd://127.0.0.1:1', 'nbd://127.0.0.1:1')).to.equal(true);
    expect(overlap('nbd://0.0.0.0:1', 'nbd://127.0.0.1:1')).to.equal(true);
    expect(overlap('nbd://127.0.0.2:1', 'nbd://127.0.0.1:1')).to.equal(false);
    expect(overlap('nbd://127.0.0.1:0', 'nbd://127.0.0.1:0')).to.equal(false);
    expect(overlap('unix:/a', 'unix:/a')).to.equal(true);
    expect(overlap('unix:/a', 'nbd://a:1')).to.equal(false);
  });
});
